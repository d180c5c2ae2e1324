#!/usr/bin/env bash
# A village's node with curl. NODE is where it answers, TOKEN its EDGE_TOKEN where it has one.
set -euo pipefail
NODE=${NODE:-http://127.0.0.1:8080}
ask() { curl --silent --show-error --fail-with-body ${TOKEN:+--header "Authorization: Bearer $TOKEN"} "$@"; }

# Sends until the node has them on its disk. Safe to repeat, because every reading has its `at`; what is refused for what it is
# (any other 4xx) is not sent again.
post_readings() {
  local answer status try
  answer=$(mktemp)
  for try in 1 2 3 4 5 6 7 8; do
    status=$(curl --silent ${TOKEN:+--header "Authorization: Bearer $TOKEN"} --header 'Content-Type: application/json' \
      --data "$1" --output "$answer" --write-out '%{http_code}' "$NODE/v1/readings") || status=none
    case $status in
      201) cat "$answer" && rm "$answer" && return ;;
      none | 429 | 503 | 507) sleep "$try" ;;
      *) break ;;
    esac
  done
  cat "$answer" >&2
  rm "$answer"
  return 1
}
post_readings '[{"device":"meter-7","at":"2026-03-01T12:00:00Z","powerW":412.5,"energyKwh":1830.25},
                {"device":"meter-8","at":"2026-03-01T12:00:00Z","powerW":77}]'
echo

# What the node keeps, and how it is.
ask "$NODE/v1/readings?device=meter-7&order=desc&limit=1"
echo
ask "$NODE/v1/status"
echo

# Everything to the centre now; the last line says how it ended.
ask --no-buffer --header 'Content-Type: application/json' --data '{"deadlineS":60}' "$NODE/v1/replicate" | tail -n 1

# A registry document, made once; then edited on the revision that its ETag names.
device="$NODE/v1/registry/device/meter-7"
if ! ask --output /dev/null "$device" 2>/dev/null; then
  ask --request PUT --header 'Content-Type: application/json' \
    --data '{"model":"DDS-353","serial":"24-0117","role":"customer"}' "$device"
  echo
fi
etag=$(ask --dump-header - --output /dev/null "$device" | tr -d '\r' | sed -n 's/^[Ee][Tt][Aa][Gg]: //p')
ask --request PUT --header "If-Match: $etag" --header 'Content-Type: application/json' \
  --data '{"model":"DDS-353","serial":"24-0117","role":"customer","phase":2}' "$device"
echo
