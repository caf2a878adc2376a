#!/usr/bin/env bash
# Builds lurus.exe with its unit, contract and golden tests, and runs these under Wine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
begin=$SECONDS
bash packaging/windows/build.sh lurus tests_unit tests_contract golden
. packaging/windows/wine.sh
built=$SECONDS
ctest --test-dir build/windows --output-on-failure --no-tests=error -j "${LURUS_JOBS:-$(nproc)}" -L '^(unit|contract|golden)$' "$@"
echo "windows: built in $((built - begin)) s, tested in $((SECONDS - built)) s" >&2
