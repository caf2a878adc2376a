#include "app/api_dispatch.hpp"

#include <openssl/crypto.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "app/redact.hpp"
#include "core/problem.hpp"
#include "core/sha256.hpp"
#include "core/url.hpp"

namespace lurus::app {
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

std::string_view bearer(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    if (authorization.size() < scheme.size()) return {};
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        const char c = authorization[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != scheme[i]) return {};
    }
    authorization.remove_prefix(scheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    return authorization;
}

// Of hashes, so that neither content nor length shows in the time it takes.
bool same_secret(std::string_view a, std::string_view b) {
    const auto left = sha256(a), right = sha256(b);
    return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

ApiResponse with_security_headers(ApiResponse response) {
    response.headers.emplace_back("cache-control", "no-store");
    response.headers.emplace_back("x-content-type-options", "nosniff");
    response.headers.emplace_back("referrer-policy", "no-referrer");
    response.headers.emplace_back("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    response.headers.emplace_back("cross-origin-resource-policy", "same-origin");
    return response;
}

}  // namespace

ApiDispatcher::ApiDispatcher(std::vector<ApiRoute> routes, std::size_t max_body_bytes)
    : routes_(std::move(routes)), max_body_bytes_(max_body_bytes) {
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

ApiResponse ApiDispatcher::dispatch(ApiRequest request, std::string_view target) const {
    target = target.substr(0, target.find('#'));
    const auto question = target.find('?');
    const std::string_view path = target.substr(0, question);
    const auto segments = decoded_segments(path);
    if (!segments) return problem(400, "the path is not validly percent-encoded");
    request.query.clear();
    if (question != std::string_view::npos && !parse_query(target.substr(question + 1), request.query)) {
        return problem(400, "the query is not validly percent-encoded");
    }
    request.path.clear();
    for (const auto& segment : *segments) request.path += "/" + segment;

    std::string allowed;
    const ApiRoute* route = match(request.method, *segments, request.params, allowed);
    if (route == nullptr && allowed.empty()) {
        return problem(404, "there is no " + request.path.substr(0, 200) + "; " + std::string(openapi_path) +
                                " lists what there is");
    }
    if (route == nullptr) {
        ApiResponse response =
            problem(405, request.path.substr(0, 200) + " takes " + allowed + ", not " + request.method.substr(0, 20));
        response.headers.emplace_back("allow", allowed);
        return response;
    }
    if (request.body.size() > max_body_bytes_) {
        return problem(413, "the body has " + std::to_string(request.body.size()) + " bytes; at most " +
                                std::to_string(max_body_bytes_) + " are taken here");
    }
    try {
        return route->handler(request);
    } catch (const std::exception& e) {
        spdlog::error("{} {} failed: {}", route->method, route->path, without_quotes(e.what()));
    } catch (...) {
        spdlog::error("{} {} failed", route->method, route->path);
    }
    return problem(500, "this request met an error of the server's own; its log says more");
}

ApiResponse ApiDispatcher::handle(const ApiCall& call, const Secret& admin_token) const {
    const std::string_view path = std::string_view(call.target).substr(0, call.target.find('?'));
    const bool is_public = path == openapi_path && (call.request.method == "GET" || call.request.method == "HEAD");
    ApiRequest request = call.request;
    if (!is_public) {
        const std::string_view token = bearer(call.authorization);
        if (token.empty() || admin_token.empty() || !same_secret(token, admin_token.reveal())) {
            ApiResponse refused = problem(
                401, token.empty() ? "send the admin token (the file admin.token in the data folder) as "
                                     "Authorization: Bearer"
                                   : "this is not the admin token; it is in the file admin.token in the data folder");
            refused.headers.emplace_back("www-authenticate", "Bearer realm=\"lurus\"");
            return with_security_headers(std::move(refused));
        }
        request.actor = "admin";
    }
    return with_security_headers(dispatch(std::move(request), call.target));
}

}  // namespace lurus::app
