#pragma once
// A request as it goes upstream, and its sending.

#include <array>
#include <string>
#include <string_view>

#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {

/// The head is written anew; of the body only the model's name is, between two views of the client's bytes. Not copied:
/// its pieces are views of itself.
struct UpstreamRequest {
    using Pieces = std::array<std::string_view, 4>;

    UpstreamRequest(const Request& request, const Provider& provider, const std::string& upstream_model);
    UpstreamRequest(const UpstreamRequest&) = delete;
    UpstreamRequest& operator=(const UpstreamRequest&) = delete;

    std::string head;
    std::string model;
    Pieces pieces;
};

}  // namespace lurus::gateway
