#!/usr/bin/env bash
# Builds lurus.exe with the unit tests of core and of the modules, contract and golden tests, and runs these under Wine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
begin=$SECONDS
bash packaging/windows/build.sh lurus tests_windows
. packaging/windows/wine.sh
built=$SECONDS
ctest --test-dir build/windows --output-on-failure --no-tests=error -j "${LURUS_JOBS:-$(nproc)}" -L '^windows$' "$@"
echo "windows: built in $((built - begin)) s, tested in $((SECONDS - built)) s" >&2
