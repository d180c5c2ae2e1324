#!/usr/bin/env bash
# Tells a chat of an outcome: {"text": "…"} to NOTIFY_WEBHOOK, as Slack, Mattermost and their kin take it.
#
#   notify.sh TEXT
#
# Without NOTIFY_WEBHOOK it says so and does nothing. The address is a secret: it is handed to curl as its standard input,
# so that no list of processes has it, and is never printed.
set -euo pipefail

if [ "$#" -ne 1 ]; then
  echo "notify.sh: usage: notify.sh TEXT" >&2
  exit 2
fi
if [ -z "${NOTIFY_WEBHOOK:-}" ]; then
  echo "notify.sh: NOTIFY_WEBHOOK is not set; nobody is told: $1"
  exit 0
fi
body="$(jq -cn --arg text "$1" '{text: $text}')"
curl --config - --silent --show-error --fail --output /dev/null --max-time 30 --retry 3 \
  --header 'Content-Type: application/json' --data-raw "$body" <<<"url = \"$NOTIFY_WEBHOOK\""
echo "notify.sh: told: $1"
