#include "tests/contract/providers/provider_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqliteProviders : TwoSqlite<ProviderStore, make_provider_store> {
    SqliteProviders() : TwoSqlite("provider") {}
};

LURUS_PROVIDER_STORE_SUITE(SqliteProviders);

}  // namespace
}  // namespace lurus::test
