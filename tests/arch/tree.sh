#!/usr/bin/env bash
# tree.sh ROOT: what holds for the files of the tree: no absolute paths of somebody's machine, links of the documents
# that resolve, migrations numbered without gaps. Prints each breach and fails.
set -euo pipefail
cd "$1"
bad=0
breach() { echo "$*"; bad=1; }

if git rev-parse --is-inside-work-tree >/dev/null 2>&1 && [[ $(git rev-parse --show-toplevel) == "$PWD" ]]; then
    mapfile -d '' files < <(git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [[ -f $f ]] && printf '%s\0' "$f"; done)
else
    mapfile -d '' files < <(find . -path ./build -prune -o -path ./.git -prune -o -name node_modules -prune -o -type f -printf '%P\0')
fi

while IFS= read -r hit; do breach "$hit: a path of one machine"; done < \
    <(printf '%s\0' "${files[@]}" | xargs -0 grep -HnIoE '/(home/[a-z0-9]+|[r]oot|[w]ork)/[A-Za-z0-9._-]*' | grep -vE ':/home/(u|me|you|user)/[^/]*$' || true)

# Headings become anchors the way code hosts make them.
anchors() {
    awk '/^```/ { code = !code } !code && /^#+ / { sub(/^#+ +/, ""); print tolower($0) }' "$1" |
        sed -E 's/`//g; s/[^a-z0-9 _-]//g; s/ /-/g'
}
for file in "${files[@]}"; do
    [[ $file == *.md ]] || continue
    while IFS= read -r link; do
        [[ $link =~ ^(https?:|mailto:) ]] && continue
        path=${link%%#*} anchor=${link#*#}
        [[ $link == *#* ]] || anchor=
        target=$file
        [[ -n $path ]] && target=$(dirname "$file")/$path
        if [[ ! -e $target ]]; then
            breach "$file: the link to $link leads nowhere"
        elif [[ -n $anchor && -f $target ]] && ! anchors "$target" | grep -qxF -- "$anchor"; then
            breach "$file: $link names no heading"
        fi
    done < <(awk '/^```/ { code = !code } !code' "$file" | sed -E 's/`[^`]*`//g' | grep -oE '\]\([^) ]+' | sed 's/^](//' || true)
done

while IFS= read -r folder; do
    n=0
    while IFS= read -r name; do
        n=$((n + 1))
        [[ $name =~ ^[0-9]{4}_[a-z0-9_]+\.sql$ ]] || breach "$folder/$name: not NNNN_name.sql"
        [[ ${name:0:4} == "$(printf %04d $n)" ]] || breach "$folder/$name: number $n is expected here"
    done < <(find "$folder" -maxdepth 1 -name '*.sql' -printf '%f\n' | sort)
done < <(find migrations -name '*.sql' -printf '%h\n' 2>/dev/null | sort -u)
exit "$bad"
