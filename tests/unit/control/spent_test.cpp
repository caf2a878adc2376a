#include "control/state/spent.hpp"

#include <doctest/doctest.h>

#include "core/os/files.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::control;

namespace {

class Keys final : public KeySnapshot {
public:
    explicit Keys(std::vector<KeyInfo> keys) : keys_(std::move(keys)) {}
    const KeyInfo* find(std::string_view) const override { return nullptr; }
    const std::vector<KeyInfo>& all() const override { return keys_; }

private:
    std::vector<KeyInfo> keys_;
};

KeyInfo key_of(std::string id, std::string org, std::string user) {
    KeyInfo key;
    key.id = std::move(id);
    key.name = "ci";
    key.org = std::move(org);
    key.user = std::move(user);
    key.rules.limits.budget = Budget::parse("10 USD/total").value();
    return key;
}

RequestRecord record_of(const KeyInfo& key, std::int64_t nano_usd) {
    RequestRecord record;
    record.time = system_clock().now();
    record.key = key.name;
    record.user = key.record_user();
    record.model = "m-" + key.id;
    record.cost = Money{nano_usd};
    return record;
}

}  // namespace

TEST_CASE("a budget of its own goes on from the log, before the common one") {
    const test::Scratch scratch;
    LogSettings settings;
    settings.file = scratch.dir() / "log.db";
    auto log = make_request_log_sqlite(settings, system_clock());
    REQUIRE(log);
    KeyInfo key = key_of("a", "one", "ada");
    Limits own;
    own.budget = Budget::parse("5 USD/month").value();
    key.user_limits = key.team_limits = key.org_limits = std::make_shared<const Limits>(own);
    key.team = "red";
    (*log)->append(record_of(key, 7000), 0, nullptr);
    REQUIRE((*log)->flush(10'000));
    const RecordUsers users = [](std::string_view) -> Result<std::shared_ptr<const UserSet>> {
        return std::make_shared<const UserSet>(UserSet{"ada"});
    };
    CommonLimits common;
    common.user.budget = Budget::parse("9 USD/day").value();
    const auto table = spent_so_far(Keys({key}), common, **log, users, system_clock().now(), nullptr);
    REQUIRE(table);
    for (const auto& [subject, id] :
         {std::pair(Subject::user, "ada"), std::pair(Subject::team, "red"), std::pair(Subject::org, "one")}) {
        const auto found = table->find({subject, id});
        REQUIRE(found != table->end());
        CHECK(found->second.period == BudgetPeriod::month);
        CHECK(found->second.amount.nano_usd == 7000);
    }
}

TEST_CASE("keys of one name in different organisations do not pay for each other") {
    const test::Scratch scratch;
    LogSettings settings;
    settings.file = scratch.dir() / "log.db";
    auto log = make_request_log_sqlite(settings, system_clock());
    REQUIRE(log);
    const std::vector<KeyInfo> keys = {key_of("a", "one", ""), key_of("b", "two", "ada"), key_of("c", "three", "")};
    const RecordUsers users = [](std::string_view org) -> Result<std::shared_ptr<const UserSet>> {
        UserSet out{std::string(org)};
        if (org == "two") out.insert("ada");
        return std::make_shared<const UserSet>(std::move(out));
    };
    for (std::size_t i = 0; i < keys.size(); ++i)
        (*log)->append(record_of(keys[i], 1000 * (static_cast<std::int64_t>(i) + 1)), 0, nullptr);
    REQUIRE((*log)->flush(10'000));

    CommonLimits common;
    common.user.budget = Budget::parse("5 USD/total").value();
    common.models.push_back({"m-*", {}});
    common.models.back().limits.budget = Budget::parse("1 USD/total").value();
    const auto spent = spent_so_far(Keys(keys), common, **log, users, system_clock().now(), nullptr);
    REQUIRE(spent);
    const auto amount = [&](Subject subject, const std::string& name) {
        const auto found = spent->find({subject, name});
        return found == spent->end() ? -1 : found->second.amount.nano_usd;
    };
    CHECK(amount(Subject::key, "a") == 1000);
    CHECK(amount(Subject::key, "b") == 2000);
    CHECK(amount(Subject::key, "c") == 3000);
    CHECK(amount(Subject::user, "ada") == 2000);
    CHECK(amount(Subject::model, "m-*") == 6000);
}

TEST_CASE("budgets go by ids: revoked keys count for their team, another key of the name for nothing") {
    const test::Scratch scratch;
    LogSettings settings;
    settings.file = scratch.dir() / "log.db";
    auto log = make_request_log_sqlite(settings, system_clock());
    REQUIRE(log);
    IdGenerator ids;
    const auto fresh = [&] { return ids.next(system_clock().now()); };
    const Id revoked = fresh(), living = fresh(), red = fresh(), blue = fresh(), org = fresh();
    const auto spend = [&](const Id& key, const Id& team, std::int64_t nano_usd) {
        RequestRecord record;
        record.time = system_clock().now();
        record.key = "ci";
        record.key_id = key;
        record.team_id = team;
        record.org_id = org;
        record.user = org.hex();
        record.cost = Money{nano_usd};
        (*log)->append(std::move(record), 0, nullptr);
    };
    spend(revoked, red, 1000);
    spend(living, red, 200);  // moved since
    spend(living, blue, 30);
    KeyInfo key = key_of(living.hex(), org.hex(), "");
    key.team = blue.hex();
    KeyInfo other = key_of(fresh().hex(), org.hex(), "");
    other.name = "other";
    other.team = red.hex();
    Limits own;
    own.budget = Budget::parse("5 USD/month").value();
    key.team_limits = key.org_limits = other.team_limits = other.org_limits = std::make_shared<const Limits>(own);
    REQUIRE((*log)->flush(10'000));
    const RecordUsers users = [&](std::string_view) -> Result<std::shared_ptr<const UserSet>> {
        return std::make_shared<const UserSet>(UserSet{org.hex()});
    };
    const auto amounts = [&] {
        const auto table = spent_so_far(Keys({key, other}), {}, **log, users, system_clock().now(), nullptr);
        REQUIRE(table);
        std::vector<std::int64_t> out;
        for (const auto& [subject, id] : {std::pair(Subject::key, key.id),
                                          {Subject::key, other.id},
                                          {Subject::team, key.team},
                                          {Subject::team, other.team},
                                          {Subject::org, key.org}})
            out.push_back(table->at({subject, id}).amount.nano_usd);
        return out;
    };
    CHECK(amounts() == std::vector<std::int64_t>{230, 0, 30, 1200, 1230});

    // An older record has no ids: it is of the key with its name, unless that was made later.
    RequestRecord older;
    older.time = system_clock().now();
    older.key = "ci";
    older.user = org.hex();
    older.cost = Money{7};
    key.created = older.time - 1'000'000;
    auto copy = older;
    (*log)->append(std::move(copy), 0, nullptr);
    older.time = key.created - 1;
    (*log)->append(std::move(older), 0, nullptr);
    REQUIRE((*log)->flush(10'000));
    CHECK(amounts() == std::vector<std::int64_t>{237, 0, 37, 1200, 1244});
}
