#!/usr/bin/env bash
# Waits until the named workflows have ended for a commit that was pushed; exit code 1 as soon as one of them has not
# succeeded, or when CHECKS_TIMEOUT_S (seconds; 7200 unless set) is over.
#
#   wait-for-checks.sh COMMIT WORKFLOW…        as: wait-for-checks.sh 4f2c1d0… build.yml test.yml
#
# Asks GitHub by its own gh, which needs GH_TOKEN with `actions: read` and GH_REPO.
set -euo pipefail

if [ "$#" -lt 2 ]; then
  echo "wait-for-checks.sh: usage: wait-for-checks.sh COMMIT WORKFLOW…" >&2
  exit 2
fi
commit="$1"
shift

until_s=$((SECONDS + ${CHECKS_TIMEOUT_S:-7200}))
for workflow in "$@"; do
  while :; do
    # A failed question is one more wait: GitHub is asked again.
    state="$(gh run list --commit "$commit" --workflow "$workflow" --event push --limit 1 \
      --json status,conclusion --jq '.[0] | if .status == "completed" then .conclusion else "" end')" || state=""
    [ -z "$state" ] || break
    if [ "$SECONDS" -ge "$until_s" ]; then
      echo "wait-for-checks.sh: $workflow has not ended for $commit in time" >&2
      exit 1
    fi
    sleep "${CHECKS_PAUSE_S:-30}"
  done
  if [ "$state" != success ]; then
    echo "wait-for-checks.sh: $workflow ended with $state for $commit" >&2
    exit 1
  fi
  echo "wait-for-checks.sh: $workflow succeeded for $commit"
done
