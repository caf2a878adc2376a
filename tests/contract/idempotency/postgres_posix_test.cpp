#include "tests/contract/idempotency/idempotency_store_suite.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

using PostgresIdempotency = TwoPostgres<IdempotencyStore, make_idempotency_store>;
LURUS_IDEMPOTENCY_STORE_SUITE(PostgresIdempotency);

}  // namespace
}  // namespace lurus::test
