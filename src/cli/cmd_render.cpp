#include "cli/cmd_render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/cli_format.hpp"
#include "cli/cmd_limit_use.hpp"

namespace lurus::cli {
namespace {

std::string moment(const Json& object, std::string_view name, std::string_view otherwise) {
    auto time = parse_time(text_of(object, name));
    return time ? format_date_time(local_time(*time)) : std::string(otherwise);
}

std::string or_all(const Json& list) {
    return list.is_array() && !list.empty() ? joined(list) : "all";
}

Color color_of_status(std::string_view status) {
    return status == "active" ? Color::green : status == "expired" ? Color::yellow : Color::red;
}

/// Cache reads and both kinds of cache writes beside the fresh input; unknown only when all are.
std::optional<std::int64_t> sum(const Json& object, std::initializer_list<std::string_view> names) {
    std::optional<std::int64_t> total;
    for (auto name : names) {
        if (auto n = number_of(object, name)) total = total.value_or(0) + *n;
    }
    return total;
}

Row usage_row(const Json& row, std::string group) {
    auto requests = number_of(row, "requests").value_or(0);
    auto unpriced = number_of(row, "unpriced").value_or(0);
    auto errors = number_of(row, "errors").value_or(0);
    auto cost = number_of(row, "cost_nano_usd");
    // A request that failed costs nothing as a rule; only answers without a price are worth telling.
    auto unpriced_answers = std::max<std::int64_t>(0, unpriced - errors);
    bool all_failed = requests > 0 && errors >= requests && unpriced >= requests;
    bool none_priced = unpriced_answers > 0 && unpriced >= requests;
    Row out;
    out.emplace_back(std::move(group));
    out.emplace_back(format_tokens(requests));
    out.emplace_back(errors > 0 ? format_tokens(errors) : "", Color::red);
    out.emplace_back(format_tokens(number_of(row, "input")));
    out.emplace_back(format_tokens(number_of(row, "cache_read")));
    out.emplace_back(format_tokens(sum(row, {"cache_write_5m", "cache_write_1h"})));
    out.emplace_back(format_tokens(number_of(row, "output")));
    out.emplace_back(format_tokens(number_of(row, "reasoning")));
    out.emplace_back(all_failed    ? std::string(unknown_text)
                     : none_priced ? "unpriced"
                                   : format_cost(cost),
                     none_priced ? Color::yellow : Color::none);
    out.emplace_back(unpriced_answers > 0 && !none_priced ? format_tokens(unpriced_answers) : "", Color::yellow);
    out.emplace_back(format_duration(number_of(row, "avg_duration_us")));
    return out;
}

}  // namespace

std::string old_values_text(const Json& key) {
    std::string out;
    for (const auto& old : member(key, "old_values")) {
        const std::string hint = text_of(old, "hint");
        out +=
            (out.empty() ? "" : ", ") + (hint.empty() ? "one" : hint) + " until " + moment(old, "until", unknown_text);
    }
    return out;
}

std::string render_keys(const Json& keys, const Style& style) {
    if (keys.empty()) return "No keys yet: make one with `lurus key create --name NAME`.\n";
    std::vector<Column> columns = {{"NAME", Align::left, 12},
                                   {"KEY"},
                                   {"STATUS"},
                                   {"OWNER", Align::left, 8, 6},
                                   {"ID"},
                                   {"MODELS", Align::left, 8, 5},
                                   {"API", Align::left, 6, 3},
                                   {"CREATED", Align::left, 0, 2},
                                   {"EXPIRES", Align::left, 0, 1},
                                   {"USED", Align::left, 0, 7},
                                   {"FROM", Align::left, 0, 4},
                                   {"NOTE", Align::left, 8, 5}};
    // Whose they are is worth a column where they are not all of one.
    const auto differ = [&](const char* name) {
        return std::ranges::any_of(keys, [&](const Json& key) { return text_of(key, name) != text_of(keys[0], name); });
    };
    const bool of_organisations = differ("org");
    const bool of_teams = differ("team_name") || !text_of(keys[0], "team_name").empty();
    if (of_organisations) columns.push_back({"ORG", Align::left, 6});
    if (of_teams) columns.push_back({"TEAM", Align::left, 6, 6});
    const bool grouped = std::ranges::any_of(keys, [](const Json& key) { return !member(key, "groups").empty(); });
    if (grouped) columns.push_back({"GROUPS", Align::left, 6, 8});
    const bool rotated = std::ranges::any_of(keys, [](const Json& key) { return !member(key, "old_values").empty(); });
    if (rotated) columns.push_back({"OLD VALUES", Align::left, 16, 3});
    const bool limited = std::ranges::any_of(keys, [](const Json& key) { return !member(key, "limits").empty(); });
    if (limited) columns.insert(columns.begin() + 3, {"LIMITS", Align::left, 10});
    Table table(std::move(columns));
    for (const auto& key : keys) {
        std::string status = text_of(key, "status");
        Row row = {text_of(key, "name"),
                   text_of(key, "hint"),
                   Cell(status, color_of_status(status)),
                   text_of(key, "owner"),
                   Cell(text_of(key, "id"), Color::dim),
                   or_all(member(key, "models")),
                   or_all(member(key, "families")),
                   moment(key, "created", unknown_text),
                   moment(key, "expires", "never"),
                   moment(key, "last_used", "never"),
                   text_of(key, "source"),
                   text_of(key, "note")};
        if (of_organisations) row.emplace_back(text_of(key, "org_name"));
        if (of_teams) row.emplace_back(text_of(key, "team_name"));
        if (grouped) row.emplace_back(or_all(member(key, "groups")));
        if (rotated) row.emplace_back(old_values_text(key));
        if (limited) row.insert(row.begin() + 3, limits_cell(member(key, "limits")));
        table.add(std::move(row));
    }
    return table.render(style);
}

std::string usage_name(const Json& row) {
    for (const char* name : {"name", "group"}) {
        if (std::string text = text_of(row, name); !text.empty()) return text;
    }
    return "(unknown)";
}

std::string render_usage(const Json& usage, const std::string& by, const Style& style) {
    const Json& rows = list_of(usage);
    if (rows.empty()) return "No requests in that time.\n";
    std::string title = by;
    for (char& c : title) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    Table table({{title, Align::left, 18},
                 {"REQUESTS", Align::right},
                 {"ERRORS", Align::right, 0, 2},
                 {"INPUT", Align::right},
                 {"CACHED", Align::right, 0, 4},
                 {"WRITTEN", Align::right, 0, 5},
                 {"OUTPUT", Align::right},
                 {"THINKING", Align::right, 0, 6},
                 {"COST", Align::right},
                 {"UNPRICED", Align::right, 0, 1},
                 {"AVG", Align::right, 0, 3}});
    std::map<std::string, int> times;
    for (const auto& row : rows) ++times[usage_name(row)];
    for (const auto& row : rows) {
        std::string name = usage_name(row);
        // Keys of one name are told apart by the ends of their ids.
        if (const std::string id = text_of(row, "id"); times[name] > 1 && id.size() > 8)
            name += " (" + id.substr(id.size() - 8) + ")";
        table.add(usage_row(row, std::move(name)));
    }
    if (rows.size() > 1 && member(usage, "total").is_object()) table.add_footer(usage_row(usage["total"], "total"));
    return table.render(style);
}

Table log_table() {
    return Table({{"TIME"},
                  {"MODEL", Align::left, 20},
                  {"PROVIDER", Align::left, 8, 1},
                  {"KEY", Align::left, 6, 2},
                  {"STATUS"},
                  {"IN", Align::right},
                  {"CACHED", Align::right, 0, 3},
                  {"OUT", Align::right},
                  {"COST", Align::right},
                  {"FIRST", Align::right, 0, 4},
                  {"TOOK", Align::right},
                  {"CLIENT", Align::left, 10, 5},
                  {"TRACE", Align::left, 0, 6}});
}

Row log_row(const Json& record, const LocalTime& now) {
    auto time = parse_time(text_of(record, "time"));
    auto status = number_of(record, "status").value_or(0);
    std::string end = text_of(record, "end");
    std::string model = text_of(record, "model"), upstream = text_of(record, "upstream_model");
    if (!upstream.empty() && upstream != model) model += " → " + upstream;
    std::string outcome = status == 0 ? std::string(unknown_text) : std::to_string(status);
    if (end == "client_gone") outcome += " gone";
    if (end == "upstream_cut") outcome += " cut";
    bool failed = end == "error" || end == "upstream_cut" || status >= 400;
    const Json& usage = member(record, "usage");
    auto cost = number_of(record, "cost_nano_usd");
    Row row;
    row.emplace_back(time ? format_time_of_day(local_time(*time), now) : std::string(unknown_text), Color::dim);
    row.emplace_back(model.empty() ? text_of(record, "operation") : model);
    row.emplace_back(text_of(record, "provider"));
    row.emplace_back(text_of(record, "key"));
    row.emplace_back(outcome, failed ? Color::red : end == "client_gone" ? Color::yellow : Color::green);
    row.emplace_back(format_tokens(sum(usage, {"input", "cache_read", "cache_write_5m", "cache_write_1h"})));
    row.emplace_back(format_tokens(number_of(usage, "cache_read")));
    row.emplace_back(format_tokens(number_of(usage, "output")));
    row.emplace_back(cost     ? format_money(*cost)
                     : failed ? std::string(unknown_text)
                              : "unpriced",
                     cost || failed ? Color::none : Color::yellow);
    row.emplace_back(format_duration(number_of(record, "ttfb_us")));
    row.emplace_back(format_duration(number_of(record, "duration_us")));
    std::string client = text_of(record, "client");
    row.emplace_back(client.substr(0, client.find(' ')));
    row.emplace_back(text_of(record, "trace_id"), Color::dim);
    return row;
}

}  // namespace lurus::cli
