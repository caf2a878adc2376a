#include "tests/contract/people/people_store_suite.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

using PostgresPeople = TwoPostgres<PeopleStore, make_people_store>;
LURUS_PEOPLE_STORE_SUITE(PostgresPeople);

}  // namespace
}  // namespace lurus::test
