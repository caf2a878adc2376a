#!/usr/bin/env bash
# share.sh LURUS NOTICES FOLDER: what is installed beside the executable and is the same in every package for Linux: completions, manual
# pages, documents, and the notices of what is linked in.
set -euo pipefail
lurus=$1 notices=$2 to=$3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

completion() { mkdir -p "${2%/*}" && env -i HOME=/nonexistent "$lurus" completion "$1" >"$2"; }
completion bash "$to/bash-completion/completions/lurus"
completion zsh "$to/zsh/vendor-completions/_lurus"
completion fish "$to/fish/vendor_completions.d/lurus.fish"
bash "$root/packaging/linux/manual.sh" "$lurus" "$to/man"
mkdir -p "$to/doc/lurus"
cp "$root"/docs/*.md "$to/doc/lurus/"
gzip -9n <"$notices" >"$to/doc/lurus/NOTICES.gz"
chmod -R u=rwX,go=rX "$to"
