#include <algorithm>

#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "core/text/lookalike.hpp"
#include "modules/gateway/kept/named_things.hpp"
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

// A name with a slash may be one of a provider and a listed model, which candidates_of() finds out.
std::string denied_model(const Request& request) {
    const KeyInfo& key = *request.key;
    const std::string& model = request.facts.model;
    if (!model.empty() && (key.denies_model(model) || (!key.lists_model(model) && !model.contains('/')))) return model;
    const auto found = std::ranges::find_if(request.facts.also,
                                            [&](const auto& one) { return one != model && !key.allows_model(one); });
    return found == request.facts.also.end() ? std::string() : *found;
}

// Google's bodies write `models/M` where its paths have `M`: the name is what follows.
void drop_models_prefix(Request& request) {
    constexpr std::string_view prefix = "models/";
    RequestFacts& facts = request.facts;
    const std::string_view written =
        request.body.substr(facts.model_begin, facts.model_end - std::min(facts.model_begin, facts.model_end));
    if (!facts.model.starts_with(prefix) || !written.starts_with("\"models/")) return;
    facts.model.erase(0, prefix.size());
    if (written.substr(1 + prefix.size(), facts.model.size()) != facts.model) return;  // with escapes: stays as it is
    facts.model_begin += 1 + prefix.size();
    facts.model_end -= 1;
    facts.model_is_json = false;
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
    if (!key.rules.user_agents.empty() && !key.rules.allows_user_agent(request.head.value("user-agent"))) {
        return "this key may not be used by the client " + cut_field(request.head.value("user-agent"));
    }
    if (!key.allows(request.family)) {
        return "this key may not be used for the " + std::string(name_of(request.family)) + " dialect";
    }
    if (request.endpoint.unseen_models && key.has_model_rules() && !request.has_unread_body()) {
        // Of a batch of messages each says its model.
        const auto models = request.family == Family::anthropic ? batch_models(request.body) : std::nullopt;
        if (!models) {
            return "this key is for some models only, and " + std::string(request.endpoint.name) +
                   " run models that cannot be seen here";
        }
        for (const std::string& model : *models) {
            if (has_unseen(model) || !key.allows_model(model))
                return "this key may not use the model " + cut_field(model);
        }
    }
    if (std::string denied = denied_model(request); !denied.empty())
        return "this key may not use the model " + cut_field(denied);
    return {};
}

void start_record(Session& session, Request& request) {
    RequestRecord& record = request.record;
    record.record_id = session.shard.ids.at(request.time);
    record.trace_id = request.trace_id;
    record.time = request.time;
    record.dialect = record.upstream_dialect = request.endpoint.dialect;
    record.operation = request.endpoint.name;
    record.key = request.key != nullptr ? request.key->name : std::string();
    record.user = request.key != nullptr ? request.key->record_user() : std::string();
    if (request.key != nullptr) {
        record.key_id = request.key->record_ids.key;
        record.team_id = request.key->record_ids.team;
        record.org_id = request.key->record_ids.org;
    }
    record.client = cut_field(request.head.value("user-agent"));
    record.bytes_in =
        static_cast<std::int64_t>(request.coded_body.empty() ? request.body.size() : request.coded_body.size());
}

// What its key may not do or what is over a limit is rejected.
std::unique_ptr<Rejection> admit(Session& session, Request& request) {
    const GatewaySettings& settings = request.snapshot->settings;
    const http1::RequestHead& head = request.head;
    start_record(session, request);
    RequestRecord& record = request.record;
    if (settings.log_enabled && !session.shard.log.has_room()) {
        auto rejection =
            rejected(503, "the request log cannot keep up or cannot be written (see /health); try again shortly");
        rejection->fields = "Retry-After: 5\r\n";
        rejection->recorded = false;
        session.end_keep_alive();
        return rejection;
    }
    RequestFacts& facts = request.facts;
    const bool scanned = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
    const std::string_view content_type = head.value("content-type");
    if (scanned) {
        facts = scan_request(request.endpoint, content_type, request.body);
        if (!facts.error.empty()) return rejected(400, facts.error);
    }
    if (facts.background && request.endpoint.operation == Operation::responses)
        request.endpoint.answer.background = true;
    if (!request.endpoint.path_model.empty()) {
        const auto decoded = percent_decode(request.endpoint.path_model);
        if (!decoded) return rejected(400, "the model's name in the path is not valid percent-encoding");
        facts.model = *decoded;
        facts.model_begin = facts.model_end = 0;
    }
    if (!request.endpoint.deployment.empty()) {
        // Azure's path says which model answers; the body is made to say the same (send_request.cpp).
        const auto decoded = percent_decode(request.endpoint.deployment);
        if (!decoded) return rejected(400, "the deployment's name in the path is not valid percent-encoding");
        facts.model = *decoded;
    }
    if (request.endpoint.dialect == Dialect::gemini && request.endpoint.model_in_body) drop_models_prefix(request);
    if (request.endpoint.streams) facts.stream = true;
    int best = 0;
    for (const auto& field : head.fields) {
        const int rank = session_header_rank(field.name);
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
            if (request.upload) request.upload->logged_most = static_cast<std::size_t>(settings.log_bodies_cap);
        }
    }
    const std::string_view body = scanned ? request.body : std::string_view();
    if (auto doubtful = judge_models(request, content_type, body)) return doubtful;
    if (std::string rule = broken_rule(request); !rule.empty()) return rejected(403, std::move(rule));
    const bool needs_model = request.endpoint.model_in_body && head.method == "POST" && !request.body.empty();
    if (needs_model && facts.model.empty() && request.endpoint.operation != Operation::moderations &&
        request.endpoint.operation != Operation::images && request.endpoint.operation != Operation::audio &&
        request.endpoint.operation != Operation::resource) {
        return rejected(400, "the request names no model: set \"model\"");
    }
    if (auto foreign = pin(session, request)) return foreign;
    if (auto forbidden = judge_candidates(request)) return forbidden;
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
