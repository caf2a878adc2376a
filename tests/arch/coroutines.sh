#!/usr/bin/env bash
# coroutines.sh BUILD OUT: runs gcc12-coro.query over every source of BUILD's compile_commands.json that awaits.
# clang reads GCC's commands without what it does not know, with a precompiled header of its own, made in OUT.
set -euo pipefail
build=$1 out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
clang=19
mkdir -p "$out"
build=$(cd "$build" && pwd) out=$(cd "$out" && pwd)
sample=$here/coroutine_sample.cpp
sed "s|@ROOT@|$root|" "$here/gcc12-coro.query" >"$out/query"

# One command for each source; precompiled headers, outputs and GCC's own flags are taken off.
commands=$out/commands
sed -n 's/^ *"command": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sed -E '
    s/\\"/"/g; s/\\\\/\\/g
    s/^env [^ ]+ //; s/^[^ ]*ccache //; s/ -fprofile-[a-z]+//g
    s/ -Winvalid-pch//; s/ -include [^ ]*cmake_pch\.hxx//; s/ -fpch-preprocess//; s/ -Wno-interference-size//
    s/ -o [^ ]+ -c / -c /; s/ -W[a-z-]+//g' >"$commands"
flags=$(grep -m1 'vendor/pch\.cpp$' "$commands" | sed -E 's/^[^ ]+ //; s/ -c [^ ]+$//')

mkdir -p "$out/db"
pch=$out/db/pch.pch
eval "clang++-$clang $flags -w -x c++-header '$root/src/vendor/pch.hpp' -o '$pch.new'"
mv "$pch.new" "$pch"

{
    echo '['
    { echo "c++ $flags -c $sample"; cat "$commands"; } | while read -r command; do
        file=${command##* }
        rest=${command#* }
        command="clang++-$clang -include-pch $pch -w $rest"
        command=${command//\\/\\\\}
        printf '{"directory": "%s", "file": "%s", "command": "%s"},\n' "$build" "$file" "${command//\"/\\\"}"
    done | sed '$s/,$//'
    echo ']'
} >"$out/db/compile_commands.json"

query() { clang-query-$clang -p "$out/db" -f "$out/query" "$@" 2>&1 || true; }
export -f query
export out clang

# The lint shows first that it can see: each bad line of the sample, and no other.
found=$(query "$sample" | sed -n 's/.*coroutine_sample\.cpp:\([0-9]*\):.*binds here.*/\1/p' | sort -un | tr '\n' ' ')
wanted=$(awk '/\/\/ found$/ { printf "%d ", NR }' "$sample")
if [[ $found != "$wanted" ]]; then
    echo "the coroutine lint is blind: it found lines '$found' of $sample, not '$wanted'" >&2
    query "$sample" | head -n 20 >&2
    exit 1
fi

sed 's/.* //' "$commands" | grep -E "^$root/(src|modules|tests)/" | sort -u | xargs -r grep -lE 'co_await|co_yield' >"$out/files" || true
[[ -s $out/files ]] || { echo "the coroutine lint is blind: $build has no command of a source that awaits" >&2; exit 1; }
tr '\n' '\0' <"$out/files" | xargs -r -0 -n 3 -P "$(nproc)" bash -c 'query "$@"' query >"$out/log" || true
bad=$(grep -E 'binds here' "$out/log" | sort -u || true)
broken=$(grep -E '(^|: )(fatal )?error:' "$out/log" | sort -u || true)
if [[ -n $bad$broken ]]; then
    printf '%s\n' "$bad" "$broken" | sed "s|$root/||; /^$/d" >&2
    exit 1
fi
echo "coroutines: $(wc -l <"$out/files") sources, nothing that GCC 12 miscompiles"
