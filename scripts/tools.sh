#!/usr/bin/env bash
# Checks for what the given task needs (run, build, test), installs what it may, and says clearly what is missing.
set -euo pipefail
task=${1:?run, build or test}
missing=()

have() { command -v "$1" >/dev/null 2>&1; }

# apt PACKAGE...: only as root and on Debian; else the caller is told.
apt() {
  [ "$(id -u)" = 0 ] && have apt-get || return 1
  echo "Installing $* ..." >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y "$@" >/dev/null 2>&1 && return 0
  apt-get update >/dev/null 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install -y "$@" >/dev/null 2>&1
}

have cargo || missing+=("cargo: install Rust 1.95 or newer (rustup)")
have cc || apt gcc libc6-dev || missing+=("cc: a C compiler (Debian: gcc libc6-dev)")
have node && have npm || missing+=("node, npm: Node.js 20.19 or newer")
if have node && ! node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)'; then
  missing+=("node: version 20.19 or newer, this is $(node --version)")
fi

if [ "$task" = test ]; then
  have python3 || apt python3 || missing+=("python3 (Debian: python3)")
  python3 -c 'import ensurepip' 2>/dev/null || apt python3-venv || missing+=("python3-venv (Debian: python3-venv)")
  # For the receivers' code in docs/verify.md. What can't be had is named there and left out; in CI that is a failure.
  have php || apt php-cli || true
  have ruby || apt ruby || true
  have javac || apt default-jdk-headless || true
  have openssl || apt openssl || missing+=("openssl, the command (Debian: openssl)")
  have chromium || [ -n "${CHROMIUM:-}" ] || apt chromium || missing+=("chromium (Debian: chromium), or CHROMIUM=/path/to/it")
fi

if [ ${#missing[@]} -gt 0 ]; then
  printf 'Missing for "make %s":\n' "$task" >&2
  printf '  * %s\n' "${missing[@]}" >&2
  exit 1
fi
