#!/usr/bin/env bash
# Looks at the CronJobs of an overlay, or of a village's folder, as they are in the cluster: each must be there, have the
# schedule and the time zone the overlay gives it, not be suspended, never run beside itself, and have a deadline for its
# start. Says of each what is wrong; exit code 1 when anything is.
#
#   verify-cronjob.sh OVERLAY
#
# EXPECTED_SCHEDULE, where set, must be every schedule. An overlay without a CronJob has nothing to verify: that is said.
set -euo pipefail

if [ "$#" -ne 1 ]; then
  echo "verify-cronjob.sh: usage: verify-cronjob.sh OVERLAY" >&2
  exit 2
fi
overlay="$1"

# What the overlay gives: name, time zone and schedule of each CronJob, separated by tabs. Its own fields are two in.
rendered="$(kubectl kustomize "$overlay")"
wanted="$(awk '
  function tell() { if (kind == "CronJob") print name "\t" zone "\t" schedule; kind = name = zone = schedule = part = "" }
  function value(line) { sub(/^[^:]*: */, "", line); gsub(/^["\047]|["\047]$/, "", line); return line }
  /^---/ { tell(); next }
  /^[a-zA-Z]/ { part = $1 }
  /^kind: / { kind = $2 }
  part == "metadata:" && /^  name: / { name = value($0) }
  part == "spec:" && /^  timeZone: / { zone = value($0) }
  part == "spec:" && /^  schedule: / { schedule = value($0) }
  END { tell() }' <<<"$rendered" | jq -Rn '[inputs | split("\t") | {name: .[0], zone: .[1], schedule: .[2]}]')"
if [ "$(jq 'length' <<<"$wanted")" -eq 0 ]; then
  echo "verify-cronjob.sh: $overlay has no CronJob: nothing to verify"
  exit 0
fi

if ! found="$(kubectl get -k "$overlay" --ignore-not-found -o json)"; then
  echo "verify-cronjob.sh: the cluster cannot be asked for $overlay" >&2
  exit 1
fi
# One object is answered as itself, several as a list, none as nothing.
jobs="$(jq -s '[.[] | if .kind == "List" then .items[] else . end | select(.kind == "CronJob")]' <<<"$found")"
faults="$(jq -r --argjson wanted "$wanted" --arg expected "${EXPECTED_SCHEDULE:-}" '
  . as $jobs | $wanted[] | . as $want | ($jobs | map(select(.metadata.name == $want.name))[0]) as $job |
  "\($want.name):" as $name |
  if $job == null then "\($name) is not in the cluster" else $job.spec |
    (if .schedule == $want.schedule then empty else "\($name) schedule is \"\(.schedule)\", not \"\($want.schedule)\"" end),
    (if $expected == "" or .schedule == $expected then empty else "\($name) schedule is \"\(.schedule)\", expected \"\($expected)\"" end),
    (if (.timeZone // "") == "" then "\($name) has no timeZone"
     elif .timeZone != $want.zone then "\($name) timeZone is \(.timeZone), not \($want.zone)" else empty end),
    (if .suspend == true then "\($name) is suspended" else empty end),
    (if .concurrencyPolicy == "Forbid" then empty else "\($name) concurrencyPolicy is \(.concurrencyPolicy)" end),
    (if .startingDeadlineSeconds == null then "\($name) has no startingDeadlineSeconds" else empty end)
  end' <<<"$jobs")"
if [ -n "$faults" ]; then
  echo "$faults" >&2
  exit 1
fi
jq -r '.[] | "\(.metadata.namespace)/\(.metadata.name): \(.spec.schedule) \(.spec.timeZone), not suspended"' <<<"$jobs"
