#!/usr/bin/env bash
# Formatting, clippy, and cargo-deny (installed below the target folder where it is missing).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/tools
mkdir -p "$tools"
export PATH=$tools/bin:$PATH
if ! command -v cargo-deny >/dev/null; then
  echo "Installing cargo-deny ..." >&2
  cargo install --locked --quiet --debug --root "$tools" --target-dir "$tools/build" cargo-deny --version 0.20.2
fi
# The advisory database may be out of reach; bans, licences and sources always run.
cargo deny --log-level error check bans licenses sources
if ! cargo deny --log-level error check advisories 2>"$tools/advisories.log"; then
  if ! grep -qiE 'failed to (fetch|clone|acquire)' "$tools/advisories.log"; then
    cat "$tools/advisories.log" >&2
    exit 1
  fi
  echo "cargo-deny: the advisory database is out of reach; advisories were not checked" >&2
fi
