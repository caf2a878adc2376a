#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/openai_responses/openai_responses.hpp"

namespace lurus::gateway::openai_responses {
namespace {

constexpr Dialect self = Dialect::openai_responses;
constexpr UpstreamAnswer free_of_charge{.dialect = self, .metered = false};

/// What another request asked for: its usage counts if nobody has booked it.
constexpr UpstreamAnswer made_before{.dialect = self, .background = true};

constexpr PostPath posts[] = {
    {"responses", Operation::responses, "responses", {.dialect = self}, true},
    {"responses/compact", Operation::responses_compact, "responses.compact", {.dialect = self}},
    {"responses/input_tokens", Operation::responses_input_tokens, "responses.input_tokens", free_of_charge},
};

// `rest` is what follows `responses/`.
Match match_response(HttpMethod method, std::string_view rest) {
    Endpoint resource{.operation = Operation::responses_resource,
                      .dialect = self,
                      .answer = free_of_charge,
                      .name = "responses.resource",
                      .resource = rest.substr(0, rest.find('/'))};
    const auto allowed = [&](bool right) { return right ? found(resource) : refused(self, MatchError::wrong_method); };
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos && method == HttpMethod::get) resource.answer = made_before;
    if (slash == std::string_view::npos) return allowed(method == HttpMethod::get || method == HttpMethod::del);
    const std::string_view part = rest.substr(slash + 1);
    if (slash > 0 && part == "input_items") return allowed(method == HttpMethod::get);
    if (slash > 0 && part == "cancel") resource.answer = made_before;
    if (slash > 0 && part == "cancel") return allowed(method == HttpMethod::post);
    return refused(self, MatchError::unknown_path);
}

// Also without the version: clients whose base URL lacks it.
std::optional<Match> match(const RequestPath& request) {
    std::string_view path = request.path;
    if (!take(path, "/v1/") && !take(path, "/")) return std::nullopt;
    if (request.method == HttpMethod::get && request.websocket && path == "responses") {
        return found({.operation = Operation::responses,
                      .dialect = self,
                      .answer = {.dialect = self},
                      .name = "responses",
                      .websocket = true});
    }
    // `responses/compact` and `responses/input_tokens` are also where a response of that id would be: it cannot exist.
    if (const auto known = match_post(request.method, path, posts, self)) return known;
    return take(path, "responses/") ? std::optional(match_response(request.method, path)) : std::nullopt;
}

}  // namespace

constinit const EndpointRules endpoints{.match = match, .model = openai::model, .models = openai::models};

}  // namespace lurus::gateway::openai_responses
