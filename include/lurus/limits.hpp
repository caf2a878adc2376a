#pragma once
// What a key, a user or anybody may use: who may come (rules) and how much of it (limits).

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/account_groups.hpp"
#include "lurus/clock.hpp"
#include "lurus/ip_address.hpp"
#include "lurus/money.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// The calendar's, in UTC; weeks begin on Monday.
enum class BudgetPeriod : std::uint8_t { day, week, month, total };

/// `10 USD`, `2.50 USD`; not below 0.
std::string usd_text(Money amount);

struct Budget {
    Money amount;
    BudgetPeriod period = BudgetPeriod::total;

    bool operator==(const Budget&) const = default;
    /// `10 USD/day`
    [[nodiscard]] std::string text() const;
    /// `10 USD/day`, `250.50 USD/month`, `1000 USD/total`; above 0 and at most 1,000,000 USD.
    static Result<Budget> parse(std::string_view text);
    /// When the window that holds `now` began, and when the next begins; a total began at 0 and never ends (empty).
    [[nodiscard]] UnixMicros begin(UnixMicros now) const;
    [[nodiscard]] std::optional<UnixMicros> end(UnixMicros now) const;
};

constexpr std::int64_t max_limit = 1'000'000'000;

/// How amounts per minute are counted.
enum class WindowKind : std::uint8_t {
    sliding,  // never more than the limit within any 60 seconds
    bucket,   // GCRA: the limit at once, then refilled evenly
};

/// 0 = no such limit. All but concurrency and budget are per minute.
struct Limits {
    std::int64_t rpm = 0;          // requests
    std::int64_t tpm = 0;          // tokens, in and out
    std::int64_t itpm = 0;         // tokens in: fresh, read from and written to the vendor's cache
    std::int64_t otpm = 0;         // tokens out
    std::int64_t concurrency = 0;  // requests being answered
    std::optional<Budget> budget;
    std::optional<WindowKind> window;  // empty = sliding

    bool operator==(const Limits&) const = default;
    [[nodiscard]] bool any() const {
        return rpm != 0 || tpm != 0 || itpm != 0 || otpm != 0 || concurrency != 0 || budget;
    }
    /// These, and `defaults` for what is not set.
    [[nodiscard]] Limits over(const Limits& defaults) const;
};

/// What a user, team or organisation has of its own, shared by their keys; null = nothing.
using OwnLimits = std::shared_ptr<const Limits>;
inline Limits over(const OwnLimits& own, const Limits& defaults) {
    return own ? own->over(defaults) : defaults;
}

/// Which models may be used. Empty lists allow all.
struct ModelRules {
    std::vector<std::string> models;       // globs, of the name that the client says
    std::vector<std::string> deny_models;  // see covers_model(); win over the allowed ones

    bool operator==(const ModelRules&) const = default;
    [[nodiscard]] bool any() const { return !models.empty() || !deny_models.empty(); }
};

/// What a user, team or organisation has of its own, for all their keys.
using OwnModels = std::shared_ptr<const ModelRules>;

/// What a key has beside its models and dialects. Empty lists allow all.
struct KeyRules {
    std::vector<std::string> deny_models;  // see covers_model(); win over the allowed ones
    std::vector<IpRange> ips;
    std::vector<std::string> user_agents;  // globs, any case
    AccountGroups groups;                  // served by accounts of these only
    Limits limits;

    bool operator==(const KeyRules&) const = default;
    [[nodiscard]] bool denies_model(std::string_view model) const;
    /// An address that is not known (a Unix socket's) is within no range.
    [[nodiscard]] bool allows_address(const std::optional<IpAddress>& address) const;
    [[nodiscard]] bool allows_user_agent(std::string_view user_agent) const;
};

/// Whom a limit is for.
enum class Subject : std::uint8_t { key, user, team, org, model, ip };
constexpr std::size_t subjects = 6;

constexpr std::string_view name_of(Subject s) {
    switch (s) {
        case Subject::key: return "key";
        case Subject::user: return "user";
        case Subject::team: return "team";
        case Subject::org: return "org";
        case Subject::model: return "model";
        case Subject::ip: return "ip";
    }
    return "key";
}

/// Whether a rule or limit for `pattern`, a name or glob, is for `model`, however that is spelled: in any letter case,
/// behind the name of a provider or vendor (`a/claude-x`, `models/gemini-x`), and with a variant (`gpt-x:online`).
bool covers_model(std::string_view pattern, std::string_view model);

/// All models that it covers share the limits.
struct ModelLimits {
    std::string model;  // name or glob, see covers_model()
    Limits limits;

    bool operator==(const ModelLimits&) const = default;
};

/// `[limits]`: `key` is for what a key does not set itself; the others are for each user, team, organisation
/// and address, where they set nothing themselves.
struct CommonLimits {
    Limits key, user, team, org, ip;
    std::vector<ModelLimits> models;

    bool operator==(const CommonLimits&) const = default;
};

/// What a budget's window had used up when the log was read; counting goes on from there.
struct Spent {
    BudgetPeriod period = BudgetPeriod::total;
    UnixMicros since = 0;  // the window's begin
    Money amount;
};
/// By subject and name: the id of a key, user, team or organisation, a model's pattern.
using SpentTable = std::map<std::pair<Subject, std::string>, Spent>;

std::string_view name_of(BudgetPeriod period);
std::string_view name_of(WindowKind window);
std::optional<WindowKind> window_from(std::string_view name);

}  // namespace lurus
