#!/usr/bin/env bash
# zip.sh [--out FOLDER] [--windows EXECUTABLE]: packs lurus-VERSION-windows-x86_64.zip. The same files make the same bytes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() { printf 'zip.sh: %s\n' "$*" >&2; exit 1; }

out=$root/build/package executable=$root/build/windows/lurus.exe
while (($#)); do
    case $1 in
        --out) out=${2:?--out wants a folder} ;;
        --windows) executable=${2:?--windows wants an executable} ;;
        *) die "unknown argument: $1" ;;
    esac
    shift 2
done
[[ -f $executable ]] || die "there is no $executable: ./dev windows builds it"
[[ $(head -c 2 "$executable") == MZ ]] || die "$executable is no executable of Windows"
command -v zip >/dev/null || die "zip is missing"

version=$(sed -n 's/^project(lurus VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
[[ -n $version ]] || die "CMakeLists.txt says no version"
name=lurus-$version-windows-x86_64
# When the sources are no clone, it is the start of what zip can say.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 315532800)}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/$name"
cp "$executable" "$work/$name/lurus.exe"
for file in "$root"/packaging/windows/*.ps1 "$root/packaging/windows/Caddyfile" "$root/packaging/windows/README.txt" "$root/config/lurus.toml" \
    "$root/LICENSE"; do
    # Notepad of older Windows shows lines that end otherwise as one.
    sed 's/\r*$/\r/' "$file" >"$work/$name/${file##*/}"
done
node "$root/packaging/sbom.mjs" --notices windows | sed 's/\r*$/\r/' >"$work/$name/NOTICES.txt"
find "$work/$name" -exec chmod u=rwX,go=rX {} + -exec touch -h -d "@$epoch" {} +
rm -f "$out/$name.zip"
(cd "$work" && find "$name" -type f | LC_ALL=C sort | TZ=UTC zip -q -9 -X "$out/$name.zip" -@)
echo "$name.zip"
