#!/usr/bin/env bash
# names.sh ROOT: the sources of a folder are compiled together, so that a name of an unnamed namespace stands in one of them
# only (one of Windows and one of POSIX are never together); and what src/ROOM defines is in lurus::ROOM. Prints each name that stands in two sources and each source that is in
# another namespace than its folder says, and fails.
set -euo pipefail
cd "$1"
breaches=$(find src modules tests -name '*.cpp' -not -path '*/bench/*' -not -path '*/fuzz/*' | sort | xargs awk '
function apart(a, b) { return a ~ /_windows(_test)?\.cpp$/ && b ~ /_(posix|epoll)(_test)?\.cpp$/ }
function put(name) {
    if (name == "" || name ~ /^(TEST_CASE|operator)/) return
    folder = FILENAME; sub(/\/[^\/]*$/, "", folder)
    key = folder SUBSEP around SUBSEP name
    if ((key in first) && first[key] != FILENAME && !apart(FILENAME, first[key])) {
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
strangers=$(find src/{app,cli,config,connect,control} \( -name '*.cpp' -o -name '*.hpp' \) -not -name main.cpp | sort | xargs awk '
function left() { if (file != "" && !own) print file ": nothing of it is in lurus::" room }
FNR == 1 { left(); file = FILENAME; split(file, part, "/"); room = part[2]; own = other = 0 }
/^namespace [a-z_:]+ \{/ {
    name = $2; sub(/^lurus::/, "", name)
    if (name == room) own = 1
    other = name != room && name != "lurus"
    next
}
/^\}/ { other = 0 }
# Another folder is only told what it has: its classes are declared.
other && !/^((class|struct) [A-Za-z_0-9]+;)?$/ { print file ":" FNR ": not in lurus::" room; other = 0 }
END { left() }')
[[ -z $breaches$strangers ]] && exit 0
printf '%s\n' "$breaches" "$strangers" | sed '/^$/d'
exit 1
