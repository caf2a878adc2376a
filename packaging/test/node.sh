#!/usr/bin/env bash
# node.sh: the tests in Node of what ./dev package made, of the files for Windows, and of the README in both languages.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bash "$root/tests/clients/install.sh" packages >/dev/null
export LURUS_BIN=${LURUS_BIN:-$root/build/package/stage/linux/lurus}
exec timeout 600 node --test --test-concurrency=1 --test-reporter=spec "$root"/tests/packages/*.test.mjs
