#!/usr/bin/env bash
# Makes sure that a PostgreSQL for the tests runs on loopback and prints its URL, or, with `redis`, the
# same of a Redis. One that runs already is used; else one of our own is started below the target folder.
set -euo pipefail
cd "$(dirname "$0")/.."

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

if [ "${1:-}" = redis ]; then
  [ -n "${HOOKSWITCH_TEST_REDIS:-}" ] && { echo "$HOOKSWITCH_TEST_REDIS"; exit 0; }
  if ! command -v redis-server >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Redis ..." >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y redis-server; } >/dev/null 2>&1 || true
  fi
  # The tests start and kill servers of their own as well.
  command -v redis-server >/dev/null || { echo "The tests need redis-server 6 or newer: install it (Debian: redis-server)" >&2; exit 1; }
  if ! answers 6379; then
    folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/redis
    mkdir -p "$folder"
    redis-server --port 6379 --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" --daemonize yes \
      --pidfile "$folder/pid" --logfile "$folder/log" >/dev/null
    for _ in $(seq 50); do answers 6379 && break; sleep 0.1; done
  fi
  echo "redis://127.0.0.1:6379"
  exit 0
fi
if [ -n "${HOOKSWITCH_TEST_POSTGRES:-}" ]; then
  echo "$HOOKSWITCH_TEST_POSTGRES"
  exit 0
fi
usable() { command -v psql >/dev/null && psql -qAt "postgres://postgres@127.0.0.1:$1/postgres" -c 'SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user' 2>/dev/null | grep -q t; }

if answers 5432 && usable 5432; then
  echo "postgres://postgres@127.0.0.1:5432"
  exit 0
fi
port=54329
if answers $port && usable $port; then
  echo "postgres://postgres@127.0.0.1:$port"
  exit 0
fi
bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }
if [ -z "$(bin)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing PostgreSQL ..." >&2
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql; } >/dev/null 2>&1
fi
if [ -z "$(bin)" ]; then
  echo "The tests need PostgreSQL 15 or newer: install it (Debian: postgresql), or set HOOKSWITCH_TEST_POSTGRES=postgres://user@host:port" >&2
  exit 1
fi
# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then
  folder=/var/lib/postgresql/hookswitch-test
  as() { runuser -u postgres -- "$@"; }
else
  folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/postgres
  as() { "$@"; }
fi
[ -d "$folder" ] || as "$(bin)/initdb" -D "$folder" -U postgres -A trust >/dev/null
as "$(bin)/pg_ctl" -D "$folder" -w -l "$folder/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder" start >/dev/null
echo "postgres://postgres@127.0.0.1:$port"
