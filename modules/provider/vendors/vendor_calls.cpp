#include "modules/provider/vendors/vendor_calls.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/http/url.hpp"
#include "modules/provider/catalog/build.hpp"
#include "modules/provider/vendors/exchange.hpp"

namespace lurus::provider {
namespace {

using nlohmann::json;

constexpr std::size_t max_models = 20'000;
constexpr int max_pages = 50;

UnixMicros created_of(const json& item) {
    if (const auto found = item.find("created"); found != item.end() && found->is_number_integer()) {
        const auto seconds = found->get<std::int64_t>();
        return seconds > 0 && seconds < 100'000'000'000 ? seconds * 1'000'000 : 0;
    }
    if (const auto found = item.find("created_at"); found != item.end() && found->is_string()) {
        return parse_time(found->get_ref<const std::string&>()).value_or(0);
    }
    return 0;
}

/// Adds one page; the query for the next one, or empty.
Result<std::string> read_page(const Provider& provider, const std::string& text, std::vector<ListedModel>& out) {
    const json body = json::parse(text, nullptr, false);
    const auto odd = [&] {
        return fail(ErrorCode::unavailable, "provider '" + provider.name +
                                                "' answered with something that is no model list: " +
                                                without_secret(short_text(text), provider.credential));
    };
    const json* items = nullptr;
    if (body.is_array()) items = &body;
    if (body.is_object()) {
        for (const char* key : {"data", "models"}) {
            if (body.contains(key)) items = &body[key];
            if (items != nullptr) break;
        }
    }
    if (items == nullptr || !(items->is_array() || items->is_null())) return odd();
    for (const json& item : *items) {
        if (!item.is_object()) return odd();
        ListedModel model;
        for (const char* key : {"id", "name"}) {
            if (const auto found = item.find(key); found != item.end() && found->is_string()) {
                model.id = found->get<std::string>();
                break;
            }
        }
        if (model.id.starts_with("models/")) model.id.erase(0, 7);
        if (model.id.empty() || model.id.size() > 256) continue;
        model.created = created_of(item);
        if (std::ranges::find(out, model.id, &ListedModel::id) == out.end()) out.push_back(std::move(model));
        if (out.size() > max_models)
            return fail(ErrorCode::resource_exhausted, "provider '" + provider.name + "' lists too many models");
    }
    if (body.is_object()) {
        if (const auto next = body.find("nextPageToken"); next != body.end() && next->is_string() && *next != "") {
            return "pageToken=" + percent_encode(next->get_ref<const std::string&>());
        }
        const auto more = body.find("has_more");
        const auto last = body.find("last_id");
        if (more != body.end() && *more == true && last != body.end() && last->is_string()) {
            return "after_id=" + percent_encode(last->get_ref<const std::string&>());
        }
    }
    return std::string();
}

Ask generation(const Provider& provider, Family family, const std::string& model) {
    Ask ask;
    ask.family = family;
    ask.method = "POST";
    ask.model = model;
    json body;
    const json messages = json::array({{{"role", "user"}, {"content", "ping"}}});
    switch (family) {
        case Family::anthropic:
            ask.target = "/v1/messages";
            body = {{"model", model}, {"max_tokens", 1}, {"messages", messages}};
            break;
        case Family::openai: {
            ask.target = "/v1/chat/completions";
            // OpenAI's newer models refuse max_tokens; others do not know its successor.
            const bool vendor = provider.kind == "openai" || provider.kind == "azure-openai";
            body = {{"model", model}, {vendor ? "max_completion_tokens" : "max_tokens", 16}, {"messages", messages}};
            break;
        }
        case Family::gemini:
            ask.target = "/v1beta/models/" + percent_encode(model) + ":generateContent";
            body = {{"contents", json::array({{{"role", "user"}, {"parts", json::array({{{"text", "ping"}}})}}})},
                    {"generationConfig", {{"maxOutputTokens", 16}}}};
            break;
    }
    ask.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return ask;
}

}  // namespace

Result<std::vector<ListedModel>> fetch_models(const Provider& provider, const OutsideLimit& limit) {
    if (list_endpoint(provider) == nullptr) {
        return fail(ErrorCode::invalid_argument,
                    "provider '" + provider.name + "' (" + provider.kind +
                        ") has no list of the models that its account can use; declare them in 'models'");
    }
    if (!provider.problem.empty()) {
        return fail(ErrorCode::unavailable, "provider '" + provider.name + "' cannot be used: " + provider.problem);
    }
    const Preset* preset = find_preset(provider.kind);
    std::vector<ListedModel> out;
    std::string next;
    for (int page = 0; page < max_pages; ++page) {
        if (limit.over()) {
            return fail(ErrorCode::timeout, "provider '" + provider.name + "' takes too long to list its models");
        }
        Ask ask;
        ask.family = preset->list_family;
        ask.target = preset->list_path;
        if (!next.empty()) ask.target += (ask.target.contains('?') ? "&" : "?") + next;
        const auto answer = exchange(provider, ask, limit);
        if (!answer) return fail(answer.error().code, "provider '" + provider.name + "': " + answer.error().message);
        if (answer->status != 200) {
            return fail(ErrorCode::unavailable,
                        "provider '" + provider.name + "' did not list its models: " + words_of(provider, *answer));
        }
        auto read = read_page(provider, answer->body, out);
        if (!read) return std::unexpected(read.error());
        if (read->empty() || *read == next) break;
        next = std::move(*read);
    }
    return out;
}

Result<TestOutcome> test_provider(const Provider& provider, const std::string& model, std::optional<Family> family,
                                  const Clock& clock, const OutsideLimit& limit) {
    const Preset* preset = find_preset(provider.kind);
    TestOutcome outcome;
    outcome.family = family.value_or(preset != nullptr ? preset->list_family : Family::openai);
    if (!provider.endpoints.contains(outcome.family)) {
        return fail(ErrorCode::invalid_argument, "provider '" + provider.name + "' does not speak the " +
                                                     std::string(name_of(outcome.family)) + " dialect");
    }
    if (!provider.problem.empty()) {
        outcome.detail = provider.problem;
        return outcome;
    }
    Ask ask;
    if (model.empty()) {
        ask.family = outcome.family;
        ask.target = outcome.family == Family::gemini ? "/v1beta/models" : "/v1/models";
    } else {
        ask = generation(provider, outcome.family, model);
    }
    const auto begin = clock.monotonic_us();
    const auto answer = exchange(provider, ask, limit);
    outcome.latency_us = clock.monotonic_us() - begin;
    if (!answer) {
        outcome.detail = answer.error().message;
        return outcome;
    }
    outcome.status = answer->status;
    outcome.ok = answer->status >= 200 && answer->status < 300;
    if (!outcome.ok) {
        outcome.detail = words_of(provider, *answer);
        if (model.empty() && answer->status == 404) outcome.detail += " (it may list no models; test it with a model)";
    } else if (json::parse(answer->body, nullptr, false).is_discarded()) {
        outcome.ok = false;
        outcome.detail = "answered " + std::to_string(answer->status) + ", but not in JSON: is base_url right?";
    } else {
        outcome.detail = model.empty() ? "listed its models" : "answered with the model " + model;
    }
    return outcome;
}

}  // namespace lurus::provider
