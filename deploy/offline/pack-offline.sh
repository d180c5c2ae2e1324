#!/bin/sh
# Packs images and manifests for a K3s node without a network, say onto a USB stick. Run where there is a network.
# The checksums are written last and the folder gets its name after that, so a stick pulled out too early holds no pack.
set -eu

usage() {
  cat >&2 <<'TEXT'
usage: pack-offline.sh --overlay FOLDER --platform PLATFORM --release VERSION [--pull] [--image NAME]... OUT

  --overlay FOLDER      the village's folder below k8s/villages; its secrets, if it has any, are on the stick then
  --platform PLATFORM   linux/amd64, linux/arm64 or linux/arm/v7: what the node is
  --release VERSION     what to call this pack
  --pull                fetch the images for that platform first; otherwise those of this machine are packed
  --image NAME          an image to pack; without it those that the manifests name
  OUT                   folder on the stick; made here
TEXT
  exit 2
}

fail() {
  echo "pack-offline.sh: $1" >&2
  exit 1
}

overlay='' platform='' release='' out='' images='' pull=no
while [ $# -gt 0 ]; do
  case $1 in
    --pull) pull=yes ;;
    --overlay | --platform | --release | --image)
      [ $# -ge 2 ] || usage
      case $1 in
        --overlay) overlay=$2 ;;
        --platform) platform=$2 ;;
        --release) release=$2 ;;
        --image) images="$images $2" ;;
      esac
      shift
      ;;
    -*) usage ;;
    *)
      [ -z "$out" ] || usage
      out=$1
      ;;
  esac
  shift
done
for needed in "$overlay" "$platform" "$release" "$out"; do
  [ -n "$needed" ] || usage
done
case $platform in
  linux/amd64 | linux/arm64 | linux/arm/v7) ;;
  *) fail "there are no images for $platform; use linux/amd64, linux/arm64 or linux/arm/v7" ;;
esac
if [ -e "$out" ]; then fail "$out is there already; delete it or name another folder"; fi

here=$(cd "$(dirname "$0")" && pwd)
final=$out
out=$final.part
rm -rf "$out"
mkdir -p "$out/images"

echo "Rendering the manifests of $overlay ..."
kubectl kustomize "$overlay" > "$out/manifests.yaml" || fail "the overlay $overlay cannot be rendered"
# Of a node that is told no village the pod would fail at the site, and nobody is there to see it.
if grep -Eq "^ +VILLAGE_ID: *(\"\"|'')?\$" "$out/manifests.yaml"; then
  fail "$overlay names no village (VILLAGE_ID); pack a village's folder, such as k8s/villages/bamenda"
fi

# Each once, whatever quotes they stand in.
[ -n "$images" ] || images=$(sed -n 's/^[ -]*image:[ ]*//p' "$out/manifests.yaml" | tr -d "\"'" | sort -u)
[ -n "$images" ] || fail "the manifests of $overlay name no image"

# Under a name that the node has had before, another image would not be started there.
for image in $images; do
  case $image in
    solar-sync/*:"$release" | */solar-sync/*:"$release") ;;
    solar-sync/* | */solar-sync/*)
      fail "$image is not of release $release; build it with that tag, and put the tag (newTag) into the overlay" ;;
  esac
done

for image in $images; do
  if [ "$pull" = yes ]; then
    echo "Fetching $image for $platform ..."
    docker pull --quiet --platform "$platform" "$image" > /dev/null || fail "$image cannot be fetched for $platform"
  fi
  # Docker tells arm/v7 as arm: no other 32-bit ARM is among those above.
  is=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$image") ||
    fail "$image is not on this machine; build it, or use --pull"
  [ "$is" = "${platform%/v7}" ] || fail "$image is for $is, and the node is $platform"
  file=$(printf 'solar-sync-%s.tar' "$(printf '%s' "$image" | tr '/:@' '---')")
  echo "Packing $image as images/$file ..."
  docker save --output "$out/images/$file" "$image" || fail "$image cannot be packed"
  printf '%s %s\n' "$file" "$image" >> "$out/images.txt"
done

cp "$here/install-offline.sh" "$out/"
printf '%s %s\n' "$release" "$platform" > "$out/VERSION"

echo "Writing the checksums ..."
(
  cd "$out"
  find . -type f ! -name 'checksums.sha256*' | sort | xargs sha256sum > checksums.sha256.part
  # What is still in memory when the stick is pulled out was never packed.
  sync
  mv checksums.sha256.part checksums.sha256
)
mv "$out" "$final"
sync
echo "Release $release for $platform is packed in $final. At the node: sh install-offline.sh"
