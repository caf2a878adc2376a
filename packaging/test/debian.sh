#!/usr/bin/env bash
# debian.sh DEB EXECUTABLE-OF-BEFORE ROOT-ARCHIVE: the package in a Debian of its own, in memory: it installs, serves as the unit has it,
# upgrades over an older one with its data kept, restarts only when the configuration is good, and purges without a trace.
set -euo pipefail
# Mounts and processes are gone with it.
[[ -n ${LURUS_TEST_UNSHARED:-} ]] || LURUS_TEST_UNSHARED=1 exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
deb=$1 before=$2 archive=$3
root=$(mktemp -d)
work=$(mktemp -d)
trap 'umount -l "$root" 2>/dev/null; rm -rf --one-file-system "$root" "$work"' EXIT
mount -t tmpfs -o mode=755 none "$root"
tar --zstd -xf "$archive" -C "$root"
mount -t proc proc "$root/proc"
step() { echo "   $*" >&2; }

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
# What people have changed stays, as an unattended upgrade has it.
dpkg_install() {
    cp "$1" "$root/tmp/lurus.deb"
    inside dpkg --force-unsafe-io --force-confold -i /tmp/lurus.deb >"$work/dpkg" 2>&1 </dev/null || fail "dpkg -i: $(cat "$work/dpkg")"
    rm "$root/tmp/lurus.deb"
}
# What is gone with a boot, dpkg's own notes, logs, caches and the copies that passwd's tools keep are not the package's.
files() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./tmp -o -path ./run -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache \) -prune -o -print) |
        grep -vxE '\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-' | LC_ALL=C sort
}
accounts() { cat "$root"/etc/{passwd,group,shadow,gshadow}; }
mode_of() { [[ "$(inside stat -c '%a %U:%G' "$2")" == "$1" ]] || fail "$2 is $(inside stat -c '%a %U:%G' "$2"), not $1"; }

# The command, the user and the variables of the installed unit, without the service manager.
server=
start() {
    local unit=$root/usr/lib/systemd/system/lurus.service variables=()
    [[ "$(sed -n 's/^User=//p' "$unit")" == lurus ]] || fail 'the unit has another user'
    while IFS= read -r line; do [[ $line != [A-Z]*=* ]] || variables+=("$line"); done <"$root/etc/lurus/lurus.env"
    rm -f "$root/var/lib/lurus/server.json"
    read -ra command < <(sed -n 's/^ExecStart=//p' "$unit")
    (umask 077 && exec chroot --userspec=lurus:lurus "$root" env -i -C /var/lib/lurus PATH=/usr/bin:/bin "${variables[@]}" "${command[@]}") \
        >>"$work/server" 2>&1 &
    server=$!
    wait_for 60 "the start of the server" "$work/server" test -s "$root/var/lib/lurus/server.json"
    address=$(address_in "$root/var/lib/lurus")
}
stop() { end_server "$server"; server=; }
lurus() { inside lurus "$@"; }
any_port() { sed -i 's/^#listen = .*/listen = "127.0.0.1:0"/' "$root/etc/lurus/lurus.toml"; }

step 'install'
files >"$work/files.clean" && accounts >"$work/accounts.clean"
dpkg_install "$deb"
mode_of '750 root:lurus' /etc/lurus
mode_of '640 root:lurus' /etc/lurus/lurus.toml
mode_of '600 root:root' /etc/lurus/lurus.env
mode_of '700 lurus:lurus' /var/lib/lurus
inside dpkg --verify lurus >"$work/verify" && [[ ! -s $work/verify ]] || fail "dpkg --verify: $(cat "$work/verify")"
[[ -L $root/etc/systemd/system/multi-user.target.wants/lurus.service ]] || fail 'the service is not enabled'
any_port
start
ask "$address" "$(cat "$root/var/lib/lurus/first-key.txt")"
[[ $(lurus logs --json | wc -l) == 1 ]] || fail 'the request is not in the log'
mode_of '600 lurus:lurus' /var/lib/lurus/master.key
stop

step 'purge'
inside dpkg --force-unsafe-io -r lurus >"$work/dpkg" 2>&1 || fail "dpkg -r: $(cat "$work/dpkg")"
[[ -e $root/var/lib/lurus/lurus.db && -e $root/etc/lurus/lurus.toml ]] || fail 'removing the package removed data or configuration'
inside dpkg --force-unsafe-io -P lurus >"$work/dpkg" 2>&1 || fail "dpkg -P: $(cat "$work/dpkg")"
files >"$work/files.purged" && accounts >"$work/accounts.purged"
diff "$work/files.clean" "$work/files.purged" >&2 || fail 'a purge leaves files, or takes others'
diff "$work/accounts.clean" "$work/accounts.purged" >&2 || fail 'a purge leaves an account'

step 'upgrade'
# The package of before: its executable, an older version, another default configuration.
dpkg-deb -R "$deb" "$work/before"
cp "$before" "$work/before/usr/bin/lurus"
version=$(dpkg-deb -f "$deb" Version)
sed -i "s/^Version: .*/Version: $version~before/" "$work/before/DEBIAN/control"
echo '# A line that the next version has no more.' >>"$work/before/etc/lurus/lurus.toml"
(cd "$work/before" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\n' | xargs md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group -Znone -b "$work/before" "$work/before.deb" >/dev/null
dpkg_install "$work/before.deb"
any_port
echo 'LURUS_TEST_SECRET=sk-of-a-test' >>"$root/etc/lurus/lurus.env"
cp "$root/etc/lurus/lurus.toml" "$work/kept.toml"
# A vendor whose key is stored encrypted, and whose certificate the system trusts: another server's demo.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/key.pem" -out "$work/certificate.pem" 2>"$work/openssl" || fail "openssl: $(cat "$work/openssl")"
install -D -m 644 "$work/certificate.pem" "$root/usr/lib/ssl/cert.pem"
env -i PATH="$PATH" LURUS_TLS_CERTIFICATE="$work/certificate.pem" LURUS_TLS_PRIVATE_KEY="$work/key.pem" "$before" serve --listen 127.0.0.1:0 --data-dir "$work/vendor" >"$work/vendor.log" 2>&1 &
wait_for 60 "the start of the vendor" "$work/vendor.log" test -s "$work/vendor/first-key.txt"
vendor=$(address_in "$work/vendor") vendor_key=$(cat "$work/vendor/first-key.txt")
start
key=$(cat "$root/var/lib/lurus/first-key.txt")
ask "$address" "$key"
second=$(lurus key create --name second --json | grep -o 'cr_[A-Za-z0-9_-]*' | head -n 1)
lurus provider add vendor --kind anthropic --base-url "$vendor" --api-key - --no-check <<<"$vendor_key" >/dev/null
lurus provider add by-name --kind openai --api-key-env LURUS_TEST_SECRET --no-check >/dev/null
ask "$address" "$key"
lurus key list --json | grep -o '"id":"[^"]*","name":"[^"]*"' >"$work/keys.before"
lurus provider list --json | grep -o '"name":"[^"]*"' | sort >"$work/providers.before"
dpkg_install "$deb"
cmp "$work/kept.toml" "$root/etc/lurus/lurus.toml" || fail 'the changed configuration was not kept'
[[ -e $root/etc/lurus/lurus.toml.dpkg-dist ]] || fail "the package's own configuration is not beside it"
grep -q LURUS_TEST_SECRET "$root/etc/lurus/lurus.env" || fail 'the variables were not kept'
mode_of '640 root:lurus' /etc/lurus/lurus.toml
# The one of before runs on until it is told to end.
ask "$address" "$key"
lurus logs --json >"$work/logs.before"
stop
# As on a distribution that keeps certificates elsewhere than the one that the executable was built on.
rm -r "$root/usr/lib/ssl"
install -D -m 644 "$work/certificate.pem" "$root/etc/pki/tls/certs/ca-bundle.crt"
start
lurus logs --json | diff "$work/logs.before" - >&2 || fail 'the records are not those of before'
lurus key list --json | grep -o '"id":"[^"]*","name":"[^"]*"' | diff "$work/keys.before" - >&2 || fail 'the keys are not those of before'
lurus provider list --json | grep -o '"name":"[^"]*"' | sort | diff "$work/providers.before" - >&2 || fail 'the providers are not those of before'
ask "$address" "$key"
ask "$address" "$second"
[[ $(lurus logs --json | wc -l) == $(($(wc -l <"$work/logs.before") + 2)) ]] || fail 'new requests are not in the log'
[[ $(lurus logs --provider vendor --json | wc -l) == 4 ]] || fail 'the vendor whose key is stored was not asked'
lurus doctor >"$work/doctor" 2>&1 || fail "doctor: $(cat "$work/doctor")"

rm -r "$root/etc/pki"

step 'restart after an upgrade'
mkdir -p "$root/run/systemd/system"
cat >"$root/usr/bin/systemctl" <<'END'
#!/bin/sh
echo "$*" >>/tmp/systemctl
case $* in *is-active*) echo active ;; *is-enabled*) echo enabled ;; esac
END
chmod 755 "$root/usr/bin/systemctl"
restarted() { grep -qE '(^| )restart lurus\.service' "$root/tmp/systemctl"; }
dpkg_install "$deb"
restarted || fail "the service was not restarted: $(cat "$root/tmp/systemctl")"
rm "$root/tmp/systemctl"
cp "$root/etc/lurus/lurus.toml" "$work/good.toml"
echo 'no_such_option = 1' >>"$root/etc/lurus/lurus.toml"
dpkg_install "$deb"
! restarted || fail 'the service was restarted with a configuration that the new version refuses'
grep -q no_such_option "$work/dpkg" && grep -q 'was not stopped' "$work/dpkg" || fail "the mistake is not told: $(cat "$work/dpkg")"
stop
rm -r "$root/run/systemd" "$root/usr/bin/systemctl" "$root/tmp/systemctl"

step 'purge of what was upgraded'
inside dpkg --force-unsafe-io -P lurus >"$work/dpkg" 2>&1 || fail "dpkg -P: $(cat "$work/dpkg")"
files | diff "$work/files.clean" - >&2 || fail 'a purge leaves files, or takes others'
accounts | diff "$work/accounts.clean" - >&2 || fail 'a purge leaves an account'
