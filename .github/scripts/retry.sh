#!/usr/bin/env bash
# Runs a command; where it fails, once more after each of the waits in RETRY_WAITS_S (seconds; "10 20 30" unless set).
# Ends with the command's own exit code, that of its last try. For what a network does: pushes to a registry.
#
#   retry.sh docker buildx build --push …
set -uo pipefail

if [ "$#" -eq 0 ]; then
  echo "retry.sh: no command given" >&2
  exit 2
fi

try=1
"$@"
code=$?
for wait_s in ${RETRY_WAITS_S:-10 20 30}; do
  [ "$code" -eq 0 ] && break
  echo "retry.sh: try $try ended with exit code $code; the next one in $wait_s s" >&2
  sleep "$wait_s"
  try=$((try + 1))
  "$@"
  code=$?
done
[ "$code" -eq 0 ] || echo "retry.sh: given up after $try tries; exit code $code" >&2
exit "$code"
