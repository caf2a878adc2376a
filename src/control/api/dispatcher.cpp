#include "control/api/dispatcher.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <new>
#include <optional>

#include "control/api/known_query.hpp"
#include "control/api/pages.hpp"
#include "core/http/problem.hpp"
#include "core/http/url.hpp"
#include "core/text/redact.hpp"

namespace lurus::control {
namespace {

bool is_param(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// Split before decoding, so that `%2F` stays inside its segment.
std::optional<std::vector<std::string>> decoded_segments(std::string_view path) {
    std::vector<std::string> out;
    if (!path.starts_with('/')) return std::nullopt;
    path.remove_prefix(1);
    if (path.ends_with('/')) path.remove_suffix(1);
    while (true) {
        const auto slash = path.find('/');
        auto segment = percent_decode(path.substr(0, slash));
        if (!segment || segment->find('\0') != std::string::npos) return std::nullopt;
        out.push_back(std::move(*segment));
        if (slash == std::string_view::npos) return out;
        path.remove_prefix(slash + 1);
    }
}

bool parse_query(std::string_view text, std::map<std::string, std::string>& out) {
    while (!text.empty()) {
        const auto end = text.find('&');
        std::string pair(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (pair.empty()) continue;
        std::ranges::replace(pair, '+', ' ');
        const auto equals = pair.find('=');
        const auto name = percent_decode(std::string_view(pair).substr(0, equals));
        const auto value = equals == std::string::npos ? std::optional<std::string>("")
                                                       : percent_decode(std::string_view(pair).substr(equals + 1));
        if (!name || !value) return false;
        out.insert_or_assign(*name, *value);
    }
    return true;
}

ApiResponse unauthenticated(std::string_view why) {
    ApiResponse refused = problem(401, why);
    refused.headers.emplace_back("www-authenticate", "Bearer realm=\"lurus\"");
    return refused;
}

ApiResponse with_security_headers(ApiResponse response) {
    response.headers.emplace_back("cache-control", "no-store");
    response.headers.emplace_back("x-content-type-options", "nosniff");
    response.headers.emplace_back("referrer-policy", "no-referrer");
    response.headers.emplace_back("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    response.headers.emplace_back("cross-origin-resource-policy", "same-origin");
    return response;
}

// Where people's browsers are sent, a refusal is for people.
ApiResponse shown(const ApiRoute* route, const ApiRequest& request, ApiResponse response) {
    if (route != nullptr && response.status >= 400 && !route->page_title.empty() && takes_page(request))
        return page_of(std::move(response), route->page_title);
    return with_security_headers(std::move(response));
}

// What was thrown, without what it quotes.
void tell_failure(const ApiRoute& route) {
    try {
        throw;
    } catch (const std::exception& e) {
        spdlog::error("{} {} failed: {}", route.method, route.path, without_quotes(e.what()));
    } catch (...) {
        spdlog::error("{} {} failed", route.method, route.path);
    }
}

constexpr std::size_t public_body = 64 << 10;  // of callers whom nobody knows yet

ApiResponse out_of_memory() {
    ApiResponse refused = problem(503, "there is no memory left for this request; try again shortly");
    refused.headers.emplace_back("retry-after", "5");
    return refused;
}

constexpr std::string_view own_error = "this request met an error of the server's own; its log says more";

// A piece that throws is like a handler that does.
ApiStream caught(ApiStream stream, const ApiRoute& route) {
    return [stream = std::move(stream), &route]() -> Result<ApiPiece> {
        try {
            return stream();
        } catch (...) {
            tell_failure(route);
        }
        return fail(ErrorCode::internal, std::string(own_error));
    };
}

}  // namespace

ApiDispatcher::ApiDispatcher(std::vector<ApiRoute> routes, std::size_t max_body_bytes, std::vector<Step> steps)
    : routes_(std::move(routes)), max_body_bytes_(max_body_bytes) {
    handler_ = [](const ApiRoute& route, const ApiRequest& request) { return route.handler(request); };
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        handler_ = [step = std::move(*step), next = std::move(handler_)](
                       const ApiRoute& route, const ApiRequest& request) { return step(route, request, next); };
    }
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        Pattern pattern;
        pattern.route = i;
        std::string_view path = std::string_view(routes_[i].path).substr(1);
        while (true) {
            const auto slash = path.find('/');
            pattern.segments.emplace_back(path.substr(0, slash));
            if (slash == std::string_view::npos) break;
            path.remove_prefix(slash + 1);
        }
        patterns_.push_back(std::move(pattern));
    }
    // Where a word and a parameter both match, the word wins: `{` sorts after every letter.
    std::ranges::stable_sort(patterns_, {}, &Pattern::segments);
}

const ApiRoute* ApiDispatcher::match(const std::string& method, const std::vector<std::string>& segments,
                                     std::map<std::string, std::string>& params, std::string& allowed) const {
    const std::vector<std::string>* best = nullptr;
    const ApiRoute* found = nullptr;
    for (const auto& pattern : patterns_) {
        // A more general path never answers for one that a more exact path owns, whatever the method.
        if (best != nullptr && pattern.segments != *best) continue;
        if (pattern.segments.size() != segments.size()) continue;
        std::map<std::string, std::string> captured;
        bool matches = true;
        for (std::size_t i = 0; matches && i < segments.size(); ++i) {
            const std::string& wanted = pattern.segments[i];
            if (!is_param(wanted)) {
                matches = wanted == segments[i];
            } else if (matches = !segments[i].empty(); matches) {
                captured.emplace(wanted.substr(1, wanted.size() - 2), segments[i]);
            }
        }
        if (!matches) continue;
        best = &pattern.segments;
        const ApiRoute& route = routes_[pattern.route];
        if (route.method == method || (method == "HEAD" && route.method == "GET")) {
            params = std::move(captured);
            found = &route;
        }
        allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    return found;
}

ApiDispatcher::Routed ApiDispatcher::route(ApiRequest& request, std::string_view target) const {
    target = target.substr(0, target.find('#'));
    const auto question = target.find('?');
    const std::string_view path = target.substr(0, question);
    const auto segments = decoded_segments(path);
    if (!segments) return {nullptr, problem(400, "the path is not validly percent-encoded")};
    request.query.clear();
    if (question != std::string_view::npos && !parse_query(target.substr(question + 1), request.query)) {
        return {nullptr, problem(400, "the query is not validly percent-encoded")};
    }
    request.path.clear();
    for (const auto& segment : *segments) request.path += "/" + segment;

    std::string allowed;
    const ApiRoute* route = match(request.method, *segments, request.params, allowed);
    if (route == nullptr && allowed.empty()) {
        return {nullptr, problem(404, "there is no " + request.path.substr(0, 200) + "; " + std::string(openapi_path) +
                                          " lists what there is")};
    }
    if (route == nullptr) {
        ApiResponse response =
            problem(405, request.path.substr(0, 200) + " takes " + allowed + ", not " + request.method.substr(0, 20));
        response.headers.emplace_back("allow", allowed);
        return {nullptr, std::move(response)};
    }
    if (const std::size_t most = most_of_body(*route); request.body.size() > most) {
        return {nullptr, problem(413, "the body has " + std::to_string(request.body.size()) + " bytes; at most " +
                                          std::to_string(most) + " are taken here")};
    }
    return {route, {}};
}

std::size_t ApiDispatcher::most_of_body(const ApiRoute& route) const {
    return std::min({max_body_bytes_, route.max_body_bytes, route.is_public() ? public_body : max_body_bytes_});
}

// The one place where a permission is checked.
std::optional<ApiResponse> ApiDispatcher::forbidden(const ApiRoute& route, const Principal& who) {
    if (who.may(route.permission)) return std::nullopt;
    if (who.kind == Principal::Kind::anonymous) return unauthenticated("sign in first");
    return problem(403, "`" + std::string(name_of(who.role)) + "` may not do this: it takes the " + "permission `" +
                            std::string(name_of(route.permission)) + "`");
}

ApiResponse ApiDispatcher::run(const ApiRoute& route, const ApiRequest& request) const {
    if (auto refused = forbidden(route, request.principal)) return *std::move(refused);
    if (auto refused = unknown_parameters(route, request)) return *std::move(refused);
    try {
        ApiResponse response = handler_(route, request);
        if (response.stream) response.stream = caught(std::move(response.stream), route);
        return response;
    } catch (const std::bad_alloc&) {
        tell_failure(route);
        return out_of_memory();
    } catch (...) {
        tell_failure(route);
    }
    return problem(500, own_error);
}

ApiResponse ApiDispatcher::dispatch(ApiRequest request, std::string_view target) const {
    Routed routed = route(request, target);
    if (routed.route == nullptr) return std::move(routed.refusal);
    return run(*routed.route, request);
}

std::optional<OutsideLane> ApiDispatcher::outside_lane(const ApiCall& call) const {
    ApiRequest head;  // most calls stay here, and need no copy of their body
    head.method = call.request.method;
    const Routed routed = route(head, call.target);
    if (routed.route == nullptr || !routed.route->calls_outside) return std::nullopt;
    if (!routed.route->outside_lane) return OutsideLane();
    ApiRequest request = call.request;
    request.path = std::move(head.path);
    request.params = std::move(head.params);
    request.query = std::move(head.query);
    return routed.route->outside_lane(request);
}

// Who asks is found out first, but for what is public. Null: the request may go on, and has its principal.
std::optional<ApiResponse> ApiDispatcher::stopped(const ApiCall& call, const ApiGate& gate, const ApiRoute* route,
                                                  ApiRequest& request) {
    const auto over_rate = [&](const Principal& who) {
        return call.judged ? std::nullopt : gate.over_rate(request, who);
    };
    if (route == nullptr || !route->is_public()) {
        auto who = gate.principal_of(request, call.authorization);
        // Guessing tokens is counted as well, by address.
        if (auto over = over_rate(who ? *who : Principal())) return over;
        if (!who && who.error().code == ErrorCode::unauthenticated) return unauthenticated(who.error().message);
        if (!who) return problem(who.error());
        if (who->kind == Principal::Kind::anonymous) {
            return unauthenticated(
                "send the admin token (the file admin.token in the data folder) or an access token as Authorization: "
                "Bearer");
        }
        request.principal = *std::move(who);
    } else if (auto over = over_rate(Principal())) {
        return over;
    }
    if (route != nullptr && (route->is_public() || request.principal.by_cookie) && is_cross_site(request)) {
        return problem(403,
                       "this change comes from another site's page; send it from the server's own origin, or with "
                       "Authorization: Bearer");
    }
    return std::nullopt;
}

ApiResponse ApiDispatcher::handle(const ApiCall& call, const ApiGate& gate) const {
    ApiRequest request = call.request;
    request.principal = Principal();
    Routed routed = route(request, call.target);
    if (auto refused = stopped(call, gate, routed.route, request))
        return shown(routed.route, request, *std::move(refused));
    if (routed.route == nullptr) return with_security_headers(std::move(routed.refusal));
    return shown(routed.route, request, run(*routed.route, request));
}

ApiBodyVerdict ApiDispatcher::judge(const ApiCall& call, const ApiGate& gate) const {
    ApiRequest request = call.request;
    request.principal = Principal();
    Routed routed = route(request, call.target);
    ApiBodyVerdict verdict;
    verdict.refusal = stopped(call, gate, routed.route, request);
    if (!verdict.refusal && routed.route == nullptr) verdict.refusal = std::move(routed.refusal);
    if (!verdict.refusal) verdict.refusal = forbidden(*routed.route, request.principal);
    if (verdict.refusal) {
        verdict.refusal = with_security_headers(*std::move(verdict.refusal));
    } else {
        verdict.max_body_bytes = most_of_body(*routed.route);
    }
    return verdict;
}

}  // namespace lurus::control
