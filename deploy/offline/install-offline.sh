#!/bin/sh
# Installs a pack made by pack-offline.sh on the K3s node it is run on, without a network. May be run again at any time.
#
# In this order: everything on the stick is held against its checksum before anything is touched; then it is copied beside
# what runs, and the copies are held against the checksums, too; only then are images imported and manifests applied. So a
# damaged stick changes nothing, and one that is pulled out half-way leaves what ran running.
set -eu

# Images lying here are imported at every start of K3s: the garbage collection of a full disk takes none for good.
images_dir=${K3S_IMAGES_DIR:-/var/lib/rancher/k3s/agent/images}

usage() {
  cat >&2 <<'TEXT'
usage: install-offline.sh [--dry-run]      run it from the stick

  --dry-run   checks the stick and the node, says what would be done, and changes nothing
TEXT
  exit 2
}

fail() {
  echo "install-offline.sh: $1" >&2
  exit 1
}

dry_run=no
for argument in "$@"; do
  case $argument in
    --dry-run) dry_run=yes ;;
    *) usage ;;
  esac
done

cd "$(dirname "$0")"
[ -f checksums.sha256 ] || fail "this pack is not complete: it has no checksums.sha256. Nothing was changed; pack it again."

echo "Checking every file on the stick ..."
sha256sum --check --strict --quiet checksums.sha256 ||
  fail "the stick is damaged: the files named above are not what was packed. Nothing was changed; pack it again."
# What the checksums do not know was not packed, whoever put it there.
expected=$(sed 's/^[0-9a-f]*[ *]*//' checksums.sha256 | sort)
found=$(find . -type f ! -name checksums.sha256 | sort)
[ "$expected" = "$found" ] || fail "the stick holds files that were not packed. Nothing was changed; pack it again."

read -r release platform < VERSION
case $(uname -m) in
  x86_64) machine=linux/amd64 ;;
  aarch64) machine=linux/arm64 ;;
  armv7l) machine=linux/arm/v7 ;;
  *) machine="an unknown machine ($(uname -m))" ;;
esac
# A 64-bit kernel may run below a 32-bit system, which needs 32-bit images.
if [ "$machine" = linux/arm64 ] && [ "$platform" = linux/arm/v7 ] && [ "$(getconf LONG_BIT)" = 32 ]; then machine=$platform; fi
[ "$machine" = "$platform" ] || fail "the pack is for $platform, and this node is $machine. Nothing was changed."
command -v k3s > /dev/null || fail "there is no k3s on this machine. Nothing was changed."

echo "The stick holds release $release for $platform, and is whole."

checksum_of() { sed -n "s|^\\([0-9a-f]*\\) [ *]\\./$1\$|\\1|p" checksums.sha256; }
is_same() { [ -f "$1" ] && [ "$(sha256sum < "$1" | cut -d ' ' -f 1)" = "$2" ]; }
is_there() { is_same "$images_dir/$1" "$(checksum_of "images/$1")"; }

# Once as files and once imported, but for those an earlier run has brought.
needed_kib=0
while read -r file image; do
  is_there "$file" || needed_kib=$((needed_kib + 2 * $(du -k "images/$file" | cut -f 1)))
done < images.txt
parent=$images_dir
while [ ! -d "$parent" ]; do parent=$(dirname "$parent"); done
free_kib=$(df -Pk "$parent" | awk 'NR == 2 { print $4 }')
[ "$free_kib" -ge "$needed_kib" ] ||
  fail "$parent has $((free_kib / 1024)) MB free, and $((needed_kib / 1024)) MB are needed. Nothing was changed."

if [ "$dry_run" = yes ]; then
  while read -r file image; do
    if is_there "$file"; then echo "Would import $image, which is there already."
    else echo "Would copy images/$file to $images_dir and import $image."; fi
  done < images.txt
  echo "Would apply the manifests. Nothing was changed."
  exit 0
fi

mkdir -p "$images_dir"
replaced=$images_dir/.solar-sync-replaced
# What a power cut has left of an earlier run.
rm -rf "$images_dir"/.solar-sync.*
staging=$(mktemp -d "$images_dir/.solar-sync.XXXXXX")
trap 'rm -rf "$staging"' EXIT
trap 'exit 1' HUP INT TERM

# Copies, checks the copy, and is on the disk when it returns.
fetch() {
  cp "$1" "$staging/$2" || fail "$1 cannot be copied. What runs here was not changed; run this again."
  is_same "$staging/$2" "$(checksum_of "$1")" ||
    fail "the copy of $1 is not what was packed. What runs here was not changed; run this again."
}

echo "Copying to this node's disk ..."
fetch manifests.yaml manifests.yaml
fetch images.txt images.txt
while read -r file image; do
  is_there "$file" || fetch "images/$file" "$file"
done < images.txt
sync

# From here on the stick is not needed any more.
cd "$staging"
while read -r file image; do
  if [ -f "$file" ]; then
    # The same name and another image: the manifests do not show it. Remembered until the pods are started anew.
    if [ -e "$images_dir/$file" ]; then : > "$replaced"; fi
    mv "$file" "$images_dir/$file"
  fi
  echo "Importing $image ..."
  k3s ctr images import "$images_dir/$file" > /dev/null < /dev/null ||
    fail "$image cannot be imported. The manifests were not applied; run this again."
done < images.txt

echo "Applying the manifests ..."
k3s kubectl apply -f manifests.yaml || fail "the manifests were not all applied; run this again."

if [ -e "$replaced" ]; then
  for namespace in $(sed -n 's/^  namespace: *//p' manifests.yaml | tr -d "\"'" | sort -u); do
    echo "An image is another under its old name: starting the pods in $namespace anew ..."
    k3s kubectl rollout restart statefulset --namespace "$namespace" --selector app.kubernetes.io/part-of=solar-sync ||
      fail "the pods in $namespace were not started anew; run this again."
  done
  rm -f "$replaced"
fi

# Images of earlier releases; those that run are kept by containerd.
for old in "$images_dir"/solar-sync-*.tar; do
  if ! grep -q "^$(basename "$old") " images.txt; then
    echo "Removing $(basename "$old") of an earlier release."
    rm -f "$old"
  fi
done
echo "Release $release is installed. Its pods: k3s kubectl get pods --all-namespaces"
