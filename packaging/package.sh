#!/usr/bin/env bash
# package.sh EXECUTABLE [PART...]: makes the packages in build/package. EXECUTABLE is the one for Linux; the parts are deb, tarball,
# npm and zip, all of them when none is named. What needs the executable for Windows is left out while there is none,
# unless it is named. A run starts afresh, so that the list of checksums is of its packages alone.
set -euo pipefail
executable=$1
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out=$root/build/package
windows=$root/build/windows/lurus.exe

say() { printf '%s\n' "$*" >&2; }
die() { say "package: $*"; exit 1; }
asked=("$@")
(($#)) || asked=(deb tarball npm zip)
wanted() { local part; for part in "${asked[@]}"; do [[ $part != "$1" ]] || return 0; done; return 1; }
for part in "${asked[@]}"; do
    case $part in
        deb | tarball | npm | zip) ;;
        *) die "unknown part: $part (deb, tarball, npm, zip)" ;;
    esac
done

version=$(sed -n 's/^project(lurus VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
[[ -n $version ]] || die 'CMakeLists.txt says no version'
# The same sources make the same files, bit for bit: their date is the commit's.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
export LC_ALL=C TZ=UTC

newest=$(objdump -T "$executable" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
[[ $(printf '%s\n' "$newest" GLIBC_2.31 | sort -V | tail -n 1) == GLIBC_2.31 ]] ||
    die "$executable needs $newest; packages are for 2.31 and newer"

rm -rf "$out"
stage=$out/stage/linux
mkdir -p "$stage"
cp "$executable" "$stage/lurus"
if wanted deb || wanted tarball; then bash "$here/linux/share.sh" "$stage/lurus" "$stage/share"; fi

running=()
if wanted deb; then bash "$here/deb/deb.sh" "$stage/lurus" "$stage/share" "$version" "$out" & running+=($!); fi
if wanted tarball; then bash "$here/linux/tarball.sh" "$stage/lurus" "$stage/share" "$version" "$out" & running+=($!); fi
for process in "${running[@]}"; do wait "$process" || die 'a package could not be made'; done
if wanted npm; then bash "$here/npm.sh" --out "$out" --linux "$stage/lurus"; fi
if wanted zip; then
    if [[ -e $windows ]]; then bash "$here/zip.sh"
    elif (($#)); then die "there is no $windows (./dev windows)"
    else say "package: no $windows, so there is no package for Windows (./dev windows)"; fi
fi
(cd "$out" && ls -l -- *.* | awk '{ print $5, $9 }' | column -t) >&2
