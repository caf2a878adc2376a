#!/usr/bin/env bash
# sums.sh FOLDER: writes its SHA256SUMS, of every file in it that is handed out.
set -euo pipefail
cd "${1:?a folder}"
shopt -s nullglob
files=(*.deb *.tar.zst *.tgz *.zip *.spdx.json)
((${#files[@]})) || { echo "sums.sh: there is nothing in $PWD" >&2; exit 1; }
sha256sum -- "${files[@]}" >SHA256SUMS
echo SHA256SUMS
