#!/usr/bin/env bash
# e2e-tests.sh [NAME...]: the end-to-end tests (Node, here) against build/windows/lurus.exe under Wine. What passed and failed, test by
# test, goes to build/windows/e2e.md; what does not apply, and why, is said in e2e-not-applicable.tsv. Fails when a test failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exe=$PWD/build/windows/lurus.exe
[[ -e $exe ]] || { echo "windows: there is no $exe (./dev windows)" >&2; exit 1; }
. packaging/windows/wine.sh
out=build/windows/e2e
rm -rf "$out"
mkdir -p "$out"
# The program takes the shell's place, so that what a test does to its process happens to the program.
printf '#!/bin/sh\nexec wine %s "$@"\n' "$exe" >build/windows/lurus-wine
chmod +x build/windows/lurus-wine
export LURUS_BIN=$PWD/build/windows/lurus-wine LURUS_TEST_SYSTEM=windows LURUS_TEST_PATIENCE=${LURUS_TEST_PATIENCE:-4}
names=("$@")
(($#)) || names=($(cd tests/e2e && printf '%s\n' *.test.mjs | sed 's/\.test\.mjs$//'))
one() {
    timeout -k 5 "${LURUS_TEST_SECONDS:-300}" node --test --test-reporter=junit "tests/e2e/$1.test.mjs" >"$2/$1.xml" 2>"$2/$1.err" || true
    echo "$1" >&2
}
export -f one
printf '%s\n' "${names[@]}" | xargs -P "${LURUS_JOBS:-$(nproc)}" -I {} bash -c "one {} $out"
node packaging/windows/e2e-table.mjs "$out" packaging/windows/e2e-not-applicable.tsv >build/windows/e2e.md
