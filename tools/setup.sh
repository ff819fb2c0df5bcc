#!/bin/sh
# Makes .venv ready for `make`: setup.sh all (the commands) or setup.sh dev (with tests and linters).
# Needs a Python of at least 3.11 and nothing else; whatever it installs is locked by hash.
set -eu
cd "$(dirname "$0")/.."
part="$1"
venv=.venv

say() { printf 'offramp: %s\n' "$*" >&2; }

usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    without_venv=""
    for python in ${PYTHON:-} python3.13 python3.12 python3.11 python3.14 python3; do
        usable "$python" || continue
        if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$python"
            return
        fi
        without_venv="$python"
    done
    if [ -n "$without_venv" ]; then
        say "$without_venv cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv"
    else
        say "no Python of at least 3.11 found (tried python3.13, python3.12, python3.11, python3.14, python3);" \
            "install one from your system or https://www.python.org, or name one: make PYTHON=/path/to/python3.12"
    fi
    exit 2
}

if ! usable "$venv/bin/python"; then
    python="$(find_python)"
    say "making .venv with $("$python" --version 2>&1) (once)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
elif ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$venv/bin/python" -m ensurepip >/dev/null
fi

pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

say "installing requirements/$part.txt (about a minute the first time)"
pip install --quiet --require-hashes -r "requirements/$part.txt"
pip install --quiet --require-hashes -r requirements/build.txt
# The tree itself, in place: its dependencies and its build tools are already there, so nothing is downloaded unhashed.
pip install --quiet --no-deps --no-build-isolation --no-index --editable .

[ "$part" = dev ] && touch "$venv/.ready-all"
touch "$venv/.ready-$part"
