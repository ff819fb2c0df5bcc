#!/bin/sh
# Writes vllm.txt: what install.sh installs, with hashes, for Python 3.11 and newer on x86-64 Linux (needs uv).
set -eu
cd "$(dirname "$0")"
uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes --no-header \
    --override without.txt --output-file vllm.txt vllm.in >/dev/null
