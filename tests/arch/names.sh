#!/usr/bin/env bash
# names.sh ROOT: the sources of a folder are compiled together, so that a name of an unnamed namespace stands in one of them
# only. Prints each that stands in two and fails.
set -euo pipefail
cd "$1"
breaches=$(find src modules tests -name '*.cpp' -not -path '*/bench/*' -not -path '*/fuzz/*' | sort | xargs awk '
function put(name) {
    if (name == "" || name ~ /^(TEST_CASE|operator)/) return
    folder = FILENAME; sub(/\/[^\/]*$/, "", folder)
    key = folder SUBSEP around SUBSEP name
    if ((key in first) && first[key] != FILENAME) {
        if (!((key, FILENAME) in told)) { print FILENAME ": " name " is also in " first[key]; told[key, FILENAME] = 1 }
    } else first[key] = FILENAME
}
FNR == 1 { inside = 0; around = "" }
/^namespace [a-z0-9_:]+_test \{/ { around = $2; next }
/^namespace \{/ { inside = 1; next }
/^\}  \/\/ namespace$/ { inside = 0; next }
!inside || /^[ \t}#\/]/ || /^$/ { next }
/^(template|using|namespace|extern)/ { next }
{
    line = $0
    sub(/\[\[[a-z_]+\]\] */, "", line)
    if (match(line, /^(struct|class|enum class|enum struct|enum|concept|union) +[A-Za-z_0-9]+/)) {
        name = substr(line, 1, RLENGTH); sub(/.* /, "", name)
        put(name); next
    }
    head = line
    if (match(head, /[=({\[]/)) head = substr(head, 1, RSTART - 1)
    sub(/;.*/, "", head); sub(/ +$/, "", head)
    # A member that is defined outside of its class is named by the class.
    if (head ~ /::~?[A-Za-z_0-9]+$/ && head !~ / [A-Za-z_0-9]+$/) next
    if (match(head, /[A-Za-z_0-9]+$/) && head ~ /[ *&][A-Za-z_0-9]+$/) put(substr(head, RSTART, RLENGTH))
}')
[[ -z $breaches ]] && exit 0
printf '%s\n' "$breaches"
exit 1
