#include <algorithm>

#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

std::unique_ptr<Rejection> rejected(int status, std::string message) {
    auto rejection = std::make_unique<Rejection>();
    rejection->status = status;
    rejection->message = std::move(message);
    return rejection;
}

// A key's name means something within its organisation only.
bool records_body_of(const KeyInfo* key, const std::vector<std::string>& keys) {
    if (keys.empty()) return true;
    return key != nullptr && std::ranges::any_of(keys, [&](const std::string& wanted) {
               return wanted == key->id || (wanted == key->name && key->org == default_org);
           });
}

}  // namespace

std::string cut_field(std::string_view text) {
    return std::string(text.substr(0, 512));
}

std::string broken_rule(const Request& request) {
    if (request.key == nullptr) return {};
    const KeyInfo& key = *request.key;
    if (!key.rules.allows_address(request.address)) {
        return "this key may not be used from " +
               (request.address ? "the address " + request.address->text() : "a connection without an address");
    }
    if (!key.rules.allows_user_agent(request.head.value("user-agent"))) {
        return "this key may not be used by the client " + cut_field(request.head.value("user-agent"));
    }
    if (!key.allows(request.family)) {
        return "this key may not be used for the " + std::string(name_of(request.family)) + " dialect";
    }
    const std::string& model = request.facts.model;
    if (!model.empty() && !key.allows_model(model)) return "this key may not use the model " + cut_field(model);
    return {};
}

// What its key may not do or what is over a limit is rejected.
std::unique_ptr<Rejection> admit(Session& session, Request& request) {
    const GatewaySettings& settings = request.snapshot->settings;
    const http1::RequestHead& head = request.head;
    RequestRecord& record = request.record;
    record.record_id = session.shard.ids.at(request.time);
    record.trace_id = request.trace_id;
    record.time = request.time;
    record.dialect = record.upstream_dialect = request.endpoint.dialect;
    record.operation = std::string(request.endpoint.name);
    record.key = request.key != nullptr ? request.key->name : std::string();
    record.user = request.key != nullptr ? request.key->record_user() : std::string();
    if (request.key != nullptr) {
        record.key_id = request.key->record_ids.key;
        record.team_id = request.key->record_ids.team;
        record.org_id = request.key->record_ids.org;
    }
    record.client = cut_field(head.value("user-agent"));
    record.bytes_in =
        static_cast<std::int64_t>(request.coded_body.empty() ? request.body.size() : request.coded_body.size());

    if (settings.log_enabled && !session.shard.log.has_room()) {
        auto rejection =
            rejected(503, "the request log cannot keep up or cannot be written (see /health); try again shortly");
        rejection->fields = "Retry-After: 5\r\n";
        rejection->recorded = false;
        session.end_keep_alive();
        return rejection;
    }
    RequestFacts& facts = request.facts;
    if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH") {
        facts = scan_request(request.endpoint, head.value("content-type"), request.body);
        if (!facts.error.empty()) return rejected(400, facts.error);
    }
    if (!request.endpoint.path_model.empty()) {
        const auto decoded = percent_decode(request.endpoint.path_model);
        if (!decoded) return rejected(400, "the model's name in the path is not valid percent-encoding");
        facts.model = *decoded;
        facts.model_begin = facts.model_end = 0;
    }
    if (request.endpoint.streams) facts.stream = true;
    int best = 0;
    for (const auto& field : head.fields) {
        if (field.name.size() < 7 || field.name.size() > 40) continue;
        char name[40];
        std::ranges::transform(field.name, name, lower);
        const int rank = session_header_rank(std::string_view(name, field.name.size()));
        if (rank > best && !field.value.empty()) {
            best = rank;
            facts.session = cut_field(field.value);
        }
    }
    record.model = cut_field(facts.model);
    record.stream = facts.stream;
    record.session = facts.session;
    if (settings.log_bodies != GatewaySettings::Bodies::none) {
        if (records_body_of(request.key, settings.log_bodies_keys)) {
            record.request_body =
                std::string(request.body.substr(0, static_cast<std::size_t>(settings.log_bodies_cap)));
        }
    }
    if (std::string rule = broken_rule(request); !rule.empty()) return rejected(403, std::move(rule));
    const bool needs_model = request.endpoint.model_in_body && head.method == "POST" && !request.body.empty();
    if (needs_model && facts.model.empty() && request.endpoint.operation != Operation::moderations &&
        request.endpoint.operation != Operation::images && request.endpoint.operation != Operation::audio) {
        return rejected(400, "the request names no model: set \"model\"");
    }
    return session.limits.admit(request);
}

asio::awaitable<void> reject(Session& session, Request& request, std::unique_ptr<Rejection> rejection) {
    Rejection& why = *rejection;
    if (!why.recorded) {
        co_await session.respond_error(request, why.status, why.message, why.fields);
    } else if (why.body.empty()) {
        co_await session.refuse(request, why.status, why.message, why.fields);
    } else {
        co_await session.refuse_with(request, why.status, why.message, std::move(why.body), why.fields);
    }
}

}  // namespace lurus::gateway
