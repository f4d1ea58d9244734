#!/usr/bin/env bash
# Fuzzes each target for a minute: scripts/fuzz.sh [TARGET...], FUZZ_SECONDS=n for another time. The corpus of
# fuzz/corpus is where it begins; what it finds on the way lies in fuzz/found, and what breaks something in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${FUZZ_SECONDS:-60}
# libFuzzer's instrumentation is behind a switch of the compiler; this opens it in the usual toolchain.
export RUSTC_BOOTSTRAP=1

if ! command -v cargo-fuzz >/dev/null; then
  echo "Installing cargo-fuzz ..." >&2
  cargo install cargo-fuzz --locked --quiet
fi
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list --fuzz-dir .)

# Nothing of ours is unsafe: what is looked for are panics, hangs, memory and broken promises. A sanitizer only slows that down.
for target in "${targets[@]}"; do
  cargo fuzz build --fuzz-dir . --sanitizer none "$target"
done
for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  mkdir -p "found/$target"
  cargo fuzz run --fuzz-dir . --sanitizer none "$target" "found/$target" "corpus/$target" -- \
    -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1
done
echo "No target found anything."
