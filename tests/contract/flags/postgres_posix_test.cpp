#include "tests/contract/flags/flag_store_suite.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

using PostgresFlags = TwoPostgres<FlagStore, make_flag_store>;
LURUS_FLAG_STORE_SUITE(PostgresFlags);

}  // namespace
}  // namespace lurus::test
