#!/usr/bin/env bash
# The centre with curl. CENTRE is where it answers, TOKEN the analyst's token.
set -euo pipefail
CENTRE=${CENTRE:-http://127.0.0.1:8090}
VILLAGE=${VILLAGE:-bamenda}
ask() { curl --silent --show-error --fail-with-body --header "Authorization: Bearer $TOKEN" "$@"; }

# Which villages there are, and what is missing of this one.
ask "$CENTRE/v1/villages"
echo
ask "$CENTRE/v1/villages/$VILLAGE"
echo

# Readings as lines, as many as there are.
ask "$CENTRE/v1/villages/$VILLAGE/readings?format=ndjson&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"

# What arrived since the last time: the cursor is kept in a file, and moved on when the lines before it are safe.
cursor_file=${CURSOR_FILE:-cursor.txt}
since=$(cat "$cursor_file" 2>/dev/null || true)
ask --get ${since:+--data-urlencode "since=$since"} --data-urlencode format=ndjson "$CENTRE/v1/changes" > changes.ndjson
sed -n 's/^{"next":"\(.*\)"}$/\1/p' changes.ndjson | tail -n 1 > "$cursor_file.new"
mv "$cursor_file.new" "$cursor_file"
grep -vc '^{"next":' changes.ndjson || true

# Energy by day, in local time.
ask "$CENTRE/v1/villages/$VILLAGE/energy?from=2026-03-01&to=2026-03-02&step=day&tz=Africa/Douala" | tr -d '\n'
echo
