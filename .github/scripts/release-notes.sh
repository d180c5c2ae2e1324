#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version; exit code 1 where it says nothing: a release is described before it is made.
#
#   release-notes.sh 1.2.3 [CHANGELOG.md]
set -euo pipefail

if [ "$#" -lt 1 ]; then
  echo "release-notes.sh: usage: release-notes.sh VERSION [FILE]" >&2
  exit 2
fi
file="${2:-CHANGELOG.md}"
notes="$(awk -v heading="## [$1]" '
  index($0, heading) == 1 { within = 1; next }
  /^## / { within = 0 }
  within' "$file")"
if [ -z "${notes//[[:space:]]/}" ]; then
  echo "release-notes.sh: $file says nothing of version $1" >&2
  exit 1
fi
echo "$notes"
