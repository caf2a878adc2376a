#include "tests/contract/credentials/credential_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqliteCredentials : TwoSqlite<CredentialStore, make_credential_store> {
    SqliteCredentials() : TwoSqlite("signin") {}
};

LURUS_CREDENTIAL_STORE_SUITE(SqliteCredentials);

}  // namespace
}  // namespace lurus::test
