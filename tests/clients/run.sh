#!/usr/bin/env bash
# Drives the real command-line clients against the built executable. run.sh [FILE.test.mjs...]
# As root they run in a network namespace with loopback only, so that nothing can wait for, or use, the internet.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
export LURUS_BIN=${LURUS_BIN:-$PWD/build/release/lurus}
[[ -x $LURUS_BIN ]] || { echo "run.sh: $LURUS_BIN is not there (./dev build)" >&2; exit 2; }
if [[ -z ${LURUS_NODE_CLI:-} ]]; then
    LURUS_NODE_CLI=$("$here/install.sh" cli) || exit 1
    export LURUS_NODE_CLI
fi

files=("$@")
((${#files[@]})) || files=(tests/clients/cli/*.test.mjs)
command=(node --test --test-concurrency=1 --test-reporter=tap "${files[@]}")
log=$(mktemp)
resolv=$(mktemp)
trap 'rm -f "$log" "$resolv"' EXIT
echo 'nameserver 127.0.0.1' >"$resolv"
if ((EUID == 0)) && unshare -nm true 2>/dev/null && command -v ip >/dev/null; then
    unshare -nm bash -c 'ip link set lo up && mount --bind "$0" /etc/resolv.conf && exec "$@"' "$resolv" "${command[@]}" | tee "$log"
else
    echo 'run.sh: no network namespace of its own (not root, or no iproute2)' >&2
    "${command[@]}" | tee "$log"
fi
status=$?

count() { awk -v name="$1" '$1 == "#" && $2 == name { n += $3 } END { print n + 0 }' "$log"; }
failed=$(($(count fail) + $(count cancelled)))
((status == 0 || failed > 0)) || failed=1
echo "$(count pass) passed, $failed failed, $(count skipped) skipped"
((failed == 0 && $(count pass) > 0))
