#include "app/spent.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <utility>

#include "core/glob.hpp"

namespace lurus::app {
namespace {

/// Asks the log once for each window and grouping.
class Sums {
public:
    Sums(RequestLog& log, UnixMicros now) : log_(log), now_(now) {}

    /// Null when the log could not be read.
    const std::vector<UsageRow>* of(const Budget& budget, UsageBy by) {
        const auto key = std::pair(budget.period, by);
        if (const auto found = rows_.find(key); found != rows_.end()) return found->second ? &*found->second : nullptr;
        auto rows = log_.usage(budget.begin(now_), now_ + 1, by);
        if (!rows) spdlog::warn("budgets begin at zero, the log cannot be read: {}", rows.error().message);
        auto& kept = rows_[key];
        if (rows) kept = std::move(*rows);
        return kept ? &*kept : nullptr;
    }

private:
    RequestLog& log_;
    const UnixMicros now_;
    std::map<std::pair<BudgetPeriod, UsageBy>, std::optional<std::vector<UsageRow>>> rows_;
};

class Gathering {
public:
    Gathering(RequestLog& log, UnixMicros now, const SpentTable* known) : sums_(log, now), now_(now), known_(known) {}

    template <class Matches>
    void add(Subject subject, const std::string& id, const std::optional<Budget>& budget, UsageBy by,
             const Matches& matches) {
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
        const auto* rows = sums_.of(*budget, by);
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
                                               UnixMicros now, const SpentTable* known) {
    Gathering all(log, now, known);
    for (const auto& key : keys.all()) {
        all.add(Subject::key, key.id, key.rules.limits.over(limits.key).budget, UsageBy::key,
                [&](const std::string& name) { return name == key.name; });
        if (key.user.empty()) continue;
        all.add(Subject::user, key.user, limits.user.budget, UsageBy::user,
                [&](const std::string& name) { return name == key.user; });
    }
    for (const auto& model : limits.models) {
        all.add(Subject::model, model.model, model.limits.budget, UsageBy::model,
                [&](const std::string& name) { return glob_match(model.model, name); });
    }
    SpentTable table = all.take();
    if (table.empty()) return nullptr;
    return std::make_shared<const SpentTable>(std::move(table));
}

}  // namespace lurus::app
