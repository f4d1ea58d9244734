#!/usr/bin/env bash
# Everything CI checks. The front end's checks run beside the Rust build, whose tests follow; then
# the real binary is tried from outside.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
step() { echo "== $* ($((SECONDS - started)) s)" >&2; }
[ -n "${CI:-}" ] && export CARGO_PROFILE_DEV_DEBUG=false CARGO_INCREMENTAL=0

step "tools"
scripts/tools.sh test
HOOKSWITCH_TEST_POSTGRES=$(scripts/services.sh)
HOOKSWITCH_TEST_REDIS=$(scripts/services.sh redis)
export HOOKSWITCH_TEST_POSTGRES HOOKSWITCH_TEST_REDIS
binary=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/hookswitch

step "console: build and checks, beside the Rust build"
log=$(mktemp)
{ scripts/outside-tools.sh && scripts/console.sh && cd console && npm run --silent check && npm run --silent size; } >"$log" 2>&1 &
console=$!
cargo build --locked --workspace --tests
wait "$console" || { cat "$log"; exit 1; }
tail -5 "$log"

step "Rust tests, on SQLite and PostgreSQL"
cargo build --locked --workspace
scripts/rust-tests.sh

step "format, clippy, cargo-deny"
scripts/lint.sh

step "the OpenAPI document: committed, and clean"
diff -u openapi.json <("$binary" openapi) || { echo "openapi.json is old: run make openapi" >&2; exit 1; }
diff -u openapi.yaml <("$binary" openapi --yaml) >/dev/null || { echo "openapi.yaml is old: run make openapi" >&2; exit 1; }
scripts/outside/node_modules/.bin/redocly lint --config .redocly.yaml openapi.json

step "from outside: stock libraries, the demo's curls"
scripts/outside.sh "$binary"

step "the console in Chromium"
(cd console && HOOKSWITCH_BINARY=$binary npm run --silent e2e)

step "kill -9 in the middle of a burst"
for database in sqlite "$HOOKSWITCH_TEST_POSTGRES"; do
  "${CARGO_TARGET_DIR:-target}/debug/hookswitch-bench" crash --binary "$binary" --database "$database" --events 2500 --patience-seconds 240
done
step "all checks passed"
