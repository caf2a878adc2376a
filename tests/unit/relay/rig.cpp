#include "tests/unit/relay/rig.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace lurus::test {
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

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

}  // namespace

Wire::Wire(Wire&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Wire& Wire::operator=(Wire&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

Wire::~Wire() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void Wire::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        REQUIRE(n > 0);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::string_view Wire::receive_until(std::string_view end) const {
    static std::array<char, 1 << 20> buffer;
    std::size_t size = 0;
    for (;;) {
        pollfd waiting{descriptor_, POLLIN, 0};
        REQUIRE(::poll(&waiting, 1, 10'000) == 1);
        const ssize_t n = ::recv(descriptor_, buffer.data() + size, buffer.size() - size, 0);
        REQUIRE(n > 0);
        size += static_cast<std::size_t>(n);
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
    int listener = -1;
    int port = 0;
    PromptLog log;
    GatewaySnapshot snapshot;
    std::unique_ptr<Gateway> gateway;
};

Rig::Rig(Family family, Vendor vendor, ApiHandler api) : parts_(std::make_unique<Parts>()) {
    parts_->listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    REQUIRE(::bind(parts_->listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(parts_->listener, 512) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(parts_->listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);

    parts_->family = family;
    parts_->vendor = vendor;
    parts_->vendor_port = ntohs(address.sin_port);
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
    parts_->port = std::stoi(bound.substr(bound.rfind(':') + 1));
}

Rig::~Rig() {
    parts_->gateway->stop();
    ::close(parts_->listener);
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
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(parts_->port);
    REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return Wire(descriptor);
}

Wire Rig::accept() const {
    pollfd waiting{parts_->listener, POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 10'000) == 1);
    const int descriptor = ::accept(parts_->listener, nullptr, nullptr);
    REQUIRE(descriptor >= 0);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return Wire(descriptor);
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
