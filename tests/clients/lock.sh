#!/bin/sh
# Writes the locks of the client environments, each with its hashes and no address of an index (needs uv and npm).
set -eu
cd "$(dirname "$0")"

# A release has a week to be found out before it is locked. LOCK_DATE=YYYY-MM-DD repeats an older lock.
day="${LOCK_DATE:-$(python3 -c 'import datetime as d; print((d.datetime.now(d.timezone.utc) - d.timedelta(days=7)).date())')}"

for input in */requirements.in; do
    folder="$(dirname "$input")"
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --exclude-newer "${day}T00:00:00Z" --output-file "$folder/requirements.txt" "$input" >/dev/null
    echo "tests/clients/$folder/requirements.txt: $(grep -c '==' "$folder/requirements.txt") packages"
done
cd node
rm -f package-lock.json
npm install --package-lock-only --before="$day"
