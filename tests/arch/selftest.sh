#!/usr/bin/env bash
# Shows that includes.sh, names.sh, steps.sh and tree.sh see what they are for: each breach in a small tree is found, and a good one passes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
bad=0

fresh() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{include/lurus,src/core,src/{app,cli,config,connect},src/control/{api,steps},modules/log,modules/gateway,tests,docs,migrations/sqlite/log}
    echo '#include <vector>
#include "lurus/b.hpp"
int make_log(int n);' >"$tree/include/lurus/a.hpp"
    echo '#include <boost/asio/awaitable.hpp>' >"$tree/include/lurus/b.hpp"
    echo '#include "lurus/a.hpp"
#include <SQLiteCpp/Database.h>' >"$tree/src/core/x.cpp"
    echo '#include "modules/log/y.hpp"
#include "core/x.hpp"
#include <SQLiteCpp/Database.h>
int make_log(int n) { return n; }' >"$tree/modules/log/log_sqlite.cpp"
    echo '#include "lurus/a.hpp"
namespace lurus::app {
int n = make_log(1);
}' >"$tree/src/app/app.cpp"
    echo 'namespace lurus::control {
class Plane;
}
namespace lurus::cli {
namespace {
int shown = 1;
}  // namespace
}' >"$tree/src/cli/a.cpp"
    echo 'route("GET", "/api/v1/keys/{id}", "getKey");' >"$tree/modules/log/routes.cpp"
    echo 'namespace lurus::control {
Json type = "writeOnly";
}' | tee "$tree/src/control/steps/a.cpp" >"$tree/src/control/api/openapi.cpp"
    printf '# A title, `with` code\n[here](#a-title-with-code) [there](b.md) `[no](link)`\n' >"$tree/docs/a.md"
    echo '[back](a.md#a-title-with-code) [out](https://example.com/x)' >"$tree/docs/b.md"
    echo 'SELECT 1;' >"$tree/migrations/sqlite/log/0001_start.sql"
    echo 'SELECT 1;' >"$tree/migrations/sqlite/log/0002_more.sql"
}

# expect good|bad SCRIPT WHAT
expect() {
    local got=good
    bash "$here/$2" "$tree" >/dev/null 2>&1 || got=bad
    [[ $got == "$1" ]] || { echo "$2 calls this $got: $3"; bad=1; }
}
# broken SCRIPT FILE LINE: the tree with that line added is refused.
broken() {
    fresh
    mkdir -p "$(dirname "$tree/$2")"
    echo "$3" >>"$tree/$2"
    expect bad "$1" "$2: $3"
}

fresh
expect good includes.sh 'the good tree'
expect good names.sh 'the good tree'
expect good steps.sh 'the good tree'
expect good tree.sh 'the good tree'
broken includes.sh include/lurus/a.hpp '#include <boost/asio/io_context.hpp>'
broken includes.sh include/lurus/a.hpp '#include "core/x.hpp"'
broken includes.sh src/core/x.cpp '#include "modules/log/y.hpp"'
broken includes.sh src/cli/a.cpp '#ifdef _WIN32'
broken includes.sh src/core/x.cpp '#include "app/app.hpp"'
broken includes.sh modules/gateway/g.cpp '#include "modules/log/y.hpp"'
broken includes.sh modules/gateway/g.cpp '  #  include "app/app.hpp"'
broken includes.sh modules/gateway/g.cpp '#include "y.hpp"'
broken includes.sh modules/gateway/g.cpp '#include <SQLiteCpp/Database.h>'
broken includes.sh modules/gateway/g.cpp '#include <sqlite3.h>'
broken includes.sh modules/gateway/g_sqlite.cpp '#include <pqxx/pqxx>'
broken includes.sh src/app/app.cpp '#include "modules/log/y.hpp"'
broken includes.sh modules/gateway/g.cpp 'int n = make_log(2);'
broken includes.sh src/core/y.cpp 'int n = make_log(2);'
broken names.sh src/cli/b.cpp "$(printf 'namespace lurus::cli {\nnamespace {\nint shown = 2;\n}  // namespace\n}')"
broken names.sh src/cli/b.cpp "$(printf 'namespace lurus::app {\nint n = 1;\n}')"
broken names.sh src/control/api/openapi.cpp "$(printf 'namespace lurus::app {\nint n = 1;\n}')"
broken names.sh src/control/steps/b.hpp 'namespace lurus { int n = 1; }'
broken steps.sh src/control/steps/a.cpp 'if (route.operation_id == "getKey") return;'
broken steps.sh src/control/api/openapi.cpp 'if (route.path.starts_with("/api/v1/keys")) return;'
broken tree.sh docs/c.md "see /$(echo root)/thing"
broken tree.sh docs/c.md "see /$(echo home)/someone/thing"
broken tree.sh docs/c.md '[x](missing.md)'
broken tree.sh docs/c.md '[x](a.md#no-such-heading)'
broken tree.sh migrations/sqlite/log/0004_gap.sql 'SELECT 1;'
broken tree.sh migrations/sqlite/log/0002_twice.sql 'SELECT 1;'
broken tree.sh migrations/sqlite/log/3_short.sql 'SELECT 1;'
exit "$bad"
