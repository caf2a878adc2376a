#include "tests/contract/idempotency/idempotency_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqliteIdempotency : TwoSqlite<IdempotencyStore, make_idempotency_store> {
    SqliteIdempotency() : TwoSqlite("api") {}
};

LURUS_IDEMPOTENCY_STORE_SUITE(SqliteIdempotency);

}  // namespace
}  // namespace lurus::test
