#include "modules/log/queries/api_schema.hpp"

#include "core/http/paging.hpp"

namespace lurus::log {
namespace {

constexpr const char* text_type = R"({"type":"string"})";
constexpr const char* text_type_or_null = R"({"type":["string","null"]})";
constexpr const char* id_type = R"({"type":"string","pattern":"^[0-9a-f]{32}$"})";
constexpr const char* id_type_or_null = R"({"type":["string","null"],"pattern":"^[0-9a-f]{32}$"})";
constexpr const char* count_type = R"({"type":"integer","format":"int64"})";
constexpr const char* count_type_or_null = R"({"type":["integer","null"],"format":"int64"})";

/// A closed list of members, all of them required but for those in `optional`.
class ObjectSchema {
public:
    ObjectSchema& member(const std::string& name, const std::string& schema) {
        required_ += (required_.empty() ? "\"" : ",\"") + name + "\"";
        return optional(name, schema);
    }
    ObjectSchema& optional(const std::string& name, const std::string& schema) {
        properties_ += (properties_.empty() ? "\"" : ",\"") + name + "\":" + schema;
        return *this;
    }
    [[nodiscard]] std::string text() const {
        return "{\"type\":\"object\",\"properties\":{" + properties_ + "},\"required\":[" + required_ + "]}";
    }

private:
    std::string properties_, required_;
};

std::string list_of(const std::string& item) {
    return R"({"type":"array","items":)" + item + "}";
}

std::string usage_classes() {
    ObjectSchema usage;
    for (const char* name : {"input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning"}) {
        usage.member(name, count_type_or_null);
    }
    for (const char* name : {"audio_input", "audio_output", "images", "web_searches", "image_input", "image_output"})
        usage.optional(name, count_type);
    usage.optional("service_tier", text_type).optional("estimated", R"({"type":"boolean"})");
    return usage.text();
}

std::string attempt() {
    ObjectSchema schema;
    schema.member("id", R"({"type":"string","description":"the record's id, and the attempt's number from 1"})");
    for (const char* name : {"provider", "account", "upstream_model", "because", "outcome"})
        schema.member(name, text_type_or_null);
    schema.member("status", count_type_or_null).member("started_us", count_type).member("duration_us", count_type);
    return schema.member("usage", usage_classes()).member("cost_nano_usd", count_type_or_null).text();
}

std::string record(bool bodies) {
    ObjectSchema schema;
    schema.member("trace_id", id_type);
    schema.member("id", count_type).member("record_id", id_type).member("node_id", id_type_or_null);
    schema.member("time", R"({"type":"string","format":"date-time"})");
    schema.member("dialect", text_type).member("upstream_dialect", text_type);
    for (const char* name :
         {"operation", "model", "upstream_model", "route", "provider", "account", "key", "user", "client", "session"}) {
        schema.member(name, text_type_or_null);
    }
    for (const char* name : {"key_id", "member_id", "team_id", "org_id"}) schema.member(name, id_type_or_null);
    schema.member("stream", R"({"type":"boolean"})").member("status", count_type);
    schema.member("end", R"({"type":"string","enum":["complete","client_gone","upstream_cut","error"]})");
    schema.member("error", text_type_or_null).member("ttfb_us", count_type_or_null);
    for (const char* name : {"duration_us", "bytes_in", "bytes_out"}) schema.member(name, count_type);
    schema.member("attempts", list_of(attempt())).member("usage", usage_classes());
    schema.member("usage_raw", R"({"type":["object","array","string","number","boolean","null"]})");
    schema.member("cost_nano_usd", count_type_or_null).member("tariff", text_type_or_null);
    if (bodies) {
        for (const char* name : {"request_body", "response_body"}) {
            schema.optional(name, text_type_or_null).optional(std::string(name) + "_base64", text_type);
        }
    }
    return schema.text();
}

ObjectSchema sums() {
    ObjectSchema schema;
    for (const char* name : {"requests", "errors", "unpriced", "input", "cache_read", "cache_write_5m",
                             "cache_write_1h", "output", "reasoning", "cost_nano_usd"}) {
        schema.member(name, count_type);
    }
    schema.member("avg_duration_us", count_type_or_null);
    return schema;
}

void group_members(ObjectSchema& row) {
    row.member("group", text_type_or_null);
    row.member("id", R"({"type":["string","null"],"description":"of the key, member, team or organisation"})");
    row.member("name",
               R"({"type":["string","null"],"description":"what it is called now; a key: what it was called last"})");
}

}  // namespace

std::string record_schema() {
    return record(true);
}

std::string records_schema(bool bodies, bool paged) {
    ObjectSchema schema;
    schema.member("data", list_of(record(bodies)));
    if (paged) schema.member("next", next_schema).member("next_before_id", count_type_or_null);
    return schema.text();
}

std::string usage_schema() {
    ObjectSchema row = sums(), schema;
    group_members(row);
    schema.member("since", R"({"type":"string","format":"date-time"})");
    schema.member("until", R"({"type":"string","format":"date-time"})");
    schema.member("tz", R"({"type":"string"})");
    schema.member("by", R"({"type":"string","enum":["model","provider","key","user","team","org","day","hour"]})");
    return schema.member("data", list_of(row.text())).member("total", sums().text()).text();
}

std::string statistics_schema() {
    ObjectSchema row = sums(), schema;
    row.member("time", R"({"type":["string","null"],"format":"date-time","description":"when the bucket begins"})");
    group_members(row);
    schema.member("from", R"({"type":"string","format":"date-time"})");
    schema.member("to", R"({"type":"string","format":"date-time"})");
    schema.member("tz", R"({"type":"string"})");
    schema.member("bucket", text_type_or_null).member("by", text_type_or_null);
    schema.member("data", list_of(row.text())).member("next", next_schema);
    return schema.member("total", sums().text()).text();
}

std::string status_schema() {
    ObjectSchema schema;
    schema.member("healthy", R"({"type":"boolean"})").member("problem", text_type_or_null);
    for (const char* name : {"committed", "queued", "queued_bytes", "released_unsafe"}) schema.member(name, count_type);
    return schema.text();
}

}  // namespace lurus::log
