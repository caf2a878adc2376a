#include "tests/contract/flags/flag_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqliteFlags : TwoSqlite<FlagStore, make_flag_store> {
    SqliteFlags() : TwoSqlite("flags") {}
};

LURUS_FLAG_STORE_SUITE(SqliteFlags);

}  // namespace
}  // namespace lurus::test
