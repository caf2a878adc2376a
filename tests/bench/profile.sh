#!/usr/bin/env bash
# profile.sh BUILD OUT: runs what a build with LURUS_PROFILE=record is to be optimised for, and packs the counts into OUT.
# lurus_bench is the load; what it prints about nginx and an executable that counts means nothing.
set -euo pipefail
build=$(realpath "$1") out=$(realpath -m "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
benches=$build/tests/bench

train() {
    echo "profile: $*" >&2
    "$@" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        echo "profile: ${1##*/} failed" >&2
        exit 1
    }
}

find "$build" -name '*.gcda' -delete
train "$build/tests/golden/golden"
train "$benches/lurus_scan_bench" --rounds 20
train "$benches/lurus_limit_bench" --requests 200000
train "$benches/lurus_key_bench" --keys 10000
train "$benches/lurus_log_bench" --rows 200000 --flood 50000 --seconds 2 --dir "$work"
for kind in json connect body tls stream latency; do
    train "$benches/lurus_bench" --lurus "$build/lurus" --only "$kind" --rounds 2 --requests 40000 --out "$work/bench.json"
done

# Only objects with something that ran often: elsewhere, what training did not reach would be taken for code that never runs.
cd "$build"
find . -path ./tests -prune -o -name '*.gcda' -printf '%P\n' | sort | while read -r file; do
    gcov-dump -l "$file" | awk -v file="$file" '
        /COUNTERS / { arcs = /COUNTERS arcs / }
        arcs && !/COUNTERS |FUNCTION / { for (i = 3; i <= NF; i++) if ($i ~ /^[0-9]+$/ && $i >= 10000) often = 1 }
        END { if (often) print file }'
done >"$work/objects"
mkdir -p "$(dirname "$out")"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -c -T "$work/objects" | zstd -19 -q -f -o "$out"
echo "profile: $(wc -l <"$work/objects") objects, $(stat -c %s "$out") bytes: $out" >&2
