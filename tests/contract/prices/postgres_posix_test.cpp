#include "tests/contract/prices/price_store_suite.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

using PostgresPrices = TwoPostgres<PriceStore, make_price_store>;
LURUS_PRICE_STORE_SUITE(PostgresPrices);

}  // namespace
}  // namespace lurus::test
