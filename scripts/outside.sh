#!/usr/bin/env bash
# Installs the stock libraries where they are missing and tries the binary from outside.
set -euo pipefail
binary=$(realpath "${1:?the binary}")
cd "$(dirname "$0")/outside"
[ -d node_modules ] && [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error
if [ ! -x .venv/bin/python ]; then
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
fi
exec .venv/bin/python outside.py "$binary"
