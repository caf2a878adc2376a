#!/usr/bin/env bash
# npm.sh [--out FOLDER] [--linux EXECUTABLE] [--windows EXECUTABLE]: packs lurus-switch-VERSION.tgz and, for each platform, the
# package that holds its executable. An executable that is not named is taken from build/ when it is there, and left out else.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

say() { printf '%s\n' "$*" >&2; }
die() { say "npm.sh: $*"; exit 1; }

out=$root/build/package linux='' windows=''
while (($#)); do
    case $1 in
        --out) out=${2:?--out wants a folder} ;;
        --linux) linux=${2:?--linux wants an executable} ;;
        --windows) windows=${2:?--windows wants an executable} ;;
        *) die "unknown argument: $1" ;;
    esac
    shift 2
done
[[ -z $linux || -f $linux ]] || die "there is no $linux"
[[ -z $windows || -f $windows ]] || die "there is no $windows"
command -v npm >/dev/null || die "npm is missing"
: "${linux:=$root/build/package/stage/linux/lurus}" "${windows:=$root/build/windows/lurus.exe}"

version=$(sed -n 's/^project(lurus VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
[[ -n $version ]] || die "CMakeLists.txt says no version"
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root/LICENSE" "$work/LICENSE"

# pack FOLDER: packs it into $out. A name with a scope loses its @ and its slash.
pack() {
    cp "$work/LICENSE" "$1/LICENSE"
    npm pack --silent --ignore-scripts --pack-destination "$out" "$1"
}

# platform OS CPU LIBC EXECUTABLE FILE-NAME SYSTEM: one package with an executable.
platforms=()
platform() {
    local name=$1-$2 folder=$work/$1-$2
    if [[ ! -f $4 ]]; then
        say "npm.sh: no $4: there will be no package for $name"
        return 0
    fi
    case $1:$(head -c 4 "$4" | od -An -c | tr -d ' ') in
        linux:177ELF | win32:MZ*) ;;
        *) die "$4 is no executable of $1" ;;
    esac
    install -D -m 755 "$4" "$folder/bin/$5"
    node "$here/sbom.mjs" --notices "$6" >"$folder/NOTICES"
    {
        printf '{\n  "name": "@lurus-switch/%s",\n  "version": "%s",\n' "$name" "$version"
        printf '  "description": "The %s executable of lurus-switch",\n  "license": "Apache-2.0",\n' "$name"
        printf '  "os": ["%s"],\n  "cpu": ["%s"],\n' "$1" "$2"
        [[ -z $3 ]] || printf '  "libc": ["%s"],\n' "$3"
        printf '  "files": ["bin", "NOTICES"],\n  "preferUnplugged": true\n}\n'
    } >"$folder/package.json"
    printf '# %s\n\nThe executable of lurus-switch for %s. Install lurus-switch, which brings it.\n' \
        "@lurus-switch/$name" "$name" >"$folder/README.md"
    pack "$folder"
    platforms+=("$name")
}
platform linux x64 glibc "$linux" lurus linux
platform win32 x64 '' "$windows" lurus.exe windows
((${#platforms[@]})) || die "there is no executable to pack"

main=$work/lurus-switch
install -D -m 755 "$here/npm/lurus.js" "$main/bin/lurus.js"
cp "$here/npm/README.md" "$main/README.md"
optional=''
for name in "${platforms[@]}"; do
    optional+="${optional:+,
}    \"@lurus-switch/$name\": \"$version\""
done
cat >"$main/package.json" <<JSON
{
  "name": "lurus-switch",
  "version": "$version",
  "description": "A gateway between AI clients (Claude Code, Codex, Gemini CLI, SDKs) and model vendors: failover, usage and cost of every request",
  "keywords": ["llm", "gateway", "proxy", "claude-code", "codex", "gemini-cli", "anthropic", "openai"],
  "license": "Apache-2.0",
  "engines": { "node": ">=18" },
  "bin": { "lurus": "bin/lurus.js", "lurus-switch": "bin/lurus.js" },
  "files": ["bin"],
  "optionalDependencies": {
$optional
  }
}
JSON
pack "$main"
