#!/bin/sh
# Writes requirements/*.txt: every package with its hashes, for Python 3.11 and newer on every platform, no index address.
# Needs uv (https://docs.astral.sh/uv/); installing what it writes does not. Run by `make lock`.
set -eu
cd "$(dirname "$0")/.."

# A release has a week to be found out before it is locked. LOCK_DATE=YYYY-MM-DD repeats an older lock.
day="${LOCK_DATE:-$(python3 -c 'import datetime as d; print((d.datetime.now(d.timezone.utc) - d.timedelta(days=7)).date())')}"

# Exceptions from the week, one a line as `--exclude-newer-package NAME=DATE`, each with its reason and its own date.
# None at present.
exceptions=""

lock() { # lock NAME INPUT [OPTION…]
    name="$1"
    shift
    # shellcheck disable=SC2086 # the exceptions are words
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --exclude-newer "${day}T00:00:00Z" $exceptions --output-file "requirements/$name.new" "$@" >/dev/null
    {
        echo "# Locked by \`make lock\`; releases up to $day. Install with: pip install --require-hashes -r requirements/$name.txt"
        cat "requirements/$name.new"
    } >"requirements/$name.txt"
    rm "requirements/$name.new"
    echo "requirements/$name.txt: $(grep -c '==' "requirements/$name.txt") packages"
}

lock build requirements/build.in
lock dev pyproject.toml --group dev --constraint requirements/build.txt
# The same versions everywhere: what the tests ran with is what production gets.
lock all pyproject.toml --constraint requirements/dev.txt
lock serve requirements/serve.in --constraint requirements/dev.txt
