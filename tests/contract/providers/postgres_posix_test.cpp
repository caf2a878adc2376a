#include "tests/contract/providers/provider_store_suite.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

using PostgresProviders = TwoPostgres<ProviderStore, make_provider_store>;
LURUS_PROVIDER_STORE_SUITE(PostgresProviders);

}  // namespace
}  // namespace lurus::test
