#!/usr/bin/env bash
# old_libc.sh FOLDER: the libc 2.31 of Debian 11 and the unwinder of its GCC 10, to link with and to try an executable in.
# They are fetched once, from where this machine's apt fetches Debian, and without root's rights.
set -euo pipefail
to=$1
# The last line names what is in the folder: another one makes it anew.
wanted='libc6 libc6-dev libgcc-10-dev of bullseye'
[[ "$(cat "$to/made" 2>/dev/null)" != "$wanted" ]] || exit 0

die() { echo "old_libc: $*" >&2; exit 1; }
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 == "Debian" && $3 == "Debian" && $4 == "main" { print $1; exit }')
[[ -n $mirror ]] || die 'apt knows no Debian mirror here'
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $keys ]] || die "there is no $keys (package debian-archive-keyring)"

work=$to.new
rm -rf "$work"
mkdir -p "$work"/apt/{lists,cache,etc}/partial "$work/files/gcc"
echo "deb [arch=amd64 signed-by=$keys] $mirror bullseye main" >"$work/apt/etc/sources.list"
apt_of() {
    apt-get -q -o Dir::Etc::SourceList="$work/apt/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null -o APT::Architecture=amd64 \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
{
    apt_of update && cd "$work/apt" &&
        apt_of download libc6/bullseye libc6-dev/bullseye libgcc-10-dev/bullseye
} >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; die "Debian 11's libc could not be fetched from $mirror"; }
for package in "$work"/apt/libc6*.deb; do dpkg-deb -x "$package" "$work/files"; done
dpkg-deb --fsys-tarfile "$work"/apt/libgcc-10-dev_*.deb | tar -xO ./usr/lib/gcc/x86_64-linux-gnu/10/libgcc_eh.a >"$work/files/gcc/libgcc_eh.a"
# Links to the root of the system would lead out of the folder.
find "$work/files" -type l -lname '/*' -printf '%P %l\n' | while read -r link target; do
    ln -sfn "$(realpath -ms --relative-to="$work/files/${link%/*}" "$work/files$target")" "$work/files/$link"
done
rm -rf "$work/files"/usr/share "$to"
mv "$work/files" "$to"
rm -rf "$work"
echo "$wanted" >"$to/made"
