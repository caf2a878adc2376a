#include "control/state/spent.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/text/glob.hpp"

namespace lurus::app {
namespace {

/// Asks the log once for each window, grouping and organisation.
class Sums {
public:
    Sums(RequestLog& log, const RecordUsers& users, UnixMicros now) : log_(log), users_(users), now_(now) {}

    using Costs = std::map<std::string, Money>;  // by a row's group

    /// Null when the log could not be read. `org` empty = all of them.
    const Costs* of(const Budget& budget, UsageBy by, const std::string& org) {
        const auto [at, fresh] = rows_.try_emplace(std::tuple(budget.period, by, org));
        if (fresh) {
            auto rows = read(budget, by, org);
            if (rows) {
                at->second.emplace();
                for (auto& row : *rows) at->second->emplace(std::move(row.group), row.cost);
            }
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
    std::map<std::tuple<BudgetPeriod, UsageBy, std::string>, std::optional<Costs>> rows_;
};

class Gathering {
public:
    Gathering(RequestLog& log, const RecordUsers& users, UnixMicros now, const SpentTable* known)
        : sums_(log, users, now), now_(now), known_(known) {}

    /// `org`: only what was spent in it; empty = everywhere. `sum` adds up the costs that count.
    template <class Sum>
    void add(Subject subject, const std::string& id, const std::optional<Budget>& budget, UsageBy by,
             const std::string& org, const Sum& sum) {
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
        spent.amount = sum(*rows);
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
    const auto only = [](const std::string& name) {
        return [&name](const Sums::Costs& costs) {
            const auto found = costs.find(name);
            return found == costs.end() ? Money{} : found->second;
        };
    };
    const auto those = [](const auto& counts) {
        return [&counts](const Sums::Costs& costs) {
            Money sum;
            for (const auto& [name, cost] : costs) {
                if (counts(name)) sum += cost;
            }
            return sum;
        };
    };
    // Names of keys, which records carry, are an organisation's own.
    std::map<std::string, std::set<std::string, std::less<>>> of_team;
    for (const auto& key : keys.all()) {
        if (!key.team.empty()) of_team[key.team].insert(key.name);
    }
    for (const auto& key : keys.all()) {
        const auto everybody = [](const std::string&) { return true; };
        const auto in_team = [&](const std::string& name) { return of_team[key.team].contains(name); };
        all.add(Subject::key, key.id, key.rules.limits.over(limits.key).budget, UsageBy::key, key.org, only(key.name));
        all.add(Subject::org, key.org, over(key.org_limits, limits.org).budget, UsageBy::user, key.org,
                those(everybody));
        if (!key.team.empty())
            all.add(Subject::team, key.team, over(key.team_limits, limits.team).budget, UsageBy::key, key.org,
                    those(in_team));
        if (!key.user.empty())
            all.add(Subject::user, key.user, over(key.user_limits, limits.user).budget, UsageBy::user, "",
                    only(key.user));
    }
    for (const auto& model : limits.models) {
        const auto named = [&](const std::string& name) { return glob_match(model.model, name); };
        all.add(Subject::model, model.model, model.limits.budget, UsageBy::model, "", those(named));
    }
    SpentTable table = all.take();
    if (table.empty()) return nullptr;
    return std::make_shared<const SpentTable>(std::move(table));
}

}  // namespace lurus::app
