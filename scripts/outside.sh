#!/usr/bin/env bash
# Tries the binary from outside, with the stock libraries that outside-tools.sh has brought.
set -euo pipefail
binary=$(realpath "${1:?the binary}")
"$(dirname "$0")/outside-tools.sh"
cd "$(dirname "$0")/outside"
.venv/bin/python verify/run.py "$binary"
.venv/bin/python surface.py "$binary"
exec .venv/bin/python outside.py "$binary"
