#!/usr/bin/env bash
# notices.sh BUILD-FOLDER: the copyright notices of the libraries that the packages' executable contains, as Debian's packages have them.
set -euo pipefail
build=$1

archives=$(ninja -C "$build" -t commands lurus_portable | tail -n 1 | grep -o '/usr/lib/[^ ]*\.a' | sort -u)
[[ -n $archives ]] || { echo "notices: $build links no archive" >&2; exit 1; }
mapfile -t packages < <({
    xargs dpkg -S <<<"$archives" | cut -d: -f1
    # Those that are headers, or compiled here, and the compiler's own.
    dpkg -S /usr/include/{boost/asio.hpp,nlohmann/json.hpp,CLI/CLI.hpp,toml++/toml.h,spdlog/spdlog.h,fmt/format.h} "$(g++ -print-file-name=libstdc++.a)" |
        cut -d: -f1
} | sort -u)

# Boost's own lists each of its thousands of files, under one license.
only_license() { awk -v license="License: $1" '$0 == license && paragraph { on = 1 } on && /^$/ { exit } on { print } { paragraph = /^$/ }'; }

declare -A shown=()
for package in "${packages[@]}"; do
    source=$(dpkg-query -W -f='${source:Package}' "$package")
    [[ -z ${shown[$source]:-} ]] || continue
    shown[$source]=1
    copyright=/usr/share/doc/$package/copyright
    [[ -e $copyright ]] || { echo "notices: no copyright of $package" >&2; exit 1; }
    printf '==== %s ====\n\n' "$(dpkg-query -W -f='${source:Package} ${source:Version}, in ${Package}' "$package")"
    if [[ $package == libboost* ]]; then only_license BSL-1.0 <"$copyright"; else cat "$copyright"; fi
    printf '\n'
done
