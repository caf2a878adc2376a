#!/usr/bin/env bash
# unit.sh EXECUTABLE: the service's unit is free of mistakes and shut tight, and the server does without what it forbids.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
unit=$root/packaging/systemd/lurus.service
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT

# Neither the executable nor its user are of this system.
sed -e "s|/usr/bin/lurus|$1|" -e 's/^\(User\|Group\)=.*/\1=root/' "$unit" >"$work/lurus.service"
said=$(systemd-analyze verify --man=no "$work/lurus.service" 2>&1) || fail "systemd-analyze verify: $said"
[[ -z $said ]] || fail "systemd-analyze verify: $said"

score=$(systemd-analyze security --offline=yes --no-pager "$unit" | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
echo "systemd-analyze security lurus.service: $score" >&2
awk -v score="$score" 'BEGIN { exit !(score != "" && score <= 2.0) }' || fail "exposure $score is more than 2.0"

# What the unit allows, its groups taken apart.
systemd-analyze syscall-filter 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g' | awk '
    FNR == NR { if (/^@/) group = $1; else if (NF && $1 != "#") members[group] = members[group] " " $1; next }
    function add(word, names, count, i) {
        if (word !~ /^@/) { named[word] = !forbid; return }
        count = split(members[word], names, " ")
        for (i = 1; i <= count; i++) add(names[i])
    }
    /^SystemCallFilter=/ {
        sub(/^SystemCallFilter=/, ""); forbid = sub(/^~/, "")
        count = split($0, words, " ")
        for (w = 1; w <= count; w++) add(words[w])
    }
    END { for (name in named) if (named[name]) print name }' - "$unit" | sort >"$work/allowed"
grep -qx epoll_wait "$work/allowed" && ! grep -qx mount "$work/allowed" || fail 'the filter could not be taken apart'

# What it does, as somebody without rights: a start, requests, another configuration, commands that change something, the end.
chmod 755 "$work"
install -m 755 "$1" "$work/lurus"
set -- "$work/lurus"
install -d -o nobody -g nogroup "$work/data"
strace -f -qq -e signal=none -o "$work/trace" env -i PATH="$PATH" setpriv --reuid=nobody --regid=nogroup --clear-groups \
    "$1" serve --listen 127.0.0.1:0 --data-dir "$work/data" >"$work/log" 2>&1 &
tracer=$!
wait_for 60 "the start of the server" "$work/log" test -s "$work/data/first-key.txt"
server=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$work/data/server.json")
for _ in 1 2 3; do ask "$(address_in "$work/data")" "$(cat "$work/data/first-key.txt")"; done
"$1" key create --name other --data-dir "$work/data" >/dev/null
"$1" provider add other --kind openai --api-key - --no-check --data-dir "$work/data" <<<sk-test >/dev/null
kill -HUP "$server"
"$1" doctor --data-dir "$work/data" >/dev/null
kill -TERM "$server"
server=
wait "$tracer" || fail "the server ended with $?"
# From the start of the server itself, not of what starts it.
sed -n "\|execve(\"$1\"|,\$p" "$work/trace" | sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' | sort -u | grep -vx execve >"$work/used"
(($(wc -l <"$work/used") > 30)) || fail "no trace of the server: $(head -c 300 "$work/trace")"
refused=$(comm -23 "$work/used" "$work/allowed")
[[ -z $refused ]] || fail "the unit refuses what the server calls: $refused"
# MemoryDenyWriteExecute=yes
! grep -E '(mmap|mprotect)\(.*PROT_WRITE\|PROT_EXEC' "$work/trace" >&2 || fail 'memory that is writable and executable'
# RestrictAddressFamilies=
! grep -oE 'socket\(AF_[A-Z0-9]*' "$work/trace" | grep -vE 'AF_(INET|INET6|UNIX)$' >&2 || fail 'a socket of a family that the unit refuses'
