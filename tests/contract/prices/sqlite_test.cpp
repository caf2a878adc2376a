#include "tests/contract/prices/price_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqlitePrices : TwoSqlite<PriceStore, make_price_store> {
    SqlitePrices() : TwoSqlite("billing") {}
};

LURUS_PRICE_STORE_SUITE(SqlitePrices);

}  // namespace
}  // namespace lurus::test
