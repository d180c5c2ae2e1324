#!/bin/sh
# Takes out of production node_modules what no program loads: types, maps, sources of the native binding, tests,
# and the bindings of other platforms. Licences stay. The image builds run it, and so does the test that weighs the result.
#
# usage: slim-modules.sh FOLDER TARGETARCH      TARGETARCH: amd64, arm64 or arm (v7), as Docker names them
set -eu

folder=$1
case $2 in
  amd64) binding=linux-x64/node.napi.glibc.node ;;
  arm64) binding=linux-arm64/node.napi.armv8.node ;;
  arm) binding=linux-arm/node.napi.armv7.node ;;
  *)
    echo "slim-modules.sh: there is no prebuilt LevelDB binding for $2; use amd64, arm64 or arm" >&2
    exit 2
    ;;
esac

find "$folder" -type d -name prebuilds | while read -r prebuilds; do
  if [ ! -f "$prebuilds/$binding" ]; then
    echo "slim-modules.sh: $prebuilds has no $binding" >&2
    exit 1
  fi
  find "$prebuilds" -type f ! -path "$prebuilds/$binding" -delete
  # The C++ sources beside them are for compiling, which no image does.
  rm -rf "${prebuilds%/prebuilds}/deps"
done

find "$folder" -depth -type d \( -name test -o -name tests -o -name example -o -name examples -o -name .github \) \
  -exec rm -rf {} +
find "$folder" -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.cc' \
  -o -name '*.h' -o -name '*.gyp' -o -name '*.gypi' -o -name '.eslintrc' -o -name '.nycrc' -o -name '.npmignore' \
  -o -name '.editorconfig' -o -name '*.yml' \) -delete
find "$folder" -type f -name '*.md' ! -iname 'licen[cs]e*' -delete
# npm's own note of what it installed: of no use where npm is never run.
rm -f "$folder/.package-lock.json"
find "$folder" -type d -empty -delete
