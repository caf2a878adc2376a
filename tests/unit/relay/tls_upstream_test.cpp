// Connections to a vendor over TLS: the second one resumes the first one's session.

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <string>

#include "tests/bench/secure.hpp"
#include "tests/unit/relay/rig.hpp"

namespace lurus::test {
namespace {

/// The vendor's side of one connection, over a blocking socket.
class SecureVendor {
public:
    SecureVendor(const Rig& rig, SSL_CTX* context)
        : wire_(rig.accept()), tls_(bench::accept_tls(context, wire_.descriptor())) {
        REQUIRE(SSL_do_handshake(tls_.get()) == 1);
    }
    void read_request() {
        std::string request;
        while (!request.ends_with("}")) {
            char buffer[4096];
            const int n = SSL_read(tls_.get(), buffer, sizeof buffer);
            REQUIRE(n > 0);
            request.append(buffer, static_cast<std::size_t>(n));
        }
    }
    void answer_and_close() {
        const std::string answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nConnection: "
            "close\r\n\r\n{\"id\":\"x\"} ";
        REQUIRE(bench::write_tls(tls_.get(), answer));
        SSL_shutdown(tls_.get());
    }
    [[nodiscard]] bool resumed() const { return SSL_session_reused(tls_.get()) == 1; }
    [[nodiscard]] std::string version() const { return SSL_get_version(tls_.get()); }

private:
    Wire wire_;
    bench::SslPtr tls_;
};

TEST_CASE("a new connection to a vendor resumes the session of the one before") {
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
        CAPTURE(version);
        const auto context = bench::make_server_context();
        SSL_CTX_set_min_proto_version(context.get(), version);
        SSL_CTX_set_max_proto_version(context.get(), version);
        const Rig rig(Family::openai, Rig::Vendor::tls);
        const Wire client = rig.connect();
        const std::string request = Rig::request("/v1/chat/completions", "gpt-5", false);
        for (int i = 0; i < 3; ++i) {
            client.send(request);
            SecureVendor vendor(rig, context.get());
            CHECK(vendor.resumed() == (i > 0));
            vendor.read_request();
            vendor.answer_and_close();
            (void)client.receive_until("} ");
        }
    }
}

TEST_CASE("a session that comes after its provider moved is nobody's") {
    const auto context = bench::make_server_context();
    Rig rig(Family::openai, Rig::Vendor::tls);
    const Wire client = rig.connect();
    const std::string request = Rig::request("/v1/chat/completions", "gpt-5", false);
    for (int i = 0; i < 2; ++i) {
        client.send(request);
        SecureVendor vendor(rig, context.get());
        CHECK_FALSE(vendor.resumed());
        vendor.read_request();
        rig.move_provider();
        vendor.answer_and_close();  // the tickets are read with the answer
        (void)client.receive_until("} ");
    }
}

TEST_CASE("a change that leaves the provider where it is leaves its sessions") {
    const auto context = bench::make_server_context();
    Rig rig(Family::openai, Rig::Vendor::tls);
    const Wire client = rig.connect();
    const std::string request = Rig::request("/v1/chat/completions", "gpt-5", false);
    for (int i = 0; i < 3; ++i) {
        client.send(request);
        SecureVendor vendor(rig, context.get());
        CHECK(vendor.resumed() == (i > 0));
        vendor.read_request();
        rig.replace_provider();
        vendor.answer_and_close();
        (void)client.receive_until("} ");
    }
}

}  // namespace
}  // namespace lurus::test
