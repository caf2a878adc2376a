#pragma once
// What every AuditStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include "lurus/store/audit.hpp"
#include "tests/contract/two_handles.hpp"
#include "tests/unit/world.hpp"

namespace lurus::test {

inline AuditEntry entry_of(const std::string& actor, const std::string& action) {
    AuditEntry entry;
    entry.org = default_org;
    entry.actor_kind = "user";
    entry.actor = actor;
    entry.action = action;
    entry.target = "/api/v1/" + action;
    entry.status = 200;
    entry.user_agent = "quoted \" and odd \xff bytes";
    return entry;
}

TEST_CASE_TEMPLATE_DEFINE("audit: two that append at once make one chain", Adapter, audit_one_chain) {
    Adapter adapter;
    const SetClock clock;
    const auto first = make_audit(adapter.one(), clock), second = make_audit(adapter.two(), clock);
    constexpr int each = 50;
    const auto append = [](Audit& audit, const char* who) {
        int stored = 0;
        for (int i = 0; i < each; ++i) stored += audit.append(entry_of(who, "change")).has_value() ? 1 : 0;
        return stored == each;
    };
    CHECK(winners([&] { return append(*first, "one"); }, [&] { return append(*second, "two"); }) == 2);
    CHECK(got(first->verify()) == 2 * each);
    CHECK(got(second->verify()) == 2 * each);
    std::int64_t number = 0;
    std::string last;
    done(second->read_all([&](const AuditEntry& entry) {
        CHECK(entry.number == ++number);
        last = entry.hash;
        return true;
    }));
    CHECK(number == 2 * each);
    const auto head = got(adapter.one().head());
    CHECK(head.number == number);
    CHECK(head.hash == last);
    CHECK(got(adapter.two().read_after(number - 2, 10)).size() == 2);
    CHECK(got(adapter.two().read_after(number, 10)).empty());
}

TEST_CASE_TEMPLATE_DEFINE("audit: an entry that does not follow the last one is refused", Adapter, audit_refuses) {
    Adapter adapter;
    const SetClock clock;
    got(make_audit(adapter.one(), clock)->append(entry_of("ann", "first")));
    const auto again = adapter.two().append([](const AuditHead& head) {
        AuditEntry entry = entry_of("eve", "second");
        entry.number = head.number;  // there is one already
        entry.hash = head.hash;
        return entry;
    });
    CHECK_FALSE(again.has_value());
    CHECK(got(make_audit(adapter.two(), clock)->verify()) == 1);
}

TEST_CASE_TEMPLATE_DEFINE("audit: every condition of a filter counts", Adapter, audit_filters) {
    Adapter adapter;
    SetClock clock;
    const auto audit = make_audit(adapter.one(), clock);
    const auto add = [&](AuditEntry entry) {
        clock.time += 10;
        return got(audit->append(std::move(entry)));
    };
    const auto begin = clock.time;
    AuditEntry begun = entry_of("ann", "createKey");
    begun.status = 0;
    const auto first = add(begun);
    AuditEntry end = entry_of("ann", "createKey");
    end.begun = first;
    add(end);
    AuditEntry other = entry_of("bob", "login");
    other.org.clear();
    other.actor_name = "bob@example.com";
    add(other);
    const auto found = [&](const std::function<void(AuditFilter&)>& change) {
        AuditFilter filter;
        change(filter);
        std::vector<std::int64_t> numbers;
        for (const auto& entry : got(adapter.two().query(filter))) numbers.push_back(entry.number);
        return numbers;
    };
    using Numbers = std::vector<std::int64_t>;
    CHECK(found([](AuditFilter&) {}) == Numbers{3, 2});
    CHECK(found([](AuditFilter& f) { f.ends_only = false; }) == Numbers{3, 2, 1});
    CHECK(found([](AuditFilter& f) { f.org = default_org; }) == Numbers{2});
    CHECK(found([](AuditFilter& f) { f.org = default_org, f.installation = true; }) == Numbers{3, 2});
    CHECK(found([](AuditFilter& f) { f.actor = "bob@example.com"; }) == Numbers{3});
    CHECK(found([](AuditFilter& f) { f.actor = "ann", f.action = "login"; }).empty());
    CHECK(found([](AuditFilter& f) { f.target = "/api/v1/login"; }) == Numbers{3});
    CHECK(found([&](AuditFilter& f) { f.since = begin + 30; }) == Numbers{3});
    CHECK(found([&](AuditFilter& f) { f.until = begin + 30; }) == Numbers{2});
    CHECK(found([](AuditFilter& f) { f.before_number = 3, f.ends_only = false, f.limit = 1; }) == Numbers{2});
}

#define LURUS_AUDIT_STORE_SUITE(adapter)                 \
    TEST_CASE_TEMPLATE_INVOKE(audit_one_chain, adapter); \
    TEST_CASE_TEMPLATE_INVOKE(audit_refuses, adapter);   \
    TEST_CASE_TEMPLATE_INVOKE(audit_filters, adapter)

}  // namespace lurus::test
