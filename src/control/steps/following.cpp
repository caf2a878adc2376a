#include "control/steps/following.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr int entries_a_look = 200;
constexpr int look_again_ms = 500;
constexpr std::int64_t keepalive_us = 15'000'000;
// Who asks is found out once. So it ends after a while, and a client comes back with the number it has seen.
constexpr std::int64_t longest_us = 300'000'000;

// Parameters of a list that a stream has no pages for.
constexpr std::array paging = {"limit", "cursor", "sort"};

/// A list that is being followed.
class Tail {
public:
    Tail(const ApiRoute& list, ApiRequest request, std::int64_t after, const Clock& clock)
        : list_(list), request_(std::move(request)), after_(after), clock_(clock), began_us_(clock.monotonic_us()) {
        request_.query["limit"] = std::to_string(entries_a_look);
    }

    Result<ApiPiece> next() {
        const std::int64_t now = clock_.monotonic_us();
        if (now - began_us_ >= longest_us) return ApiPiece();
        request_.query[list_.following.after] = std::to_string(after_);
        const ApiResponse page = list_.handler(request_);
        const Json body = Json::parse(page.body, nullptr, false);
        if (page.status != 200 || !body.is_object())
            return fail(ErrorCode::unavailable, "following " + list_.path + ": " + page.body.substr(0, 200));
        ApiPiece piece;
        for (const auto& entry : body.at("data")) {
            after_ = entry.at(list_.following.number).get<std::int64_t>();
            piece.bytes += "id: " + std::to_string(after_) +
                           "\ndata: " + entry.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
        }
        if (body["data"].size() < static_cast<std::size_t>(entries_a_look)) piece.pause_ms = look_again_ms;
        if (piece.bytes.empty() && now - sent_us_ >= keepalive_us) piece.bytes = ":\n\n";
        if (!piece.bytes.empty()) sent_us_ = now;
        return piece;
    }

private:
    const ApiRoute& list_;  // of the route that made this
    ApiRequest request_;
    std::int64_t after_;
    const Clock& clock_;
    const std::int64_t began_us_;
    std::int64_t sent_us_ = 0;
};

ApiResponse follow(const std::shared_ptr<const ApiRoute>& list, const Clock& clock, const ApiRequest& request) {
    ApiRequest look = request;
    for (const char* name : paging) look.query.erase(name);
    std::string seen(request.header("last-event-id"));
    if (const auto given = request.query.find(list->following.after); seen.empty() && given != request.query.end())
        seen = given->second;
    std::int64_t after = 0;
    if (!seen.empty()) {
        const auto [end, error] = std::from_chars(seen.data(), seen.data() + seen.size(), after);
        if (error != std::errc() || end != seen.data() + seen.size() || after < 0)
            return problem(400, "`" + list->following.after + "` and Last-Event-ID are the number of an entry");
    }
    // Also says what is wrong with the filters, before anything is sent.
    look.query.erase(list->following.after);
    look.query["limit"] = "1";
    ApiResponse newest = list->handler(look);
    if (newest.status != 200) return newest;
    if (const Json body = Json::parse(newest.body); seen.empty() && !body.at("data").empty())
        after = body["data"][0].at(list->following.number).get<std::int64_t>();
    ApiResponse response;
    response.content_type = "text/event-stream";
    response.stream = [list, tail = std::make_shared<Tail>(*list, std::move(look), after, clock)] {
        return tail->next();
    };
    return response;
}

}  // namespace

std::vector<ApiRoute> following_routes(const std::vector<ApiRoute>& routes, const Clock& clock) {
    std::vector<ApiRoute> out;
    for (const auto& list : routes) {
        if (list.following.operation.empty()) continue;
        ApiRoute route(list.permission);
        route.method = "GET";
        route.path = list.path + "/stream";
        route.operation_id = list.following.operation;
        route.summary = "What comes from now on, or after the entry of a number, as server-sent events";
        for (const auto& param : list.query) {
            if (std::ranges::find(paging, param.name) == paging.end()) route.query.push_back(param);
        }
        route.response_schema = R"({"type":"string"})";
        route.content_type = "text/event-stream";
        route.handler = [kept = std::make_shared<const ApiRoute>(list), &clock](const ApiRequest& request) {
            return follow(kept, clock, request);
        };
        out.push_back(std::move(route));
    }
    return out;
}

}  // namespace lurus::control
