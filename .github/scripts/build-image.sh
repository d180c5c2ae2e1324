#!/usr/bin/env bash
# Builds the image of one program for every platform and, with --push, pushes it, with more tries where that fails.
#
#   build-image.sh edge|server IMAGE [--push] [--attest] TAG…
#
# IMAGE is the name without a tag, as ghcr.io/example/solar-sync/edge. Layers are kept in IMAGE:buildcache: read always,
# written where something is pushed. --attest adds an SBOM and provenance to the image. With METADATA_FILE set, buildx
# writes what it made there (the digest, for one). PLATFORMS replaces the list of platforms. IMAGE_VERSION and GITHUB_SHA,
# where set, become labels of the image, with the time of the commit: the same commit is the same image.
set -euo pipefail

usage() {
  echo "build-image.sh: $1; usage: build-image.sh edge|server IMAGE [--push] [--attest] TAG…" >&2
  exit 2
}

program="${1:-}"
image="${2:-}"
case "$program" in edge | server) ;; *) usage "the program must be edge or server" ;; esac
[ -n "$image" ] || usage "no image given"
shift 2

scripts="$(cd "$(dirname "$0")" && pwd)"
push=false
arguments=(
  --platform "${PLATFORMS:-linux/amd64,linux/arm64,linux/arm/v7}"
  --file "Dockerfile.$program"
  --cache-from "type=registry,ref=$image:buildcache"
)
[ -z "${IMAGE_VERSION:-}" ] || arguments+=(--build-arg "VERSION=$IMAGE_VERSION")
if [ -n "${GITHUB_SHA:-}" ]; then
  arguments+=(--build-arg "REVISION=$GITHUB_SHA" --build-arg "CREATED=$(git log -1 --format=%cI "$GITHUB_SHA")")
fi
tags=()
for argument in "$@"; do
  case "$argument" in
    --push) push=true ;;
    --attest) arguments+=(--sbom=true --provenance=mode=max) ;;
    -*) usage "unknown flag $argument" ;;
    *) tags+=(--tag "$image:$argument") ;;
  esac
done
[ "${#tags[@]}" -gt 0 ] || usage "no tag given"
[ -z "${METADATA_FILE:-}" ] || arguments+=(--metadata-file "$METADATA_FILE")

if [ "$push" = false ]; then
  exec docker buildx build "${arguments[@]}" "${tags[@]}" --output type=cacheonly .
fi
# The builder keeps the layers: a second try sends, it does not build again.
exec "$scripts/retry.sh" docker buildx build "${arguments[@]}" "${tags[@]}" \
  --cache-to "type=registry,ref=$image:buildcache,mode=max" --push .
