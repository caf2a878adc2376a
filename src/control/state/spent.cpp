#include "control/state/spent.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace lurus::control {
namespace {

/// What was spent from a moment on.
struct Costs {
    std::map<std::string, Money> by_id;    // of a key, user, team or organisation
    std::map<std::string, Money> by_name;  // of rows without an id: of a key or a model

    [[nodiscard]] static Money in(const std::map<std::string, Money>& costs, const std::string& what) {
        const auto found = costs.find(what);
        return found == costs.end() ? Money{} : found->second;
    }
};

/// Asks the log once for each time, grouping and organisation. Null when the log could not be read.
class Log {
public:
    Log(RecordQueries& records, const RecordUsers& users) : records_(records), users_(users) {}

    /// `org` empty = all of them.
    const Costs* since(UnixMicros since, UsageBy by, const std::string& org = {}) {
        const auto [at, fresh] = asked_.try_emplace(std::tuple(since, by, org));
        if (fresh) {
            auto costs = read(since, by, org);
            if (!costs) spdlog::warn("budgets begin at zero, the log cannot be read: {}", costs.error().message);
            if (costs) at->second = *std::move(costs);
        }
        return at->second ? &*at->second : nullptr;
    }

    std::optional<Money> of(UnixMicros since, UsageBy by, const std::string& id) {
        const Costs* costs = this->since(since, by);
        if (costs == nullptr) return std::nullopt;
        return Costs::in(costs->by_id, id);
    }

    /// Of records from before there were ids. A key's name is its own among those of the organisation while it lives.
    std::optional<Money> without_id(const KeyInfo& key, UnixMicros since) {
        const Costs* all = this->since(since, UsageBy::key);
        if (all == nullptr) return std::nullopt;
        if (!all->by_name.contains(key.name)) return Money{};
        const bool made_with_process = key.source == "config";
        const Costs* own = this->since(made_with_process ? since : std::max(since, key.created), UsageBy::key, key.org);
        if (own == nullptr) return std::nullopt;
        return Costs::in(own->by_name, key.name);
    }

    /// Of records that do not tell the organisation, by whose they are.
    std::optional<Money> without_org(const std::string& org, UnixMicros since) {
        const Costs* all = this->since(since, UsageBy::org);
        if (all == nullptr) return std::nullopt;
        if (all->by_name.empty()) return Money{};
        const Costs* own = this->since(since, UsageBy::org, org);
        if (own == nullptr) return std::nullopt;
        return Costs::in(own->by_name, {});
    }

private:
    Result<Costs> read(UnixMicros since, UsageBy by, const std::string& org) {
        std::shared_ptr<const UserSet> only;
        if (!org.empty()) {
            auto users = users_(org);
            if (!users) return std::unexpected(users.error());
            only = *std::move(users);
        }
        // What is dated later than now was spent already, while the clock was wrong.
        const auto rows = records_.usage(since, std::numeric_limits<UnixMicros>::max(), by, only.get());
        if (!rows) return std::unexpected(rows.error());
        Costs costs;
        for (const auto& row : *rows) {
            if (row.id.empty()) {
                costs.by_name[row.group] += row.cost;
            } else {
                costs.by_id[row.id] += row.cost;
            }
        }
        return costs;
    }

    RecordQueries& records_;
    const RecordUsers& users_;
    std::map<std::tuple<UnixMicros, UsageBy, std::string>, std::optional<Costs>> asked_;
};

class Gathering {
public:
    Gathering(UnixMicros now, const SpentTable* known) : now_(now), known_(known) {}

    /// `sum` tells what was spent since a moment, if the log can be read.
    template <class Sum>
    void add(Subject subject, const std::string& id, const std::optional<Budget>& budget, const Sum& sum) {
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
        const std::optional<Money> amount = sum(spent.since);
        if (!amount) return;
        spent.amount = *amount;
        table_.emplace(name, spent);
    }

    SpentTable take() { return std::move(table_); }

private:
    const UnixMicros now_;
    const SpentTable* known_;
    SpentTable table_;
};

std::optional<Money> plus(const std::optional<Money>& a, const std::optional<Money>& b) {
    if (!a || !b) return std::nullopt;
    Money sum = *a;
    sum += *b;
    return sum;
}

}  // namespace

std::shared_ptr<const SpentTable> spent_so_far(const KeySnapshot& keys, const CommonLimits& limits,
                                               RecordQueries& records, const RecordUsers& users, UnixMicros now,
                                               const SpentTable* known) {
    Log log(records, users);
    Gathering all(now, known);
    std::map<std::string, std::vector<const KeyInfo*>> of_team;
    for (const auto& key : keys.all()) {
        if (!key.team.empty()) of_team[key.team].push_back(&key);
    }
    for (const auto& key : keys.all()) {
        all.add(Subject::key, key.id, key.rules.limits.over(limits.key).budget, [&](UnixMicros since) {
            return plus(log.of(since, UsageBy::key, key.id), log.without_id(key, since));
        });
        all.add(Subject::org, key.org, over(key.org_limits, limits.org).budget, [&](UnixMicros since) {
            return plus(log.of(since, UsageBy::org, key.org), log.without_org(key.org, since));
        });
        if (!key.team.empty()) {
            all.add(Subject::team, key.team, over(key.team_limits, limits.team).budget, [&](UnixMicros since) {
                auto sum = log.of(since, UsageBy::team, key.team);
                for (const KeyInfo* each : of_team[key.team]) sum = plus(sum, log.without_id(*each, since));
                return sum;
            });
        }
        if (!key.user.empty()) {
            all.add(Subject::user, key.user, over(key.user_limits, limits.user).budget,
                    [&](UnixMicros since) { return log.of(since, UsageBy::user, key.user); });
        }
    }
    for (const auto& model : limits.models) {
        all.add(Subject::model, model.model, model.limits.budget, [&](UnixMicros since) -> std::optional<Money> {
            const Costs* costs = log.since(since, UsageBy::model);
            if (costs == nullptr) return std::nullopt;
            Money sum;
            for (const auto& [name, cost] : costs->by_name) {
                if (covers_model(model.model, name)) sum += cost;
            }
            return sum;
        });
    }
    SpentTable table = all.take();
    if (table.empty()) return nullptr;
    return std::make_shared<const SpentTable>(std::move(table));
}

}  // namespace lurus::control
