#include "modules/gateway/server/listener.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>
#include <filesystem>

namespace lurus::gateway {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;

namespace {

Result<void> bind_unix(asio::io_context& io, const ListenerSettings& wanted, Listener& listener) {
    listener.unix_path = wanted.address.substr(5);
    boost::system::error_code ec;
    stream_protocol::socket probe(io);
    probe.connect(stream_protocol::endpoint(listener.unix_path), ec);
    if (!ec) return fail(ErrorCode::conflict, "cannot listen on " + wanted.address + ": another process serves there");
    // A socket file that nobody serves is what a killed process left.
    if (std::filesystem::is_socket(listener.unix_path)) std::filesystem::remove(listener.unix_path);
    listener.socket = ListeningSocket::open(io, stream_protocol::endpoint(listener.unix_path), ec);
    if (ec) return fail(ErrorCode::unavailable, "cannot listen on " + wanted.address + ": " + ec.message());
    std::filesystem::permissions(listener.unix_path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    listener.address = wanted.address;
    return {};
}

Result<void> bind_tcp(asio::io_context& io, const ListenerSettings& wanted, Listener& listener) {
    const std::string_view text = wanted.address;
    const std::size_t colon = text.rfind(':');
    std::string host(text.substr(0, colon == std::string_view::npos ? 0 : colon));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    unsigned long port = 0;
    const std::string port_text(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
    const bool digits = !port_text.empty() && port_text.size() <= 5 &&
                        std::ranges::all_of(port_text, [](char c) { return c >= '0' && c <= '9'; });
    if (digits) port = std::stoul(port_text);
    if (!digits || port > 65535) {
        return fail(ErrorCode::invalid_argument,
                    "\"" + wanted.address + "\" is not an address: write HOST:PORT, [IPV6]:PORT or unix:/PATH");
    }
    boost::system::error_code ec;
    if (host == "localhost") host = "127.0.0.1";
    if (host == "*") host = "0.0.0.0";
    const auto address = asio::ip::make_address(host, ec);
    if (ec)
        return fail(ErrorCode::invalid_argument,
                    "\"" + host + "\" in \"" + wanted.address + "\" is not a numeric address");
    if (wanted.open && !address.is_loopback()) {
        return fail(ErrorCode::invalid_argument,
                    wanted.address + " is not a loopback address: open = true would serve anybody");
    }
    const tcp::endpoint endpoint(address, static_cast<std::uint16_t>(port));
    listener.socket = ListeningSocket::open(io, endpoint, ec);
    if (ec == asio::error::address_in_use) {
        return fail(ErrorCode::conflict, "cannot listen on " + wanted.address +
                                             ": the port is in use (is lurus running already? `lurus doctor` tells; or "
                                             "choose another with --listen)");
    }
    if (ec) return fail(ErrorCode::unavailable, "cannot listen on " + wanted.address + ": " + ec.message());
    tcp::endpoint bound;
    std::memcpy(bound.data(), listener.socket->endpoint().data(), bound.capacity());
    const std::string shown =
        bound.address().is_v6() ? "[" + bound.address().to_string() + "]" : bound.address().to_string();
    listener.local = bound.address().is_loopback();
    listener.address = shown + ":" + std::to_string(bound.port());
    return {};
}

}  // namespace

Result<std::unique_ptr<Listener>> open_listener(asio::io_context& io, const ListenerSettings& wanted,
                                                const Clock& clock) {
    auto listener = std::make_unique<Listener>();
    listener->open = wanted.open;
    listener->local = wanted.address.starts_with("unix:");
    if (!wanted.certificate_file.empty()) {
        auto certificate = CertificateWatch::open(wanted, clock);
        if (!certificate) return std::unexpected(certificate.error());
        listener->tls = certificate->context();
        listener->certificate.emplace(*std::move(certificate));
    }
    auto done =
        wanted.address.starts_with("unix:") ? bind_unix(io, wanted, *listener) : bind_tcp(io, wanted, *listener);
    if (!done) return std::unexpected(done.error());
    return listener;
}

}  // namespace lurus::gateway
