#pragma once
// A request as it goes upstream, and its sending.

#include <array>
#include <string>
#include <string_view>

#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {

/// The head is written anew; of the body only the model's name is, and what asks for usage (`ask_usage`), between views
/// of the client's bytes. Not copied: its pieces are views of itself.
struct UpstreamRequest {
    using Pieces = std::array<std::string_view, 6>;

    UpstreamRequest(const Request& request, const Target& target, const std::string& upstream_model, bool ask_usage);
    UpstreamRequest(const UpstreamRequest&) = delete;
    UpstreamRequest& operator=(const UpstreamRequest&) = delete;

    std::string head;
    std::string model;
    Pieces pieces;
};

/// Sends a small request over a plain connection when the shard's turn ends. False: it is not such a one.
bool send_at_once(Relay& relay, const UpstreamRequest& request);
/// Any other: returns when the upstream has taken it or takes no more, in which case what it said may be there to read.
boost::asio::awaitable<void> send_request(Relay& relay, const UpstreamRequest& request);

}  // namespace lurus::gateway
