#!/usr/bin/env bash
# run.sh CACHE LIBC: tests what ./dev package made. CACHE is where archives and older executables are kept, LIBC what
# packaging/linux/old_libc.sh made. The last line sums up.
set -uo pipefail
cache=$1 libc=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/package
mkdir -p "$cache"
deb=$(ls "$out"/lurus_*_amd64.deb) && tarball=$(ls "$out"/lurus-*-linux-x86_64.tar.zst) || exit 1
((EUID == 0)) || { echo 'test-packages: mounting and chroot take root: sudo ./dev test-packages' >&2; exit 1; }

passed=0 failed=0
check() { # NAME COMMAND...
    local name=$1 begin=$SECONDS said=passed
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) said=FAILED; fi
    printf '%-44s %s %4d s\n' "$name" "$said" $((SECONDS - begin)) >&2
}

lintian_quiet() {
    local said
    said=$(lintian --allow-root --tag-display-limit 0 "$deb" 2>&1)
    [[ -z $said ]] || { echo "$said" >&2; return 1; }
}

manual_quiet() {
    local page said
    for page in man1/lurus.1.gz man5/lurus.toml.5.gz; do
        said=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$out/stage/linux/share/man/$page" 2>&1 >/dev/null)
        [[ -z $said ]] || { echo "$page: $said" >&2; return 1; }
    done
    # Commands of two words have their section as well.
    zcat "$out/stage/linux/share/man/man1/lurus.1.gz" | grep -q '^.SS "lurus key create"'
}

completions_load() {
    bash -c '. "$1" && complete -p lurus' - "$out/stage/linux/share/bash-completion/completions/lurus" >/dev/null
}

same_bits() {
    local again result=0
    again=$(mktemp -d)
    SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct) bash "$root/packaging/package_linux.sh" "$out/stage/linux/lurus" "$again" deb tarball &&
        cmp "$deb" "$again/${deb##*/}" && cmp "$tarball" "$again/${tarball##*/}" || result=1
    rm -rf "$again"
    return $result
}

bash "$here/debian_root.sh" "$cache" >"$cache/debian_root.path" &
debian=$!
check 'lintian' lintian_quiet
check 'manual pages' manual_quiet
check 'completion of bash' completions_load
check 'unit: security, system calls' bash "$here/unit.sh" "$out/stage/linux/lurus"
check 'tarball in the libc of Debian 11' bash "$here/old_libc.sh" "$tarball" "$libc"
check 'made again, bit for bit' same_bits
check 'npm, zip, SBOM, scripts, Caddyfile, README' bash "$here/node.sh" "$cache"
check 'a minimal Debian 12' wait "$debian"
begin=$SECONDS
if before=$(bash "$here/before.sh" "$cache"); then
    echo "the executable of before: $((SECONDS - begin)) s" >&2
    check 'Debian 12: install, serve, upgrade, purge' bash "$here/debian.sh" "$deb" "$before" "$(cat "$cache/debian_root.path")"
else
    failed=$((failed + 1))
fi
echo "$SECONDS s" >&2
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
