#!/usr/bin/env bash
# Line coverage of the Rust crates by their own tests; fails under 70 %. Uses cargo-tarpaulin, which needs
# no part of the compiler's tool set; installed below the target folder where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/tools
export PATH=$tools/bin:$PATH
HOOKSWITCH_TEST_POSTGRES=$(scripts/services.sh)
export HOOKSWITCH_TEST_POSTGRES
if ! command -v cargo-tarpaulin >/dev/null; then
  echo "Installing cargo-tarpaulin ..." >&2
  cargo install --locked --quiet --debug --root "$tools" --target-dir "$tools/build" cargo-tarpaulin
fi
# Processes that the tests start count too.
# A test that fails on a machine slowed by counting is `make test`'s to judge: the lines it reached count.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-6} cargo tarpaulin --workspace --exclude hookswitch-bench --engine llvm --follow-exec --skip-clean --no-fail-fast \
  --target-dir "$tools/coverage" --exclude-files 'bench/*' 'target/*' 'crates/*/tests/*' 'sim/tests/*' \
  --fail-under 70 --out Stdout --timeout 3000
