#include "control/steps/idempotency.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"
#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr UnixMicros kept_us = 24ll * 3600 * 1'000'000;
constexpr std::size_t longest_key = 255;

// The unit separator is in no method, path or name.
std::string hash_of(const ApiRequest& request) {
    std::string all = request.method + '\x1f' + request.path;
    for (const auto& [name, value] : request.query) all += '\x1f' + name + '\x1f' + value;
    if (const auto version = request.header("if-match"); !version.empty())
        all += "\x1fif-match\x1f" + std::string(version);
    return sha256_hex(all + '\x1f' + request.body);
}

std::string caller_of(const Principal& who) {
    return std::string(name_of(who.kind)) + '/' + (who.user.empty() ? who.member : who.user) + '/' +
           std::string(who.home());
}

std::string text_field(const ApiResponse& response) {
    Json headers = Json::array();
    for (const auto& [name, value] : response.headers) headers.push_back({name, value});
    return Json{{"status", response.status},
                {"type", response.content_type},
                {"headers", std::move(headers)},
                {"body", response.body}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<ApiResponse> response_of(std::string_view text) {
    const Json kept = Json::parse(text, nullptr, false);
    if (!kept.is_object()) return std::nullopt;
    ApiResponse response;
    response.status = kept.value("status", 0);
    response.content_type = kept.value("type", "");
    response.body = kept.value("body", "");
    for (const auto& header : kept["headers"])
        response.headers.emplace_back(header.at(0).get<std::string>(), header.at(1).get<std::string>());
    response.headers.emplace_back("idempotency-replayed", "true");
    return response;
}

// What another try may end otherwise is not held against it, nor what is made while it is sent.
bool is_final(const ApiResponse& response) {
    return response.status < 500 && response.status != 429 && !response.stream;
}

}  // namespace

ApiResponse Idempotency::run(const ApiRequest& request, const std::string& key,
                             const std::function<ApiResponse()>& work) {
    if (key.size() > longest_key) return problem(400, "the Idempotency-Key has over 255 characters");
    const std::string caller = caller_of(request.principal), key_hash = sha256_hex(key);
    const std::string running = caller + ' ' + key_hash;
    {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [&] { return !running_.contains(running); });
        running_.insert(running);
    }
    // Also when something is thrown: whoever waits goes on.
    struct End {
        Idempotency& self;
        const std::string& running;
        ~End() {
            const std::scoped_lock lock(self.mutex_);
            self.running_.erase(running);
            self.ended_.notify_all();
        }
    } const end{*this, running};
    return run_alone(request, caller, key_hash, work);
}

ApiResponse Idempotency::run_alone(const ApiRequest& request, const std::string& caller, const std::string& key_hash,
                                   const std::function<ApiResponse()>& work) {
    const std::string request_hash = hash_of(request), bound_to = "api answer " + caller + ' ' + key_hash;
    const UnixMicros now = clock_.now();
    const auto known = store_.reserve(caller, key_hash, request_hash, now, settled_.now() - kept_us);
    if (!known) return problem(known.error());
    if (*known) {
        if ((*known)->request_hash != request_hash)
            return problem(422, "this Idempotency-Key was used for another request; take a new one");
        if ((*known)->answer.empty()) {
            return problem(409,
                           "a request with this Idempotency-Key was begun, and the server ended before it was "
                           "answered, or another server is at it: look whether it was done, and take a new key");
        }
        const auto plain = box_.open((*known)->answer, bound_to);
        if (!plain) return problem(plain.error());
        if (auto again = response_of(plain->reveal())) return *std::move(again);
        return problem(503, "the answer that was kept cannot be read; take a new Idempotency-Key");
    }
    ApiResponse response = work();
    const auto sealed = box_.seal(text_field(response), bound_to);
    const auto kept =
        is_final(response) && sealed ? store_.finish(caller, key_hash, *sealed) : store_.forget(caller, key_hash);
    if (!kept) spdlog::error("an Idempotency-Key's answer was not kept: {}", kept.error().message);
    return response;
}

}  // namespace lurus::control
