#!/usr/bin/env bash
# package_linux.sh EXECUTABLE FOLDER [deb] [tarball]: makes these packages in the folder, and what they have in common in its stage/linux.
# Beside the executable is NOTICES, of what it contains.
# SOURCE_DATE_EPOCH is the date of every file: the same sources make the same files, bit for bit.
set -euo pipefail
executable=$1 out=$2
shift 2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C TZ=UTC
version=$(sed -n 's/^project(lurus VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
[[ -n $version ]] || { echo 'package: CMakeLists.txt says no version' >&2; exit 1; }

newest=$(objdump -T "$executable" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
[[ $(printf '%s\n' "$newest" GLIBC_2.31 | sort -V | tail -n 1) == GLIBC_2.31 ]] || {
    echo "package: $executable needs $newest; packages are for 2.31 and newer" >&2
    exit 1
}

stage=$out/stage/linux
mkdir -p "$stage"
install -m 755 "$executable" "$stage/lurus"
install -m 644 "${executable%/*}/NOTICES" "$stage/NOTICES"
(($#)) || exit 0
bash "$root/packaging/linux/share.sh" "$stage/lurus" "$stage/NOTICES" "$stage/share"
running=()
for part in "$@"; do
    case $part in
        deb) bash "$root/packaging/deb/deb.sh" "$stage/lurus" "$stage/share" "$version" "$out" & ;;
        tarball) bash "$root/packaging/linux/tarball.sh" "$stage/lurus" "$stage/share" "$version" "$out" & ;;
        *) echo "package: unknown part: $part" >&2; exit 1 ;;
    esac
    running+=($!)
done
for process in "${running[@]}"; do wait "$process" || { echo 'package: a package could not be made' >&2; exit 1; }; done
