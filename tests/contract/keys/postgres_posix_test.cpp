#include "tests/contract/keys/key_store_suite.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

using PostgresKeys = TwoPostgres<KeyStore, make_key_store>;
LURUS_KEY_STORE_SUITE(PostgresKeys);

}  // namespace
}  // namespace lurus::test
