#include "tests/unit/relay/rig.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/detail/socket_ops.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <utility>

namespace lurus::test {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::string_view secret = "cr_0123456789abcdefghijklmnopqrstuv";

class OneKey final : public KeySnapshot {
public:
    OneKey() : keys_(1) {
        keys_.front().id = "00112233445566778899aabbccddeeff";
        keys_.front().name = "test";
    }
    [[nodiscard]] const KeyInfo* find(std::string_view presented) const override {
        return presented == secret ? &keys_.front() : nullptr;
    }
    [[nodiscard]] const std::vector<KeyInfo>& all() const override { return keys_; }

private:
    std::vector<KeyInfo> keys_;
};

class OneProvider final : public Catalog {
public:
    OneProvider(Family family, std::string_view url) {
        auto provider = std::make_shared<Provider>();
        provider->name = "vendor";
        provider->kind = "openai";
        provider->endpoints[family].base = *Url::parse(url);
        provider->tls_verify = false;
        provider->credential = Secret("sk-upstream");
        providers_.push_back(std::move(provider));
    }
    [[nodiscard]] Result<Resolution> resolve(Family, std::string_view model, const AccountGroups&) const override {
        Resolution out;
        out.route = "default";
        Candidate candidate;
        candidate.provider = providers_.front();
        candidate.upstream_model = model;
        candidate.because = "route";
        out.candidates.push_back(std::move(candidate));
        return out;
    }
    [[nodiscard]] Result<Resolution> any(Family family, const AccountGroups& only) const override {
        return resolve(family, {}, only);
    }
    [[nodiscard]] std::vector<ModelEntry> models(Family, const AccountGroups&) const override { return {}; }
    [[nodiscard]] const std::vector<std::shared_ptr<const Provider>>& providers() const override { return providers_; }

private:
    std::vector<std::shared_ptr<const Provider>> providers_;
};

class OnePrice final : public TariffSnapshot {
public:
    [[nodiscard]] std::optional<Cost> price(const PriceQuery&, const Usage&) const override {
        Cost cost;
        cost.total.nano_usd = 1000;
        cost.tariff = "test";
        return cost;
    }
};

/// Everything is safe at once.
class PromptLog final : public Journal {
public:
    void append(RequestRecord&& record, std::uint64_t ticket, CommitSink* sink) noexcept override {
        const RequestRecord taken(std::move(record));
        sink->committed(std::span(&ticket, 1), true);
    }
    void append_all(std::vector<LogEntry>& entries) noexcept override {
        for (auto& entry : entries) append(std::move(entry.record), entry.ticket, entry.sink);
        entries.clear();
    }
    [[nodiscard]] bool has_room() const noexcept override { return true; }
    Result<void> flush(int) override { return {}; }
    [[nodiscard]] LogStatus status() const override { return {}; }
};

// What Asio makes of each system's calls. Its socket objects hold memory that would count as the gateway's.
namespace calls = asio::detail::socket_ops;

calls::state_type blocking() {
    return 0;
}

asio::detail::socket_type handle(const StreamSocket& socket) {
    return static_cast<asio::detail::socket_type>(socket.descriptor());
}

StreamSocket new_socket() {
    boost::system::error_code ec;
    StreamSocket socket(static_cast<int>(calls::socket(tcp::v4().family(), SOCK_STREAM, IPPROTO_TCP, ec)));
    REQUIRE(!ec);
    return socket;
}

void wait_for(const StreamSocket& socket) {
    boost::system::error_code ec;
    REQUIRE(calls::poll_read(handle(socket), blocking(), 10'000, ec) == 1);
}

}  // namespace

Wire::Wire(StreamSocket socket) : socket_(std::move(socket)) {
    const int on = 1;
    calls::state_type state = blocking();
    boost::system::error_code ec;
    calls::setsockopt(handle(socket_), state, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on, ec);
    REQUIRE(!ec);
}

void Wire::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        boost::system::error_code ec;
        const auto n = calls::send1(handle(socket_), bytes.data(), bytes.size(), 0, ec);
        REQUIRE(n > 0);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::size_t Wire::receive_some(std::span<char> into) const {
    wait_for(socket_);
    boost::system::error_code ec;
    const auto n = calls::recv1(handle(socket_), into.data(), into.size(), 0, ec);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
}

std::string_view Wire::receive_until(std::string_view end) const {
    static std::array<char, 1 << 20> buffer;
    std::size_t size = 0;
    for (;;) {
        const std::size_t n = receive_some(std::span(buffer).subspan(size));
        REQUIRE(n > 0);
        size += n;
        const std::string_view all(buffer.data(), size);
        if (all.ends_with(end)) return all;
    }
}

struct Rig::Parts {
    std::shared_ptr<const Catalog> catalog() const {
        return std::make_shared<OneProvider>(family, (vendor == Vendor::tls ? "https://127.0.0." : "http://127.0.0.") +
                                                         std::to_string(vendor_address) + ":" +
                                                         std::to_string(vendor_port));
    }

    Family family = Family::openai;
    Vendor vendor = Vendor::plain;
    int vendor_address = 1;  // below 127.0.0, all of which are this machine
    int vendor_port = 0;
    StreamSocket listener;
    std::uint16_t port = 0;
    PromptLog log;
    GatewaySnapshot snapshot;
    std::unique_ptr<Gateway> gateway;
};

Rig::Rig(Family family, Vendor vendor, ApiHandler api) : parts_(std::make_unique<Parts>()) {
    tcp::endpoint at(tcp::v4(), 0);
    boost::system::error_code ec;
    parts_->listener = new_socket();
    calls::bind(handle(parts_->listener), at.data(), at.size(), ec);
    REQUIRE(!ec);
    calls::listen(handle(parts_->listener), 512, ec);
    REQUIRE(!ec);
    std::size_t size = at.capacity();
    calls::getsockname(handle(parts_->listener), at.data(), &size, ec);
    REQUIRE(!ec);

    parts_->family = family;
    parts_->vendor = vendor;
    parts_->vendor_port = at.port();
    GatewaySnapshot& snapshot = parts_->snapshot;
    snapshot.keys = std::make_shared<OneKey>();
    snapshot.catalog = parts_->catalog();
    snapshot.tariffs = std::make_shared<OnePrice>();
    snapshot.settings.threads = 1;
    ListenerSettings listener;
    listener.address = "127.0.0.1:0";
    snapshot.settings.listeners.push_back(listener);
    parts_->gateway =
        make_gateway(std::make_shared<GatewaySnapshot>(snapshot), parts_->log, std::move(api), system_clock());
    REQUIRE(parts_->gateway->start());
    const std::string bound = parts_->gateway->addresses().front();
    parts_->port = static_cast<std::uint16_t>(std::stoi(bound.substr(bound.rfind(':') + 1)));
}

Rig::~Rig() {
    parts_->gateway->stop();
}

void Rig::move_provider() {
    ++parts_->vendor_address;
    replace_provider();
}

void Rig::replace_provider() {
    parts_->snapshot.catalog = parts_->catalog();
    parts_->gateway->publish(std::make_shared<GatewaySnapshot>(parts_->snapshot));
    // The one shard takes it before this request, which came after it.
    const Wire wire = connect();
    wire.send("GET /ready HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)wire.receive_until("}");
}

Gateway& Rig::gateway() const {
    return *parts_->gateway;
}

const GatewaySnapshot& Rig::snapshot() const {
    return parts_->snapshot;
}

Wire Rig::connect() const {
    StreamSocket socket = new_socket();
    const tcp::endpoint at(asio::ip::address_v4::loopback(), parts_->port);
    boost::system::error_code ec;
    calls::connect(handle(socket), at.data(), at.size(), ec);
    REQUIRE(!ec);
    return Wire(std::move(socket));
}

Wire Rig::accept() const {
    wait_for(parts_->listener);
    boost::system::error_code ec;
    StreamSocket socket(static_cast<int>(
        calls::accept(handle(parts_->listener), static_cast<void*>(nullptr), static_cast<std::size_t*>(nullptr), ec)));
    REQUIRE(!ec);
    return Wire(std::move(socket));
}

std::string Rig::request(std::string_view path, std::string_view model, bool stream, std::size_t size) {
    std::string body = R"({"model":")" + std::string(model) + R"(","messages":[{"role":"user","content":")";
    const std::string tail = std::string(R"("}],"max_tokens":64)") + (stream ? R"(,"stream":true})" : "}");
    while (body.size() + tail.size() < size) body += "the quick brown fox ";
    body += tail;
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: test/1.0\r\nAccept: application/json\r\n"
           "Content-Type: application/json\r\nx-api-key: " +
           std::string(secret) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace lurus::test
