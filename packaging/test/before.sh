#!/usr/bin/env bash
# before.sh CACHE: prints the path of the executable of the commit before there were packages, which is built once from the history.
set -euo pipefail
cache=$1
commit=c2ebbd4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
kept=$cache/before-$commit/lurus
if [[ ! -x $kept ]]; then
    git -C "$root" cat-file -e "$commit^{commit}" 2>/dev/null || {
        echo "before: the history here does not reach back to $commit (git fetch --unshallow)" >&2
        exit 1
    }
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    git -C "$root" archive "$commit" | tar -x -C "$tree"
    (cd "$tree" && ./dev build) >"$cache/before.log" 2>&1 || {
        tail -n 20 "$cache/before.log" >&2
        exit 1
    }
    mkdir -p "${kept%/*}"
    cp "$tree/build/release/lurus" "$kept.new"
    mv "$kept.new" "$kept"
fi
echo "$kept"
