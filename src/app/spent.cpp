#include "app/spent.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/glob.hpp"

namespace lurus::app {
namespace {

/// Asks the log once for each window, grouping and organisation.
class Sums {
public:
    Sums(RequestLog& log, const RecordUsers& users, UnixMicros now) : log_(log), users_(users), now_(now) {}

    /// Null when the log could not be read. `org` empty = all of them.
    const std::vector<UsageRow>* of(const Budget& budget, UsageBy by, const std::string& org) {
        const auto [at, fresh] = rows_.try_emplace(std::tuple(budget.period, by, org));
        if (fresh) {
            auto rows = read(budget, by, org);
            if (rows) at->second = *std::move(rows);
            if (!rows) spdlog::warn("budgets begin at zero, the log cannot be read: {}", rows.error().message);
        }
        return at->second ? &*at->second : nullptr;
    }

private:
    Result<std::vector<UsageRow>> read(const Budget& budget, UsageBy by, const std::string& org) {
        std::shared_ptr<const UserSet> only;
        if (!org.empty()) {
            auto users = users_(org);
            if (!users) return std::unexpected(users.error());
            only = *std::move(users);
        }
        return log_.usage(budget.begin(now_), now_ + 1, by, only.get());
    }

    RequestLog& log_;
    const RecordUsers& users_;
    const UnixMicros now_;
    std::map<std::tuple<BudgetPeriod, UsageBy, std::string>, std::optional<std::vector<UsageRow>>> rows_;
};

class Gathering {
public:
    Gathering(RequestLog& log, const RecordUsers& users, UnixMicros now, const SpentTable* known)
        : sums_(log, users, now), now_(now), known_(known) {}

    /// `org`: only what was spent in it; empty = everywhere.
    template <class Matches>
    void add(Subject subject, const std::string& id, const std::optional<Budget>& budget, UsageBy by,
             const std::string& org, const Matches& matches) {
        const auto name = std::pair(subject, id);
        if (!budget || table_.contains(name)) return;
        Spent spent;
        spent.period = budget->period;
        spent.since = budget->begin(now_);
        if (known_ != nullptr) {
            const auto before = known_->find(name);
            if (before != known_->end() && before->second.period == spent.period &&
                before->second.since == spent.since) {
                table_.emplace(*before);
                return;
            }
        }
        const auto* rows = sums_.of(*budget, by, org);
        if (rows == nullptr) return;
        for (const auto& row : *rows) {
            if (matches(row.group)) spent.amount += row.cost;
        }
        table_.emplace(name, spent);
    }

    SpentTable take() { return std::move(table_); }

private:
    Sums sums_;
    const UnixMicros now_;
    const SpentTable* known_;
    SpentTable table_;
};

}  // namespace

std::shared_ptr<const SpentTable> spent_so_far(const KeySnapshot& keys, const CommonLimits& limits, RequestLog& log,
                                               const RecordUsers& users, UnixMicros now, const SpentTable* known) {
    Gathering all(log, users, now, known);
    // Names of keys, which records carry, are an organisation's own.
    std::map<std::string, std::set<std::string, std::less<>>> of_team;
    for (const auto& key : keys.all()) {
        if (!key.team.empty()) of_team[key.team].insert(key.name);
    }
    for (const auto& key : keys.all()) {
        all.add(Subject::key, key.id, key.rules.limits.over(limits.key).budget, UsageBy::key, key.org,
                [&](const std::string& name) { return name == key.name; });
        all.add(Subject::org, key.org, limits.org.budget, UsageBy::user, key.org,
                [](const std::string&) { return true; });
        if (!key.team.empty()) {
            all.add(Subject::team, key.team, limits.team.budget, UsageBy::key, key.org,
                    [&](const std::string& name) { return of_team[key.team].contains(name); });
        }
        if (key.user.empty()) continue;
        all.add(Subject::user, key.user, limits.user.budget, UsageBy::user, "",
                [&](const std::string& name) { return name == key.user; });
    }
    for (const auto& model : limits.models) {
        all.add(Subject::model, model.model, model.limits.budget, UsageBy::model, "",
                [&](const std::string& name) { return glob_match(model.model, name); });
    }
    SpentTable table = all.take();
    if (table.empty()) return nullptr;
    return std::make_shared<const SpentTable>(std::move(table));
}

}  // namespace lurus::app
