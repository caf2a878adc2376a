#!/usr/bin/env bash
# Builds targets for Windows in build/windows; lurus.exe without one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
say() { printf '%s\n' "$*" >&2; }

mkdir -p build
libraries=$(bash packaging/windows/libraries.sh)
ln -sfn "$libraries" build/windows-libraries
begin=$SECONDS
# A folder that was configured elsewhere, or half, is made anew.
if ! grep -qsx "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" build/windows/CMakeCache.txt || [[ ! -e build/windows/build.ninja ]]; then
    rm -rf build/windows
    cmake --preset windows >build/windows-configure.log 2>&1 || {
        cat build/windows-configure.log >&2
        say 'windows: cmake could not configure build/windows'
        exit 1
    }
fi
quiet=(--quiet)
[[ ! -t 2 ]] || quiet=()
(($#)) || set -- lurus
ninja "${quiet[@]}" -C build/windows -j "${LURUS_JOBS:-$(nproc)}" "$@" >&2
say "windows: built in $((SECONDS - begin)) s"
[[ " $* " != *' lurus '* ]] || bash packaging/windows/check-imports.sh build/windows/lurus.exe
