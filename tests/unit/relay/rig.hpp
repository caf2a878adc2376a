#pragma once
// A gateway of one shard between a client and a vendor that the test plays itself, with blocking sockets.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/io/stream_socket.hpp"
#include "lurus/gateway.hpp"

namespace lurus::test {

/// A connected socket, ours to close.
class Wire {
public:
    Wire() = default;
    explicit Wire(StreamSocket socket);

    /// These fail the test, but for a peer that has left when `receive_some` is called: 0. None allocates.
    void send(std::string_view bytes) const;
    /// What came up to and with `end`; good until the next call on any wire.
    [[nodiscard]] std::string_view receive_until(std::string_view end) const;
    std::size_t receive_some(std::span<char> into) const;
    [[nodiscard]] int descriptor() const { return socket_.descriptor(); }

private:
    StreamSocket socket_;
};

class Rig {
public:
    enum class Vendor { plain, tls };
    explicit Rig(Family family, Vendor vendor = Vendor::plain, ApiHandler api = {});
    ~Rig();
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;

    [[nodiscard]] Wire connect() const;
    /// The next connection that the gateway makes to the vendor.
    [[nodiscard]] Wire accept() const;
    /// The provider is another object from now on, at the same address, as after a change of the configuration.
    void replace_provider();
    /// It is at another address from now on.
    void move_provider();
    [[nodiscard]] Gateway& gateway() const;
    [[nodiscard]] const GatewaySnapshot& snapshot() const;
    /// A request as a client sends it, with a body of about `size` bytes.
    [[nodiscard]] static std::string request(std::string_view path, std::string_view model, bool stream,
                                             std::size_t size = 1024);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace lurus::test
