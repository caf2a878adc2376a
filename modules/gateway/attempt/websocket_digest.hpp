#pragma once
// What matters of a message that is too long to be kept (a picture in an answer), read while it passes: its type and
// ids, and of the response its model, usage and error; of a Live message what its turn does and used. Memory does not
// grow with the message.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/http/websocket_frames.hpp"
#include "core/json/json_pick.hpp"

namespace lurus::gateway {

class MessageDigest final : public websocket::PartSink, json::PickSink {
public:
    MessageDigest();
    void on_part(std::string_view payload) override;
    /// The message without what is not kept of it, as JSON; then the next one begins.
    std::string take();

private:
    void on_value(std::uint8_t id, std::string_view value, bool whole) override;
    void on_mark(std::uint8_t id, char first) override;
    void on_end(std::uint8_t) override {}

    static constexpr std::size_t max_members = 16;

    json::Picker picker_;
    std::array<std::string, max_members> values_;
    std::array<bool, 2> marked_{};
};

}  // namespace lurus::gateway
