#!/usr/bin/env bash
# steps.sh ROOT: what holds for every route knows none by its name: no operation id and no path of the API stands in the
# steps around the handlers, nor in what documents them. Prints each breach and fails.
set -euo pipefail
cd "$1"

# "GET", "/api/v1/keys", "listKeys" of whatever makes routes, over line ends.
operations=$(grep -rlE '"(GET|POST|PUT|PATCH|DELETE)"' --include='*.cpp' src/control modules |
    xargs -r -n 1 sh -c "tr '\n' ' ' <\"\$0\"; echo" |
    { grep -oE '("(GET|POST|PUT|PATCH|DELETE)", *"[^"]*"|"/api/[^"]*"), *"[a-z]+[A-Za-z]*"' || true; } |
    sed -E 's/.*"([A-Za-z]+)"$/\1/' | grep -E '[A-Z]' | sort -u)
files=$(find src/control/steps src/control/api/openapi.cpp -name '*.[ch]pp' | sort)
breaches=$({ grep -nE '"/?api/|"/[a-z]+/\{' $files || true; } | sed 's/$/: a path of the API/')
while IFS= read -r hit; do
    name=$(sed -E 's/.*"([A-Za-z]+)"$/\1/' <<<"$hit")
    grep -qxF -- "$name" <<<"$operations" && breaches+=$'\n'"$hit: an operation's id"
done < <(grep -noE '"[A-Za-z]+"' $files || true)

breaches=$(sed '/^$/d' <<<"$breaches")
[[ -z $breaches ]] && exit 0
printf '%s\n' "$breaches"
exit 1
