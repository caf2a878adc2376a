#!/usr/bin/env bash
# package.sh EXECUTABLE [PART...]: makes the packages in build/package, with SBOM.spdx.json and SHA256SUMS. EXECUTABLE is the one for Linux; the parts are deb, tarball,
# npm and zip, all of them when none is named. What needs the executable for Windows is left out while there is none,
# unless it is named. A run starts afresh, so that the checksums are of its packages alone.
set -euo pipefail
executable=$1
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out=$root/build/package
windows=$root/build/windows/lurus.exe

say() { printf '%s\n' "$*" >&2; }
die() { say "package: $*"; exit 1; }
named=$#
(($#)) || set -- deb tarball npm zip
linux=() npm=0 zip=0
for part in "$@"; do
    case $part in
        deb | tarball) linux+=("$part") ;;
        npm) npm=1 ;;
        zip) zip=1 ;;
        *) die "unknown part: $part (deb, tarball, npm, zip)" ;;
    esac
done
if ((zip)) && [[ ! -e $windows ]]; then
    ((!named)) || die "there is no $windows (./dev windows)"
    say "package: no $windows, so there is nothing for Windows (./dev windows)"
    zip=0
fi

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
rm -rf "$out"
bash "$here/package_linux.sh" "$executable" "$out" "${linux[@]}"
if ((npm)); then bash "$here/npm.sh" --out "$out" --linux "$out/stage/linux/lurus"; fi
if ((zip)); then bash "$here/zip.sh"; fi
node "$here/sbom.mjs" --out "$out"
bash "$here/sums.sh" "$out" >/dev/null
(cd "$out" && ls -l -- *.* | awk '{ print $5, $9 }' | column -t) >&2
