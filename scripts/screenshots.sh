#!/usr/bin/env bash
# Takes the README's pictures anew, from the real binary in a real browser, and makes them small: 128 colours
# are enough for a console. Needs target/debug/hookswitch with the console inside, Chromium and pngquant.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd console && npx playwright test --config playwright.shots.config.ts)
for picture in docs/images/*.png; do
  pngquant --force --skip-if-larger --speed 1 --output "$picture" 128 "$picture" || [ $? -eq 98 ]
  bytes=$(stat -c %s "$picture")
  echo "$bytes $picture"
  [ "$bytes" -le 61440 ] || { echo "$picture is larger than 60 KiB"; exit 1; }
done
