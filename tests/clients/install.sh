#!/usr/bin/env bash
# install.sh sdk|oidc|openapi|cli: puts the pinned packages of that folder into the cache, outside the clone, and prints where they are.
# Does nothing when they are there already. LURUS_NODE_CACHE moves the cache (default: ~/.cache/lurus/node).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${1:?sdk, oidc, openapi or cli}
from=$here/$name
[[ -f $from/package-lock.json ]] || { echo "install.sh: no such set of packages: $name" >&2; exit 2; }
to=${LURUS_NODE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lurus/node}/$name
mkdir -p "$to"
exec 9>"$to/.lock"
flock 9
if ! cmp -s "$from/package-lock.json" "$to/installed-lock.json" || [[ ! -d $to/node_modules ]]; then
    echo "install.sh: fetching the packages of $name into $to" >&2
    rm -f "$to/installed-lock.json"
    cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$to/"
    # Not `npm ci`: it refuses a lock without optional packages of other platforms that a registry does not carry.
    if ! (cd "$to" && npm install --no-audit --no-fund --loglevel=error) >"$to/install.log" 2>&1; then
        tail -n 20 "$to/install.log" >&2
        echo "install.sh: npm failed (all of it: $to/install.log)" >&2
        exit 1
    fi
    cp "$from/package-lock.json" "$to/installed-lock.json"
fi
echo "$to"
