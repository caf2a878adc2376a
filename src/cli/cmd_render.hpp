#pragma once
// The management API's answers as text for people. Pure.

#include <string>

#include "cli/table.hpp"
#include "core/json/json_value.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {

/// `data` of /api/v1/keys.
/// `cr_…abcd until 2026-12-02 08:00`, each value before a rotation that is taken still; empty = none.
std::string old_values_text(const Json& key);
std::string render_keys(const Json& keys, const Style& style);
/// `data` of /api/v1/members and service-accounts, users, teams, orgs, audit.
std::string render_members(const Json& members, const Style& style);
std::string render_users(const Json& users, const Style& style);
std::string render_teams(const Json& teams, const Style& style);
std::string render_orgs(const Json& orgs, const Style& style);
std::string render_audit(const Json& entries, const Style& style);
/// `data` of /api/v1/providers and /api/v1/routes.
std::string render_providers(const Json& providers, const Style& style);
std::string render_routes(const Json& routes, const Style& style);
/// `data` of /api/v1/presets.
std::string render_presets(const Json& presets, const Style& style);
/// The answer of /api/v1/providers/{name}/test.
/// What was found at the address of a provider that was added, a line for each family.
std::string render_address_checks(const Json& provider, const Style& style);
std::string render_provider_test(const Json& result, const std::string& name, const Style& style);
/// The answer of /api/v1/resolve.
std::string render_resolution(const Json& resolution, const Style& style);
/// The answer of /api/v1/usage. `by` names the first column.
/// What a row of sums is called: its name, else its group.
std::string usage_name(const Json& row);
std::string render_usage(const Json& usage, const std::string& by, const Style& style);
/// `data` of /api/v1/prices.
std::string render_prices(const Json& prices, const Style& style);
/// One price with its classes, tiers and source.
std::string render_price(const Json& price, const Style& style);
/// One record of /api/v1/traces/{id}. `quote`: the answer of /api/v1/prices/quote for its usage, or null.
std::string render_trace(const Json& record, const Json& quote, const Style& style);

/// A log's columns and one record as a row of them.
Table log_table();
Row log_row(const Json& record, const LocalTime& now);

}  // namespace lurus::cli
