#include "tests/contract/people/people_store_suite.hpp"

namespace lurus::test {
namespace {

struct SqlitePeople : TwoSqlite<PeopleStore, make_people_store> {
    SqlitePeople() : TwoSqlite("tenancy") {}
};

LURUS_PEOPLE_STORE_SUITE(SqlitePeople);

}  // namespace
}  // namespace lurus::test
