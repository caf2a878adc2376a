#include "config/config_limits.hpp"

#include <algorithm>

namespace lurus::config {
namespace {

void read_amounts(ConfigTable& section, Limits& limits) {
    const auto amount = [&](std::string_view key, std::int64_t& out) { section.amount(key, out, max_limit); };
    amount("rpm", limits.rpm);
    amount("tpm", limits.tpm);
    amount("itpm", limits.itpm);
    amount("otpm", limits.otpm);
    amount("concurrency", limits.concurrency);
    std::string window;
    if (section.choice("window", window, {"sliding", "bucket"})) limits.window = window_from(window);
}

void read_all(ConfigTable& section, Limits& limits) {
    read_amounts(section, limits);
    std::string budget;
    if (!section.text("budget", budget)) return;
    const auto parsed = Budget::parse(budget);
    if (parsed) {
        limits.budget = *parsed;
    } else {
        section.mistake("budget", parsed.error().message);
    }
}

void read_each(ConfigTable section, Limits& limits) {
    read_all(section, limits);
    section.finish();
}

}  // namespace

void read_key_rules(ConfigTable& section, KeyRules& rules) {
    section.texts("deny_models", rules.deny_models);
    std::vector<std::string> ranges;
    section.texts("ips", ranges);
    for (const auto& text : ranges) {
        const auto range = IpRange::parse(text);
        if (range) {
            rules.ips.push_back(*range);
        } else {
            section.mistake("ips", "takes ranges: " + range.error().message);
        }
    }
    section.texts("user_agents", rules.user_agents);
    std::vector<std::string> names;
    section.texts("groups", names);
    auto groups = AccountGroups::of(names);
    if (groups) {
        rules.groups = *std::move(groups);
    } else {
        section.mistake("groups", "is wrong: " + groups.error().message);
    }
    read_all(section, rules.limits);
}

void read_limits(ConfigTable section, CommonLimits& limits) {
    read_each(section.table("key"), limits.key);
    read_each(section.table("user"), limits.user);
    read_each(section.table("team"), limits.team);
    read_each(section.table("org"), limits.org);
    // No budget: the log, from which one is restored after a restart, knows no addresses.
    ConfigTable ip = section.table("ip");
    read_amounts(ip, limits.ip);
    ip.finish();
    for (auto& each : section.tables("model")) {
        ModelLimits model;
        if (!each.text("model", model.model) && !each.has("model"))
            each.mistake("model", "is missing: the name or glob that the limits are for");
        const bool twice = std::ranges::any_of(limits.models, [&](const auto& m) { return m.model == model.model; });
        if (twice) each.mistake("model", "\"" + model.model + "\" has limits already");
        read_all(each, model.limits);
        if (!model.limits.any()) each.mistake("model", "\"" + model.model + "\" is given no limit");
        each.finish();
        limits.models.push_back(std::move(model));
    }
    section.finish();
}

}  // namespace lurus::config
