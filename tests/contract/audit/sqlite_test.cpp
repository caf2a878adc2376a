#include "tests/contract/audit/audit_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqliteAudit : TwoSqlite<AuditStore, make_audit_store> {
    SqliteAudit() : TwoSqlite("audit") {}
};

LURUS_AUDIT_STORE_SUITE(SqliteAudit);

}  // namespace
}  // namespace lurus::test
