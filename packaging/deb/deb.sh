#!/usr/bin/env bash
# deb.sh EXECUTABLE SHARE VERSION FOLDER: packs lurus_VERSION_amd64.deb into the folder. SHARE is what packaging/linux/share.sh
# made; SOURCE_DATE_EPOCH is the date of every file.
set -euo pipefail
executable=$1 share=$2 version=$3 out=$4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deb=$root/packaging/deb
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022
chmod 755 "$tree"

install -D -m 755 "$executable" "$tree/usr/bin/lurus"
install -D -m 644 "$root/packaging/systemd/lurus.service" "$tree/usr/lib/systemd/system/lurus.service"
install -d -m 750 "$tree/etc/lurus"
bash "$root/packaging/linux/service_config.sh" >"$tree/etc/lurus/lurus.toml"
chmod 640 "$tree/etc/lurus/lurus.toml"
install -m 600 "$root/packaging/linux/lurus.env" "$tree/etc/lurus/lurus.env"
cp -r "$share" "$tree/usr/share"
install -m 644 "$deb/copyright" "$tree/usr/share/doc/lurus/copyright"
gzip -9n <"$root/CHANGELOG.md" >"$tree/usr/share/doc/lurus/CHANGELOG.md.gz"
gzip -9n >"$tree/usr/share/doc/lurus/changelog.gz" <<END
lurus ($version) stable; urgency=medium

  * What is new is in CHANGELOG.md.gz.

 -- $(sed -n 's/^Maintainer: //p' "$deb/control")  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
install -D -m 644 "$deb/lintian-overrides" "$tree/usr/share/lintian/overrides/lurus"

install -d -m 755 "$tree/DEBIAN"
size=$(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$size/" "$deb/control" >"$tree/DEBIAN/control"
install -m 644 "$deb/conffiles" "$tree/DEBIAN/conffiles"
install -m 755 "$deb"/{postinst,prerm,postrm} "$tree/DEBIAN/"
(cd "$tree" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)

find "$tree" -print0 | xargs -0 touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
mkdir -p "$out"
# xz, which every dpkg reads.
dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/lurus_${version}_amd64.deb" >/dev/null
