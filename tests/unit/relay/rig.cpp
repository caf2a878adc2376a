#include "tests/unit/relay/rig.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detail/socket_ops.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
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

// Asio's blocking calls know no deadline.
void wait_for(int descriptor) {
    boost::system::error_code ec;
    REQUIRE(asio::detail::socket_ops::poll_read(static_cast<asio::detail::socket_type>(descriptor), 0, 10'000, ec) ==
            1);
}

// Of the test's own sockets, which block.
asio::io_context& no_work() {
    static asio::io_context context(1);
    return context;
}

}  // namespace

Wire::Wire(tcp::socket socket) : socket_(std::move(socket)) {
    socket_->set_option(tcp::no_delay(true));
}

void Wire::send(std::string_view bytes) const {
    boost::system::error_code ec;
    asio::write(*socket_, asio::buffer(bytes.data(), bytes.size()), ec);
    REQUIRE(!ec);
}

std::size_t Wire::receive_some(std::span<char> into) const {
    wait_for(descriptor());
    boost::system::error_code ec;
    const std::size_t n = socket_->read_some(asio::buffer(into.data(), into.size()), ec);
    return ec ? 0 : n;
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
    tcp::acceptor listener{no_work()};
    std::uint16_t port = 0;
    PromptLog log;
    GatewaySnapshot snapshot;
    std::unique_ptr<Gateway> gateway;
};

Rig::Rig(Family family, Vendor vendor, ApiHandler api) : parts_(std::make_unique<Parts>()) {
    const tcp::endpoint any(tcp::v4(), 0);
    parts_->listener.open(any.protocol());
    parts_->listener.bind(any);
    parts_->listener.listen(512);

    parts_->family = family;
    parts_->vendor = vendor;
    parts_->vendor_port = parts_->listener.local_endpoint().port();
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

Wire Rig::connect() const {
    tcp::socket socket(no_work());
    socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), parts_->port));
    return Wire(std::move(socket));
}

Wire Rig::accept() const {
    wait_for(static_cast<int>(parts_->listener.native_handle()));
    return Wire(parts_->listener.accept());
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
