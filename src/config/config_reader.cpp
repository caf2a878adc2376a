#include "config/config_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "core/text/human_number.hpp"

namespace lurus::config {
namespace {

std::string in_quotes(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

std::string list_of(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
}

std::optional<std::int64_t> whole_number(std::string_view text, std::string_view& rest) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0) return std::nullopt;
    rest = text.substr(static_cast<std::size_t>(end - text.data()));
    return value;
}

std::optional<std::int64_t> scaled(std::string_view text,
                                   std::initializer_list<std::pair<std::string_view, std::int64_t>> units) {
    std::string_view rest;
    const auto value = whole_number(text, rest);
    if (!value) return std::nullopt;
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    for (const auto& [unit, factor] : units) {
        if (rest == unit) return *value > INT64_MAX / factor ? std::nullopt : std::optional(*value * factor);
    }
    return std::nullopt;
}

std::optional<std::int64_t> milliseconds(std::string_view text) {
    return scaled(text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});
}

std::optional<std::int64_t> byte_count(std::string_view text) {
    return scaled(text, {{"", 1},
                         {"B", 1},
                         {"kB", 1000},
                         {"KB", 1000},
                         {"KiB", 1 << 10},
                         {"MB", 1'000'000},
                         {"MiB", 1 << 20},
                         {"GB", 1'000'000'000},
                         {"GiB", 1 << 30}});
}

std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "an array";
        case toml::node_type::string: return "a string";
        case toml::node_type::integer: return "an integer";
        case toml::node_type::floating_point: return "a number with a point";
        case toml::node_type::boolean: return "true or false";
        case toml::node_type::date: return "a date";
        case toml::node_type::time: return "a time of day";
        case toml::node_type::date_time: return "a date-time";
        default: return "nothing";
    }
}

template <class T>
std::string range_text(T least, T most) {
    return std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace

ConfigTable::ConfigTable(ConfigContext& context, const toml::table* table, std::string name, Variables variables)
    : context_(&context), table_(table), name_(std::move(name)), variables_(variables) {}

std::string ConfigTable::label(std::string_view key) const {
    if (name_.empty()) return std::string(key);
    return (list_member_ ? "[[" + name_ + "]] " : "[" + name_ + "] ") + std::string(key);
}

// `[log] level` is LURUS_LOG_LEVEL; `[server]` may be left out: LURUS_LISTEN.
std::vector<std::string> ConfigTable::variable_names(std::string_view key) const {
    std::vector<std::string> names;
    if (variables_ == Variables::none) return names;
    const auto name_for = [&](std::string_view prefix) {
        std::string name = "LURUS_" + std::string(prefix) + (prefix.empty() ? "" : "_") + std::string(key);
        for (char& c : name)
            c = c == '.' || c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
        return name;
    };
    if (name_ == "server") names.push_back(name_for(""));
    if (name_.starts_with("server.")) names.push_back(name_for(std::string_view(name_).substr(7)));
    names.push_back(name_for(name_));
    return names;
}

const std::string* ConfigTable::variable(std::string_view key) {
    const std::string* found = nullptr;
    for (const auto& name : variable_names(key)) {
        const std::string* text = context_->variable(name);
        if (text != nullptr && found == nullptr) {
            found = text;
            from_variable_.insert_or_assign(std::string(key), name);
        }
    }
    return found;
}

const toml::node* ConfigTable::node(std::string_view key) {
    known_.emplace_back(key);
    return table_ == nullptr ? nullptr : table_->get(key);
}

bool ConfigTable::has(std::string_view key) const {
    return from_variable_.contains(key) || (table_ != nullptr && table_->contains(key));
}

std::string ConfigTable::where(std::string_view key) const {
    if (const auto found = from_variable_.find(key); found != from_variable_.end()) return found->second;
    if (table_ != nullptr) {
        if (const auto* found = table_->get(key)) return context_->position(found->source());
    }
    return where();
}

std::string ConfigTable::where() const {
    return table_ == nullptr ? context_->file().string() : context_->position(table_->source());
}

void ConfigTable::mistake(std::string_view key, const std::string& what) {
    context_->mistake(where(key), label(key) + " " + what);
}

bool ConfigTable::text(std::string_view key, std::string& out) {
    const auto* found = node(key);
    if (const auto* given = variable(key)) {
        out = *given;
        return true;
    }
    if (found == nullptr) return false;
    const auto value = found->value_exact<std::string>();
    if (!value) {
        mistake(key, "must be a string, not " + std::string(type_name(*found)));
        return false;
    }
    out = *value;
    return true;
}

bool ConfigTable::path(std::string_view key, std::string& out) {
    std::string given;
    if (!text(key, given)) return false;
    // What a variable says is relative to where the process was started.
    out = from_variable_.contains(key) && !given.starts_with("~/") ? given : context_->resolve_path(given);
    return true;
}

bool ConfigTable::flag(std::string_view key, bool& out) {
    const auto* found = node(key);
    if (const auto* given = variable(key)) {
        if (*given == "true" || *given == "1" || *given == "yes" || *given == "on") {
            out = true;
        } else if (*given == "false" || *given == "0" || *given == "no" || *given == "off") {
            out = false;
        } else {
            mistake(key, "must be true or false, not " + in_quotes(*given));
            return false;
        }
        return true;
    }
    if (found == nullptr) return false;
    const auto value = found->value_exact<bool>();
    if (!value) {
        mistake(key, "must be true or false, not " + std::string(type_name(*found)));
        return false;
    }
    out = *value;
    return true;
}

bool ConfigTable::integer(std::string_view key, int& out, std::int64_t least, std::int64_t most) {
    const auto* found = node(key);
    std::optional<std::int64_t> value;
    if (const auto* given = variable(key)) {
        std::string_view rest;
        value = whole_number(*given, rest);
        if (!value || !rest.empty()) {
            mistake(key, "must be an integer, not " + in_quotes(*given));
            return false;
        }
    } else if (found == nullptr) {
        return false;
    } else if (value = found->value_exact<std::int64_t>(); !value) {
        mistake(key, "must be an integer, not " + std::string(type_name(*found)));
        return false;
    }
    if (*value < least || *value > most) {
        mistake(key, "must be " + range_text(least, most) + ", not " + std::to_string(*value));
        return false;
    }
    out = static_cast<int>(*value);
    return true;
}

bool ConfigTable::amount(std::string_view key, std::int64_t& out, std::int64_t most) {
    const auto* found = node(key);
    const std::string* given = variable(key);
    std::optional<std::int64_t> value;
    std::string shown;
    if (given == nullptr && found == nullptr) return false;
    if (const auto text = given == nullptr ? found->value_exact<std::string>() : std::optional(*given)) {
        value = human_number(*text, most);
        shown = in_quotes(*text);
    } else {
        value = found->value_exact<std::int64_t>();
        shown = value ? std::to_string(*value) : std::string(type_name(*found));
    }
    if (!value || *value < 1 || *value > most) {
        mistake(key,
                "must be a whole number from 1 to " + std::to_string(most) + R"( (also "100k", "1.5M"), not )" + shown);
        return false;
    }
    out = *value;
    return true;
}

bool ConfigTable::duration_ms(std::string_view key, int& out, std::int64_t least, std::int64_t most) {
    std::string given;
    if (table_ != nullptr && variable(key) == nullptr) {
        if (const auto* found = table_->get(key); found != nullptr && !found->is_string()) {
            known_.emplace_back(key);
            mistake(key,
                    "must be a duration such as \"500ms\", \"15s\" or \"2m\", not " + std::string(type_name(*found)));
            return false;
        }
    }
    if (!text(key, given)) return false;
    const auto value = milliseconds(given);
    if (!value) {
        mistake(key, "must be a duration such as \"500ms\", \"15s\" or \"2m\", not " + in_quotes(given));
        return false;
    }
    if (*value < least || *value > most) {
        mistake(key, "must be " + range_text(least, most) + " ms, not " + in_quotes(given));
        return false;
    }
    out = static_cast<int>(*value);
    return true;
}

bool ConfigTable::bytes(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most) {
    std::optional<std::int64_t> value;
    const auto* found = table_ == nullptr ? nullptr : table_->get(key);
    if (variable(key) == nullptr && found != nullptr && found->is_integer()) {
        known_.emplace_back(key);
        value = found->value_exact<std::int64_t>();
    } else if (variable(key) == nullptr && found != nullptr && !found->is_string()) {
        known_.emplace_back(key);
        mistake(key, "must be a size such as \"64MiB\" or a number of bytes, not " + std::string(type_name(*found)));
        return false;
    } else {
        std::string given;
        if (!text(key, given)) return false;
        value = byte_count(given);
        if (!value) {
            mistake(key, "must be a size such as \"64MiB\" or a number of bytes, not " + in_quotes(given));
            return false;
        }
    }
    if (*value < least || *value > most) {
        mistake(key, "must be " + range_text(least, most) + " bytes, not " + std::to_string(*value));
        return false;
    }
    out = *value;
    return true;
}

bool ConfigTable::texts(std::string_view key, std::vector<std::string>& out) {
    const auto* found = node(key);
    if (const auto* given = variable(key)) {
        out.clear();
        std::string_view rest = *given;
        while (!rest.empty()) {
            const auto comma = rest.find(',');
            std::string_view part = rest.substr(0, comma);
            while (part.starts_with(' ')) part.remove_prefix(1);
            while (part.ends_with(' ')) part.remove_suffix(1);
            if (!part.empty()) out.emplace_back(part);
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
        return true;
    }
    if (found == nullptr) return false;
    if (const auto one = found->value_exact<std::string>()) {
        out = {*one};
        return true;
    }
    const auto* array = found->as_array();
    if (array == nullptr) {
        mistake(key, "must be a string or an array of strings, not " + std::string(type_name(*found)));
        return false;
    }
    std::vector<std::string> values;
    for (const auto& member : *array) {
        const auto value = member.value_exact<std::string>();
        if (!value) {
            context_->mistake(member, label(key) + " must hold strings, not " + std::string(type_name(member)));
            return false;
        }
        values.push_back(*value);
    }
    out = std::move(values);
    return true;
}

bool ConfigTable::choice(std::string_view key, std::string& out, const std::vector<std::string>& allowed) {
    std::string given;
    if (!text(key, given)) return false;
    if (std::ranges::find(allowed, given) == allowed.end()) {
        mistake(key, "must be one of " + list_of(allowed) + ", not " + in_quotes(given));
        return false;
    }
    out = given;
    return true;
}

bool ConfigTable::text_map(std::string_view key, std::map<std::string, std::string>& out) {
    const auto* found = node(key);
    if (found == nullptr) return false;
    const auto* members = found->as_table();
    if (members == nullptr) {
        mistake(key, "must be a table of strings, not " + std::string(type_name(*found)));
        return false;
    }
    std::map<std::string, std::string> values;
    for (const auto& [name, member] : *members) {
        const auto value = member.value_exact<std::string>();
        if (!value) {
            context_->mistake(member, label(key) + "." + std::string(name.str()) + " must be a string, not " +
                                          std::string(type_name(member)));
            return false;
        }
        values.emplace(name.str(), *value);
    }
    out = std::move(values);
    return true;
}

bool ConfigTable::time(std::string_view key, std::optional<UnixMicros>& out) {
    const auto* found = node(key);
    if (found == nullptr) return false;
    std::optional<UnixMicros> value;
    const auto days = [](const toml::date& d) {
        char text[16];
        std::snprintf(text, sizeof text, "%04d-%02d-%02d", d.year, d.month, d.day);
        return parse_time(text);
    };
    if (const auto text = found->value_exact<std::string>()) {
        value = parse_time(*text);
    } else if (const auto date = found->value_exact<toml::date>()) {
        value = days(*date);
    } else if (const auto moment = found->value_exact<toml::date_time>(); moment && moment->offset) {
        value = days(moment->date);
        if (value) {
            *value += ((moment->time.hour * 60ll + moment->time.minute - moment->offset->minutes) * 60 +
                       moment->time.second) *
                          1'000'000 +
                      moment->time.nanosecond / 1000;
        }
    }
    if (!value) {
        mistake(key, "must be a date such as 2027-01-31 or a time with its zone such as 2027-01-31T18:00:00Z");
        return false;
    }
    out = value;
    return true;
}

ConfigTable ConfigTable::table(std::string_view key) {
    const auto* found = node(key);
    const std::string name = name_.empty() ? std::string(key) : name_ + "." + std::string(key);
    const auto* members = found == nullptr ? nullptr : found->as_table();
    if (found != nullptr && members == nullptr)
        mistake(key, "must be a table ([" + name + "]), not " + std::string(type_name(*found)));
    return {*context_, members, name, variables_};
}

std::vector<ConfigTable> ConfigTable::tables(std::string_view key) {
    std::vector<ConfigTable> out;
    const auto* found = node(key);
    if (found == nullptr) return out;
    const std::string name = name_.empty() ? std::string(key) : name_ + "." + std::string(key);
    const auto* array = found->as_array();
    if (array == nullptr || !std::ranges::all_of(*array, [](const toml::node& member) { return member.is_table(); })) {
        mistake(key, "must be an array of tables: write [[" + name + "]] for each");
        return out;
    }
    for (const auto& member : *array) {
        out.push_back(ConfigTable(*context_, member.as_table(), name, Variables::none));
        out.back().list_member_ = true;
    }
    return out;
}

void ConfigTable::note_origins() const {
    if (list_member_) return;
    for (const auto& key : known_) {
        if (has(key)) context_->note_origin(name_.empty() ? key : name_ + "." + key, where(key));
    }
}

void ConfigTable::finish() {
    note_origins();
    if (table_ == nullptr) return;
    for (const auto& [key, value] : *table_) {
        const std::string name(key.str());
        if (std::ranges::find(known_, name) != known_.end()) continue;
        const std::string closest = nearest(name, known_);
        context_->mistake(
            context_->position(key.source()),
            label(name) + " is not an option" + (closest.empty() ? "" : "; did you mean " + closest + "?"));
    }
}

}  // namespace lurus::config
