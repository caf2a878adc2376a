#include "tests/contract/keys/key_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqliteKeys : TwoSqlite<KeyStore, make_key_store> {
    SqliteKeys() : TwoSqlite("identity", "limits") {}
};

LURUS_KEY_STORE_SUITE(SqliteKeys);

}  // namespace
}  // namespace lurus::test
