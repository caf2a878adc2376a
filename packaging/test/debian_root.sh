#!/usr/bin/env bash
# debian_root.sh CACHE: prints the path of an archive of a minimal Debian 12, which is made once, from where apt fetches Debian here.
set -euo pipefail
cache=$1
kept=$cache/bookworm.tar.zst
if [[ ! -e $kept ]]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 == "Debian" && $4 == "main" { print $1; exit }')
    [[ -n $mirror ]] || { echo 'debian_root: apt knows no Debian mirror here' >&2; exit 1; }
    work=$(mktemp -d)
    trap 'rm -rf --one-file-system "$work"' EXIT
    debootstrap --variant=minbase --include=adduser bookworm "$work/debian" "$mirror" >"$cache/debootstrap.log" 2>&1 || {
        tail -n 20 "$cache/debootstrap.log" >&2
        exit 1
    }
    rm -rf "$work"/debian/var/cache/apt/archives/*.deb "$work"/debian/var/lib/apt/lists/* "$work"/debian/usr/share/{doc,locale,man}/*
    tar -C "$work/debian" -c . | zstd -q -3 -f -o "$kept.new"
    mv "$kept.new" "$kept"
fi
echo "$kept"
