#!/usr/bin/env bash
# notices.sh: the copyright notices of what is linked into lurus.exe: the libraries of the other executable, whose notices are the same in
# every version of Debian, and the runtime of the compiler for Windows.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bash "$root/packaging/linux/notices.sh"
for package in mingw-w64-x86-64-dev gcc-mingw-w64-x86-64-posix; do
    [[ -e /usr/share/doc/$package/copyright ]] || { echo "notices: no copyright of $package" >&2; exit 1; }
    printf '==== %s %s ====\n\n' "$package" "$(dpkg-query -W -f='${source:Package} ${source:Version}' "$package")"
    cat "/usr/share/doc/$package/copyright"
    printf '\n'
done
