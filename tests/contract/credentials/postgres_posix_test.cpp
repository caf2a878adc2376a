#include "tests/contract/credentials/credential_store_suite.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

using PostgresCredentials = TwoPostgres<CredentialStore, make_credential_store>;
LURUS_CREDENTIAL_STORE_SUITE(PostgresCredentials);

}  // namespace
}  // namespace lurus::test
