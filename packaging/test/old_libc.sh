#!/usr/bin/env bash
# old_libc.sh TARBALL LIBC: the executable of the tarball starts with the libc of Debian 11, answers, records and drains.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT
tar --zstd -xf "$1" -C "$work"
lurus=("$2/lib64/ld-linux-x86-64.so.2" --library-path "$2/lib/x86_64-linux-gnu" "$work"/lurus-*/bin/lurus)
[[ "$("${lurus[@]}" version)" == lurus\ * ]] || fail 'version says nothing'

env -i PATH="$PATH" HOME="$work" "${lurus[@]}" serve --listen 127.0.0.1:0 --data-dir "$work/data" >"$work/log" 2>&1 &
server=$!
wait_for 30 "the start of the server" "$work/log" test -s "$work/data/first-key.txt"
ask "$(address_in "$work/data")" "$(cat "$work/data/first-key.txt")"
"${lurus[@]}" logs --json --data-dir "$work/data" | grep -q '"status":200' || fail 'the request is not in the log'
"${lurus[@]}" doctor --data-dir "$work/data" >"$work/doctor" || fail "doctor: $(cat "$work/doctor")"
end_server "$server"
server=
