#!/bin/sh
# Makes the environment of each client that tests/clients tries: one .venv per folder with a requirements.txt, and
# node/node_modules. Idempotent: what is there already is kept. With names, only those: install.sh openai2 node
# PYTHON names a Python 3.11 or newer (default: that of .venv, else python3).
set -eu
cd "$(dirname "$0")"

python3="${PYTHON:-../../.venv/bin/python}"
command -v "$python3" >/dev/null || python3=python3

say() { printf 'tests/clients: %s\n' "$*" >&2; }

python_client() { # python_client FOLDER
    wanted="$1/.venv/.ready-$(cksum <"$1/requirements.txt" | cut -d ' ' -f 1)"
    if [ -f "$wanted" ]; then
        return
    fi
    say "making $1/.venv"
    rm -rf "$1/.venv"
    "$python3" -m venv "$1/.venv"
    "$1/.venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$1/requirements.txt"
    touch "$wanted"
}

node_client() {
    wanted="node/node_modules/.ready-$(cksum <node/package-lock.json | cut -d ' ' -f 1)"
    if [ -f "$wanted" ]; then
        return
    fi
    if ! command -v npm >/dev/null; then
        say "node is left out: install Node.js 20 or newer with npm"
        return
    fi
    say "making node/node_modules"
    (cd node && npm ci --silent)
    touch "$wanted"
}

if [ "$#" = 0 ]; then
    set -- openai1 openai2 openai3 aiohttp node
fi
for client; do
    case "$client" in
        node) node_client ;;
        *) python_client "$client" ;;
    esac
done
say "ready"
