#!/usr/bin/env bash
# zones.sh FILE: the time zones for lurus.exe, which finds none on Windows: a line `Europe/Berlin OFFSET SIZE` for each, an empty line,
# and the compiled zones, of which those with several names are there once.
set -euo pipefail

database=/usr/share/zoneinfo/tzdata.zi
[[ -e $database ]] || { echo "zones.sh: there is no $database (Debian: tzdata)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
"$(PATH=$PATH:/usr/sbin type -P zic)" -b slim -d "$work/zones" "$database"
cd "$work/zones"
find . -type f -printf '%P\n' | sort | xargs sha256sum | sort -k 1,1 -k 2,2 >../sums
: >../data
while read -r sum name; do
    if [[ $sum != "${before:-}" ]]; then
        offset=$(stat -c %s ../data)
        size=$(stat -c %s "$name")
        cat "$name" >>../data
        before=$sum
    fi
    printf '%s %s %s\n' "$name" "$offset" "$size"
done <../sums | sort >../index
cd - >/dev/null
{ cat "$work/index"; echo; cat "$work/data"; } >"$1"
