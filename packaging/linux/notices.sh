#!/usr/bin/env bash
# notices.sh: the copyright notices of the libraries that are linked in, as Debian's packages have them.
set -euo pipefail
packages=(libssl-dev libsqlitecpp-dev libsqlite3-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev libtomlplusplus-dev libzstd-dev
    zlib1g-dev libbrotli-dev libargon2-dev libcrypt-dev libcjose-dev libjansson-dev liboath-dev liburing-dev libjemalloc-dev libabsl-dev
    libboost1.81-dev libstdc++-12-dev)
# Boost's own lists each of its thousands of files, under one license.
only_license() { awk -v license="License: $1" '$0 == license && paragraph { on = 1 } on && /^$/ { exit } on { print } { paragraph = /^$/ }'; }
for package in "${packages[@]}"; do
    [[ -e /usr/share/doc/$package/copyright ]] || { echo "notices: no copyright of $package" >&2; exit 1; }
    printf '==== %s %s ====\n\n' "$package" "$(dpkg-query -W -f='${source:Package} ${source:Version}' "$package")"
    if [[ $package == libboost* ]]; then
        only_license BSL-1.0 <"/usr/share/doc/$package/copyright"
    else
        cat "/usr/share/doc/$package/copyright"
    fi
    printf '\n'
done
