#!/usr/bin/env bash
# node.sh CACHE: the tests in Node of what ./dev package made, of the files for Windows, and of the README in both languages.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bash "$root/tests/clients/install.sh" packages >/dev/null
export LURUS_BIN=${LURUS_BIN:-$root/build/package/stage/linux/lurus}
# Unpacked, not installed: Debian's package starts a web server.
caddy=$1/caddy
if [[ ! -x $caddy/usr/bin/caddy ]]; then
    new=$(mktemp -d)
    (cd "$new" && apt-get -q -o APT::Sandbox::User="$(id -un)" download caddy >log 2>&1 </dev/null) || { cat "$new/log" >&2; exit 1; }
    dpkg-deb -x "$new"/caddy_*.deb "$new/caddy"
    mv "$new/caddy" "$caddy"
    rm -rf "$new"
fi
export PATH=$caddy/usr/bin:$PATH
exec timeout 600 node --test --test-concurrency=1 --test-reporter=spec "$root"/tests/packages/*.test.mjs
