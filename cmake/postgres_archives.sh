#!/usr/bin/env bash
# postgres_archives.sh: prints the folder with libpgcommon_shlib.a and libpgport_shlib.a, which Debian's libpq.a is incomplete without.
# They are in the package of the server's headers, which depends on a whole compiler: it is only unpacked. That is done once, without
# root's rights, and what is needed of it is kept in the cache folder.
set -euo pipefail
die() { echo "postgres_archives: $*" >&2; exit 1; }

read -r source version < <(dpkg-query -W -f='${source:Package} ${Version}\n' libpq-dev 2>/dev/null) || die 'libpq-dev is not installed'
package=postgresql-server-dev-${source##*-}
to=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/lurus/postgres/$version
if [[ -e $to/libpgcommon_shlib.a && -e $to/libpgport_shlib.a ]]; then
    echo "$to"
    exit
fi

mkdir -p "${to%/*}"
work=$(mktemp -d "$to.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,cache}/partial "$work/files"
fetch() { (cd "$work" && apt-get -q -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3 "$@"); }
# The system's lists may be old, or gone: then by lists of its own. Another minor version fits as well, since the interface between
# these libraries stays within a major one.
own=(-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache")
{
    fetch download "$package=$version" ||
        { fetch "${own[@]}" update && { fetch "${own[@]}" download "$package=$version" || fetch "${own[@]}" download "$package"; }; }
} >"$work/log" 2>&1 </dev/null || {
    tail -n 5 "$work/log" >&2
    die "$package could not be fetched; installed, it will do as well"
}
dpkg-deb --fsys-tarfile "$work"/"$package"_*.deb |
    tar -x -C "$work/files" --wildcards --strip-components=6 '*/libpgcommon_shlib.a' '*/libpgport_shlib.a'
rm -rf "$to"
mv "$work/files" "$to"
chmod 755 "$to"
echo "$to"
