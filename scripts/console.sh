#!/usr/bin/env bash
# Builds the console into console/dist, unless nothing has changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/../console"
fingerprint=$(find . \( -name node_modules -o -name dist -o -name test-results \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ -f dist/.built ] && [ "$(cat dist/.built)" = "$fingerprint" ]; then
  exit 0
fi
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "[console] npm ci" >&2
  npm ci --no-audit --no-fund --loglevel=error
fi
echo "[console] vite build" >&2
node_modules/.bin/vite build --logLevel warn && node scripts/compress.mjs
echo "$fingerprint" > dist/.built
