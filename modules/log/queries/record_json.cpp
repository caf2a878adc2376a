#include "modules/log/queries/record_json.hpp"

#include <nlohmann/json.hpp>

#include "core/json/json_scan.hpp"
#include "core/text/base64.hpp"
#include "lurus/log.hpp"
#include "modules/log/queries/json_text.hpp"

namespace lurus::log {
namespace {

using nlohmann::json;

struct CountName {
    const char* name;
    std::optional<std::int64_t> Usage::* count;
};
constexpr CountName common_counts[] = {
    {"input", &Usage::input},
    {"cache_read", &Usage::cache_read},
    {"cache_write_5m", &Usage::cache_write_5m},
    {"cache_write_1h", &Usage::cache_write_1h},
    {"output", &Usage::output},
    {"reasoning", &Usage::reasoning},
};
constexpr CountName rare_counts[] = {
    {"audio_input", &Usage::audio_input}, {"audio_output", &Usage::audio_output},
    {"images", &Usage::images},           {"web_searches", &Usage::web_searches},
    {"image_input", &Usage::image_input}, {"image_output", &Usage::image_output},
};

bool has_rare(const Usage& usage) {
    return usage.audio_input || usage.audio_output || usage.images || usage.web_searches || usage.image_input ||
           usage.image_output || usage.estimated || !usage.service_tier.empty();
}

void rare_members(JsonObject& object, const Usage& usage) {
    for (const auto& rare : rare_counts) object.number_if_any(rare.name, usage.*rare.count);
    if (!usage.service_tier.empty()) object.text("service_tier", usage.service_tier);
    if (usage.estimated) object.boolean("estimated", true);
}

void append_usage(std::string& out, const Usage& usage) {
    JsonObject object(out);
    for (const auto& common : common_counts) object.number_or_null(common.name, usage.*common.count);
    rare_members(object, usage);
    object.close();
}

void append_usage_short(std::string& out, const Usage& usage) {
    JsonObject object(out);
    for (const auto& common : common_counts) object.number_if_any(common.name, usage.*common.count);
    rare_members(object, usage);
    object.close();
}

std::optional<std::int64_t> whole(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
}

std::string record_text(const json& object, const char* name, std::string otherwise = {}) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::move(otherwise);
}

void read_rare(const json& object, Usage& usage) {
    for (const auto& rare : rare_counts) usage.*rare.count = whole(object, rare.name);
    usage.service_tier = record_text(object, "service_tier");
    usage.estimated = object.contains("estimated");
}

void append_attempt_detail(std::string& out, const Attempt& attempt, const RequestRecord& record) {
    JsonObject object(out);
    if (attempt.provider != record.provider) object.text("provider", attempt.provider);
    if (attempt.account != record.account) object.text("account", attempt.account);
    if (attempt.upstream_model != record.upstream_model) object.text("upstream_model", attempt.upstream_model);
    if (!attempt.chosen_because.empty()) object.text("because", attempt.chosen_because);
    if (!attempt.outcome.empty()) object.text("outcome", attempt.outcome);
    if (attempt.status) object.number("status", *attempt.status);
    if (attempt.started_us != 0) object.number("started_us", attempt.started_us);
    if (attempt.duration_us != 0) object.number("duration_us", attempt.duration_us);
    if (attempt.usage != record.usage) append_usage_short(object.member("usage"), attempt.usage);
    if (attempt.cost != record.cost) {
        object.number_or_null("cost_nano_usd",
                              attempt.cost ? std::optional(attempt.cost->nano_usd) : std::optional<std::int64_t>());
    }
    object.close();
}

Attempt read_attempt(const json& object, const RequestRecord& record) {
    Attempt attempt;
    attempt.provider = record_text(object, "provider", record.provider);
    attempt.account = record_text(object, "account", record.account);
    attempt.upstream_model = record_text(object, "upstream_model", record.upstream_model);
    attempt.chosen_because = record_text(object, "because");
    attempt.outcome = record_text(object, "outcome");
    if (const auto status = whole(object, "status")) attempt.status = static_cast<int>(*status);
    attempt.started_us = whole(object, "started_us").value_or(0);
    attempt.duration_us = whole(object, "duration_us").value_or(0);
    attempt.usage = record.usage;
    if (const auto usage = object.find("usage"); usage != object.end() && usage->is_object()) {
        attempt.usage = Usage();
        for (const auto& common : common_counts) attempt.usage.*common.count = whole(*usage, common.name);
        read_rare(*usage, attempt.usage);
    }
    attempt.cost = record.cost;
    if (object.contains("cost_nano_usd")) {
        const auto cost = whole(object, "cost_nano_usd");
        attempt.cost = cost ? std::optional(Money{*cost}) : std::nullopt;
    }
    return attempt;
}

void append_attempt(std::string& out, const RequestRecord& record, std::size_t place) {
    const Attempt& attempt = record.attempts[place];
    JsonObject object(out);
    object.text("id", attempt_id(record.record_id, place));
    object.text_or_null("provider", attempt.provider);
    object.text_or_null("account", attempt.account);
    object.text_or_null("upstream_model", attempt.upstream_model);
    object.text_or_null("because", attempt.chosen_because);
    object.text_or_null("outcome", attempt.outcome);
    object.number_or_null("status", attempt.status ? std::optional<std::int64_t>(*attempt.status) : std::nullopt);
    object.number("started_us", attempt.started_us);
    object.number("duration_us", attempt.duration_us);
    append_usage(object.member("usage"), attempt.usage);
    object.number_or_null("cost_nano_usd",
                          attempt.cost ? std::optional(attempt.cost->nano_usd) : std::optional<std::int64_t>());
    object.close();
}

// nlohmann takes a byte order mark and a NUL at the end; both would spoil the text around them.
bool is_json(std::string_view raw) {
    return raw.find('\0') == raw.npos && !raw.starts_with("\xef\xbb\xbf") && json::accept(raw);
}

/// The vendor's text stays as it is where it is JSON; line breaks between its tokens become blanks.
void append_raw(std::string& out, std::string_view raw) {
    if (raw.empty()) {
        out += "null";
    } else if (is_json(raw)) {
        for (const char c : raw) out += c == '\n' || c == '\r' ? ' ' : c;
    } else {
        lurus::json::append_quoted(out, raw);
    }
}

void id_member(JsonObject& object, const char* name, const Id& id) {
    object.text_or_null(name, id.is_zero() ? std::string() : id.hex());
}

void body_member(JsonObject& object, const char* name, const char* name_base64, const std::string& body) {
    if (body.empty() || lurus::json::is_utf8(body)) {
        object.text_or_null(name, body);
        return;
    }
    std::string& out = object.member(name_base64);
    out += '"';
    out += base64(body);
    out += '"';
}

}  // namespace

void append_detail(std::string& out, const RequestRecord& record) {
    const bool rare = has_rare(record.usage);
    if (record.attempts.empty() && !rare) return;
    JsonObject object(out);
    if (!record.attempts.empty()) {
        std::string& list = object.member("attempts");
        char before = '[';
        for (const auto& attempt : record.attempts) {
            list += before;
            before = ',';
            append_attempt_detail(list, attempt, record);
        }
        list += ']';
    }
    if (rare) {
        JsonObject usage(object.member("usage"));
        rare_members(usage, record.usage);
        usage.close();
    }
    object.close();
}

bool read_detail(std::string_view detail, RequestRecord& record) {
    if (detail.empty()) return true;
    const json root = json::parse(detail, nullptr, false);
    if (!root.is_object()) return false;
    // First the record's own usage: attempts fall back on it.
    if (const auto usage = root.find("usage"); usage != root.end() && usage->is_object())
        read_rare(*usage, record.usage);
    if (const auto attempts = root.find("attempts"); attempts != root.end()) {
        for (const auto& attempt : *attempts) {
            if (!attempt.is_object()) return false;
            record.attempts.push_back(read_attempt(attempt, record));
        }
    }
    return true;
}

void append_record(std::string& out, const RequestRecord& record, bool bodies) {
    JsonObject object(out);
    object.text("trace_id", record.trace_id.hex());
    object.number("id", record.id);
    id_member(object, "record_id", record.record_id);
    id_member(object, "node_id", record.node_id);
    object.text("time", format_time(record.time));
    object.text("dialect", name_of(record.dialect));
    object.text("upstream_dialect", name_of(record.upstream_dialect));
    object.text_or_null("operation", record.operation);
    object.text_or_null("model", record.model);
    object.text_or_null("upstream_model", record.upstream_model);
    object.text_or_null("route", record.route);
    object.text_or_null("provider", record.provider);
    object.text_or_null("account", record.account);
    object.text_or_null("key", record.key);
    object.text_or_null("user", record.user);
    id_member(object, "key_id", record.key_id);
    object.text_or_null("member_id", record.member_id());
    id_member(object, "team_id", record.team_id);
    id_member(object, "org_id", record.org_id);
    object.text_or_null("client", record.client);
    object.text_or_null("session", record.session);
    object.boolean("stream", record.stream);
    object.number("status", record.status);
    object.text("end", name_of(record.end));
    object.text_or_null("error", record.error);
    object.number_or_null("ttfb_us", record.ttfb_us);
    object.number("duration_us", record.duration_us);
    object.number("bytes_in", record.bytes_in);
    object.number("bytes_out", record.bytes_out);
    std::string& list = object.member("attempts");
    list += '[';
    for (std::size_t i = 0; i < record.attempts.size(); ++i) {
        if (i > 0) list += ',';
        append_attempt(list, record, i);
    }
    list += ']';
    append_usage(object.member("usage"), record.usage);
    append_raw(object.member("usage_raw"), record.usage_raw);
    object.number_or_null("cost_nano_usd",
                          record.cost ? std::optional(record.cost->nano_usd) : std::optional<std::int64_t>());
    object.text_or_null("tariff", record.tariff);
    if (bodies) {
        body_member(object, "request_body", "request_body_base64", record.request_body);
        body_member(object, "response_body", "response_body_base64", record.response_body);
    }
    object.close();
}

}  // namespace lurus::log

namespace lurus {

std::string to_json(const RequestRecord& record) {
    std::string out;
    out.reserve(1024);
    log::append_record(out, record, false);
    return out;
}

}  // namespace lurus
