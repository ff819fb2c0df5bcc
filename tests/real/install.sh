#!/bin/sh
# Installs what tests/real needs: a vLLM that runs on the CPU with a tiny model (2.4 GB, about two minutes), and nginx.
# Idempotent: what is there already is kept. Environment variables:
#   OFFRAMP_REAL_DIR   where vLLM goes (default: ~/.cache/offramp-real)
#   OFFRAMP_TORCH      what pip is asked for (default: torch==2.13.0); it must be the CPU build of 2.13.0. Where pip finds
#                      only the one for CUDA, name a wheel: a path or an address from https://pytorch.org/get-started
#   PYTHON             a Python 3.11 or newer (default: that of .venv, else python3)
set -eu
cd "$(dirname "$0")"

python3="${PYTHON:-../../.venv/bin/python}"
command -v "$python3" >/dev/null || python3=python3

say() { printf 'tests/real: %s\n' "$*" >&2; }

install_nginx() {
    if command -v nginx >/dev/null; then
        return
    fi
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "nginx is left out: install it with your system's packages (apt-get install nginx-light)"
        return
    fi
    say "installing nginx"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends nginx-light >/dev/null ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light >/dev/null; }
}

install_vllm() {
    root="${OFFRAMP_REAL_DIR:-$HOME/.cache/offramp-real}"
    wanted="$(cat vllm.txt name_vllm.py tiny_model.py | cksum | cut -d ' ' -f 1)"
    if [ -f "$root/.ready-$wanted" ]; then
        return
    fi
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        say "vLLM on the CPU is left out: its build is for Linux on x86-64"
        return
    fi
    rm -rf "$root/venv" "$root/model" "$root"/.ready-*
    mkdir -p "$root"
    say "making $root/venv"
    "$python3" -m venv "$root/venv"
    python="$root/venv/bin/python"
    say "installing ${OFFRAMP_TORCH:-torch==2.13.0}"
    "$python" -m pip install -qq --disable-pip-version-check --no-deps "${OFFRAMP_TORCH:-torch==2.13.0}"
    say "installing vllm.txt"
    "$python" -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r vllm.txt
    "$python" name_vllm.py
    # Without these files each of vLLM's three processes compiles all of Python's sources at each start: 58 s instead of 22 s.
    say "compiling"
    "$python" -m compileall -q -q -j 0 "$root/venv/lib" >/dev/null || true
    say "making the model"
    HF_HUB_OFFLINE=1 "$python" tiny_model.py "$root/model"
    touch "$root/.ready-$wanted"
}

install_nginx
install_vllm
say "ready"
