#!/usr/bin/env bash
# Brings what looks at the binary from outside: stock Standard Webhooks libraries, the OpenAPI linter.
set -euo pipefail
cd "$(dirname "$0")/outside"
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error
fi
if [ ! -x .venv/bin/python ] || [ requirements.txt -nt .venv/pyvenv.cfg ]; then
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
  touch .venv/pyvenv.cfg
fi
