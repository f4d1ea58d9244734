#!/usr/bin/env bash
# What `make run` needs: the console and the dependencies of the binary side by side, then the
# binary itself, which takes the console in.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
if [ ! -d "${CARGO_TARGET_DIR:-target}/debug/deps" ]; then
  echo "The first build compiles everything: about 6 minutes on two cores. Later starts take a second." >&2
fi
scripts/console.sh &
console=$!
# Everything below the server crate builds while npm works.
cargo build --locked -p hookswitch-desk
wait "$console"
cargo build --locked -p hookswitch-server
if [ $((SECONDS - started)) -gt 3 ]; then
  echo "Built in $((SECONDS - started)) s." >&2
fi
