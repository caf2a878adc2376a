#pragma once
// Clients whose first message led to a vendor without WebSockets. Their next upgrade is refused with 426 at once, which
// tells those that can to send the request with POST. One shard's; bounded.

#include <cstdint>
#include <string>
#include <unordered_map>

#include "modules/gateway/session/request.hpp"

namespace lurus::gateway {

class UpgradeMemory {
public:
    void note(const Request& request, std::int64_t now_us) {
        if (until_us_.size() >= max_clients) until_us_.clear();
        until_us_[client(request)] = now_us + remembered_us;
    }
    [[nodiscard]] bool knows(const Request& request, std::int64_t now_us) const {
        if (until_us_.empty()) return false;
        const auto found = until_us_.find(client(request));
        return found != until_us_.end() && now_us < found->second;
    }

private:
    static constexpr std::size_t max_clients = 1024;
    static constexpr std::int64_t remembered_us = 600'000'000;

    static std::string client(const Request& request) {
        const std::string key = request.key != nullptr ? request.key->id : std::string();
        return key + "\n" + request.record.client;
    }

    std::unordered_map<std::string, std::int64_t> until_us_;
};

}  // namespace lurus::gateway
