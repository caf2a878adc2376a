#include "tests/contract/background/background_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqliteBackground : TwoSqlite<BackgroundStore, make_background_store> {
    SqliteBackground() : TwoSqlite("background") {}
};

LURUS_BACKGROUND_STORE_SUITE(SqliteBackground);

}  // namespace
}  // namespace lurus::test
