#!/usr/bin/env bash
# includes.sh ROOT: the include rules of docs/architecture.md. Prints each breach and fails.
set -euo pipefail
cd "$1"

# file:line:included, of every source of the product
includes=$(grep -rnE '^[[:space:]]*#[[:space:]]*include' --include='*.cpp' --include='*.hpp' include src modules |
    sed -E 's/^([^:]*:[0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*([<"][^>"]*[>"]).*/\1 \2/')

breaches=$(awk '
function breach(rule) { printf "%s: %s: %s\n", place, rule, header }
{
    place = $1; header = $2
    file = place; sub(/:[0-9]+$/, "", file)
    name = header; gsub(/[<>"]/, "", name)
    quoted = header ~ /^"/
    split(file, part, "/")

    if (file ~ /^include\/lurus\//) {
        if (quoted ? name !~ /^lurus\// : name !~ /^[a-z_0-9]+$/ && name != "boost/asio/awaitable.hpp")
            breach("contracts include std, the awaitable and each other only")
    } else if (file ~ /^src\/(core|vendor)\//) {
        if (quoted && name !~ /^(lurus|core|vendor)\//) breach("core includes contracts, libraries and itself only")
    } else if (file ~ /^src\/model\//) {
        if (quoted && name !~ /^(lurus|core|model)\//) breach("the model includes contracts, core and itself only")
    } else if (file ~ /^modules\//) {
        if (quoted && name !~ /^(lurus|core|model)\// && index(name, "modules/" part[2] "/") != 1)
            breach("a module includes its own folder, contracts, model and core only")
    } else if (file ~ /^src\/(config|connect)\//) {
        if (quoted && name !~ /^(lurus|core|model|config|connect)\//) breach("configuration and clients\047 settings see contracts, model and core only")
    } else if (file ~ /^src\/control\//) {
        if (quoted && name !~ /^(lurus|core|model|config|control)\//) breach("the control plane sees contracts, model, core and the configuration only")
    } else if (file ~ /^src\/cli\//) {
        if (quoted && name !~ /^(lurus|core|model|config|connect|control|cli)\//) breach("a command sees contracts, model, core, configuration and the control plane only")
    } else if (file ~ /^src\/app\//) {
        if (quoted && name !~ /^(lurus|core|model|config|connect|control|cli|app)\//) breach("the composition root includes no module: contracts have factories")
    }
    if (quoted && name !~ /\//) breach("includes are rooted")
    if (name ~ /^lurus\/[a-z]+_sqlite\.hpp$/ && file !~ /^src\/(app|control\/state)\//) {
        module = name; sub(/^lurus\//, "", module); sub(/_sqlite\.hpp$/, "", module)
        if (index(file, "modules/" module "/") != 1) breach("which database it is, only the composition root says")
    }

    if (file !~ /^src\/core\//) {
        if (name ~ /^(SQLiteCpp\/|sqlite3\.h)/ && file !~ /_sqlite\.[ch]pp$/) breach("SQLite only in core and in *_sqlite")
        if (name ~ /^pqxx\// && file !~ /_postgres\.[ch]pp$/) breach("libpqxx only in core and in *_postgres")
        if (name ~ /^nats\// && file !~ /_nats\.[ch]pp$/) breach("NATS only in core and in *_nats")
        if (name ~ /^hiredis\// && file !~ /_redis\.[ch]pp$/) breach("hiredis only in core and in *_redis")
    }
}' <<<"$includes")

# A factory of the contracts is called by the composition root; elsewhere only the module that defines it names it.
for factory in $(grep -rhoE '^[A-Za-z].*\bmake_[a-z0-9_]+\(' include/lurus | sed -E 's/.*\b(make_[a-z0-9_]+)\($/\1/' | sort -u); do
    named=$({ grep -rlE "\b$factory\(" src/core modules || true; } | sed -E 's|^(src/core\|modules/[^/]*)/.*|\1|' | sort -u)
    if [[ $(wc -w <<<"$named") -gt 1 || $named == src/core ]]; then
        breaches+=$'\n'"$factory is named in $(tr '\n' ' ' <<<"$named"): only src/app chooses a concrete type"
    fi
done

# What a system has of its own is in a source whose name says so, behind a header without conditions.
breaches+=$'\n'$(grep -rnE '^[[:space:]]*#[[:space:]]*(el)?if.*(_WIN32|_WIN64|__MINGW|__linux__|__unix__|__APPLE__)' --include='*.cpp' --include='*.hpp' include src modules tests |
    grep -vE '^src/core/(os|io)/' | sed 's/$/: conditions for a system are in core only: *_posix, *_windows/' || true)

breaches=$(sed '/^$/d' <<<"$breaches")
[[ -z $breaches ]] && exit 0
printf '%s\n' "$breaches"
exit 1
