#!/usr/bin/env bash
# tarball.sh EXECUTABLE SHARE VERSION FOLDER: packs lurus-VERSION-linux-x86_64.tar.zst into the folder.
set -euo pipefail
executable=$1 share=$2 version=$3 out=$4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
name=lurus-$version-linux-x86_64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

install -D -m 755 "$executable" "$work/$name/bin/lurus"
cp -r "$share" "$work/$name/share"
install -D -m 644 "$root/config/lurus.toml" "$work/$name/config/lurus.toml"
install -D -m 644 "$root/packaging/systemd/lurus.service" "$work/$name/config/lurus.service"
install -m 644 "$root"/{LICENSE,CHANGELOG.md} "$work/$name/"
cat >"$work/$name/README" <<END
Lurus Switch $version for Linux on x86-64, with glibc 2.31 or newer.

  bin/lurus serve            start it on http://127.0.0.1:18100; its data is in ~/.local/share/lurus
  sudo cp -r bin share /usr/local/
                             install it for everybody, with manual pages and completions
  man -l share/man/man1/lurus.1.gz

config/lurus.toml is every option with its default. share/doc/lurus/install.md says how it becomes a service.
END
mkdir -p "$out"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' --mtime="@$SOURCE_DATE_EPOCH" \
    --format=posix --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' -cf - "$name" |
    zstd -q -15 --single-thread -f -o "$out/$name.tar.zst"
