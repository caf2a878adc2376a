#include "core/http/http_client.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "core/io/server_certificate.hpp"
#include "core/io/tls.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/standard_output.hpp"

namespace asio = boost::asio;
namespace fs = std::filesystem;
using lurus::ErrorCode;
using lurus::http_exchange;
using lurus::HttpCall;

namespace {

/// Reads until the head and `body` bytes of body are there.
template <class Socket>
std::string read_request(Socket& socket) {
    std::string in;
    std::size_t wanted = std::string::npos;
    while (wanted == std::string::npos || in.size() < wanted) {
        char block[4096];
        boost::system::error_code error;
        const auto n = socket.read_some(asio::buffer(block), error);
        if (error) break;
        in.append(block, n);
        const auto end = in.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        const auto length = in.find("Content-Length: ");
        wanted = end + 4 + (length < end ? std::stoul(in.substr(length + 16)) : 0);
    }
    return in;
}

/// One connection, one scripted answer.
class Server {
public:
    using Script = std::function<void(asio::ip::tcp::socket&)>;

    explicit Server(Script script) : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}) {
        thread_ = std::jthread([this, script = std::move(script)] {
            boost::system::error_code error;
            auto socket = acceptor_.accept(error);
            if (!error) script(socket);
        });
    }
    /// Answers `bytes` and closes; keeps what was asked.
    explicit Server(std::string bytes)
        : Server([this, bytes = std::move(bytes)](asio::ip::tcp::socket& socket) {
              request = read_request(socket);
              boost::system::error_code error;
              asio::write(socket, asio::buffer(bytes), error);
          }) {}

    [[nodiscard]] HttpCall call() const {
        HttpCall call;
        call.url.host = "127.0.0.1";
        call.url.port = acceptor_.local_endpoint().port();
        call.timeout_ms = 5000;
        return call;
    }
    void join() { thread_.join(); }

    std::string request;

private:
    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_;
    std::jthread thread_;
};

struct TemporaryDir {
    fs::path path = fs::temp_directory_path() / ("lurus-http-client-" + *lurus::random_hex(8));
    TemporaryDir() { fs::create_directories(path); }
    TemporaryDir(const TemporaryDir&) = delete;
    TemporaryDir& operator=(const TemporaryDir&) = delete;
    ~TemporaryDir() { fs::remove_all(path); }
};

/// A self-signed certificate for `localhost` and 127.0.0.1.
void make_certificate(const fs::path& dir) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* file = std::fopen((dir / "cert.pem").string().c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen((dir / "key.pem").string().c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

Server::Script tls_script(const fs::path& dir) {
    return [dir](asio::ip::tcp::socket& socket) {
        auto certificate = lurus::read_server_certificate((dir / "cert.pem").string(), (dir / "key.pem").string());
        REQUIRE(certificate.has_value());
        lurus::SslPtr tls(SSL_new(certificate->context.get()));
        SSL_set_fd(tls.get(), static_cast<int>(socket.native_handle()));
        if (SSL_accept(tls.get()) != 1) return;
        char block[4096];
        if (SSL_read(tls.get(), block, sizeof block) <= 0) return;
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure";
        SSL_write(tls.get(), answer.data(), static_cast<int>(answer.size()));
        SSL_shutdown(tls.get());
    };
}

}  // namespace

TEST_CASE("http client: request as sent, answer as read") {
    Server server(
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: "
        "2\r\n\r\n{}ignored");
    auto call = server.call();
    call.method = "POST";
    call.target = "/v1/x?y=1";
    call.headers = {{"authorization", "Bearer k"}};
    call.body = "{\"a\":1}";
    const auto answer = http_exchange(call);
    server.join();
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK(answer->status == 201);
    CHECK(answer->body == "{}");
    CHECK(answer->header("content-type") == "application/json");
    CHECK(answer->header("x-two") == "a");
    CHECK(server.request.starts_with("POST /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(call.url.port) +
                                     "\r\n"));
    CHECK(server.request.contains("authorization: Bearer k\r\n"));
    CHECK(server.request.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_CASE("http client: the body's three ends, and interim answers") {
    Server chunked(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: "
        "1\r\n\r\n");
    auto a = http_exchange(chunked.call());
    REQUIRE_MESSAGE(a.has_value(), a.error().message);
    CHECK(a->body == "abc0123456789abcdef");

    Server until_close("HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'z'));
    auto b = http_exchange(until_close.call());
    REQUIRE_MESSAGE(b.has_value(), b.error().message);
    CHECK(b->body == std::string(100'000, 'z'));

    Server interim("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    auto c = http_exchange(interim.call());
    REQUIRE_MESSAGE(c.has_value(), c.error().message);
    CHECK(c->status == 204);
    CHECK(c->body.empty());

    Server head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    auto call = head.call();
    call.method = "HEAD";
    auto d = http_exchange(call);
    REQUIRE_MESSAGE(d.has_value(), d.error().message);
    CHECK(d->body.empty());
}

TEST_CASE("http client: an answer that is compressed unasked is decoded, and what is damaged is told") {
    using namespace std::string_literals;
    const std::string coded =
        "\037\213\010\000\000\000\000\000\002\003\253\126\112\111\054\111\124\262\212\216\255\005\000\224\144\262\136\013\000\000\000"s;
    const auto answered = [&](const std::string& encoding, const std::string& body) {
        Server server("HTTP/1.1 200 OK\r\nContent-Encoding: " + encoding +
                      "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        return http_exchange(server.call());
    };
    const auto answer = answered("GZIP", coded);
    REQUIRE(answer);
    CHECK(answer->body == R"({"data":[]})");
    CHECK(answer->header("content-encoding").empty());
    CHECK(answered("identity", "plain")->body == "plain");
    for (const auto& [encoding, body] :
         {std::pair("gzip"s, coded.substr(0, 20)), {"gzip"s, "plain"s}, {"compress"s, coded}}) {
        const auto bad = answered(encoding, body);
        REQUIRE_FALSE(bad);
        CHECK(bad.error().code == ErrorCode::unavailable);
    }
}

TEST_CASE("http client: failures say what happened") {
    const auto error_of = [](const std::string& bytes) {
        Server server(bytes);
        auto answer = http_exchange(server.call());
        REQUIRE_FALSE(answer.has_value());
        return answer.error();
    };
    CHECK(error_of("").message.contains("without an answer"));
    CHECK(error_of("HTTP/1.1 200 OK\r\nCont").message.contains("head"));
    CHECK(error_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").message.contains("body"));
    CHECK(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").message.contains("malformed"));
    CHECK(error_of("SSH-2.0-OpenSSH\r\n\r\n").message.contains("HTTP"));

    Server big("HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'z'));
    auto call = big.call();
    call.max_body_bytes = 4999;
    CHECK(http_exchange(call).error().code == ErrorCode::resource_exhausted);

    HttpCall refused;
    refused.url.host = "127.0.0.1";
    {
        asio::io_context context;
        asio::ip::tcp::acceptor free_port(context, {asio::ip::address_v4::loopback(), 0});
        refused.url.port = free_port.local_endpoint().port();
    }
    CHECK(http_exchange(refused).error().code == ErrorCode::unavailable);

    HttpCall bad;
    bad.url.host = "127.0.0.1";
    bad.target = "/a\r\nX: y";
    CHECK(http_exchange(bad).error().code == ErrorCode::invalid_argument);
    bad.target = "/";
    bad.headers = {{"x", "a\r\nb: c"}};
    const auto injected = http_exchange(bad);
    CHECK(injected.error().code == ErrorCode::invalid_argument);
    CHECK_FALSE(injected.error().message.contains("b: c"));
}

TEST_CASE("http client: silence ends at the deadline") {
    Server server([](asio::ip::tcp::socket& socket) {
        read_request(socket);
        asio::write(socket, asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")));
        read_request(socket);
    });
    auto call = server.call();
    call.timeout_ms = 100;
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = http_exchange(call);
    const auto took = std::chrono::steady_clock::now() - begin;
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == ErrorCode::timeout);
    CHECK(took >= std::chrono::milliseconds(95));
    CHECK(took < std::chrono::seconds(3));
}

TEST_CASE("http client: a body is handed on as it comes, whatever its size, until no more of it is wanted") {
    const std::string body(1 << 20, 'x');
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    std::size_t got = 0, most = 0;
    {
        Server server(head + body);
        auto call = server.call();
        call.max_body_bytes = 64 << 10;
        call.on_piece = [&](std::string_view piece) {
            got += piece.size();
            most = std::max(most, piece.size());
            return true;
        };
        const auto answer = http_exchange(call);
        REQUIRE(answer.has_value());
        CHECK(answer->status == 200);
        CHECK(answer->body.empty());
        CHECK(got == body.size());
        CHECK(most <= (64 << 10));
    }
    {
        Server server(head + body);
        auto call = server.call();
        call.on_piece = [&](std::string_view piece) {
            got = piece.size();
            return false;
        };
        CHECK(http_exchange(call).has_value());
        CHECK(got < body.size());
    }
    Server server("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
    auto call = server.call();
    call.on_piece = [](std::string_view) -> bool {
        throw std::runtime_error("a refusal is no part of what was asked for");
    };
    const auto refused = http_exchange(call);
    REQUIRE(refused.has_value());
    CHECK(refused->body == "none");
}

TEST_CASE("http client: a server that does not read still gets its answer through or times out") {
    Server silent([](asio::ip::tcp::socket& socket) {
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        boost::system::error_code ignored;
        socket.close(ignored);
    });
    auto call = silent.call();
    call.method = "POST";
    call.body = std::string(32 << 20, 'x');
    call.timeout_ms = 100;
    const auto answer = http_exchange(call);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == ErrorCode::timeout);
}

TEST_CASE("http client: over a Unix socket") {
    if (!lurus::platform::has_local_sockets()) return;
    const TemporaryDir dir;
    const auto path = (dir.path / "s").string();
    asio::io_context context;
    asio::local::stream_protocol::acceptor acceptor(context, asio::local::stream_protocol::endpoint(path));
    std::jthread server([&] {
        auto socket = acceptor.accept();
        read_request(socket);
        asio::write(socket, asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix")));
    });
    HttpCall call;
    call.unix_socket = path;
    call.url.host = "localhost";
    call.url.port = 80;
    const auto answer = http_exchange(call);
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK(answer->body == "unix");
    call.unix_socket = std::string(200, 'x');
    CHECK(http_exchange(call).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("http client: TLS verifies roots and host name") {
    lurus::outlive_broken_pipes();  // the test's server writes through OpenSSL, to a client that may be gone
    const TemporaryDir dir;
    make_certificate(dir.path);
    const auto exchange = [&](const std::string& host, const std::string& ca_file, bool verify) {
        Server server(tls_script(dir.path));
        auto call = server.call();
        call.url.tls = true;
        call.url.host = host;
        call.ca_file = ca_file;
        call.tls_verify = verify;
        return http_exchange(call);
    };
    const auto ca = (dir.path / "cert.pem").string();
    const auto good = exchange("localhost", ca, true);
    REQUIRE_MESSAGE(good.has_value(), good.error().message);
    CHECK(good->body == "secure");
    const auto unknown_root = exchange("localhost", "", true);
    REQUIRE_FALSE(unknown_root.has_value());
    CHECK(unknown_root.error().message.contains("certificate"));
    const auto wrong_host = exchange("127.0.0.1", ca, true);
    REQUIRE_FALSE(wrong_host.has_value());
    CHECK(wrong_host.error().message.contains("certificate"));
    CHECK(exchange("127.0.0.1", "", false).has_value());
    const auto no_file = exchange("localhost", "/nonexistent/ca.pem", true);
    REQUIRE_FALSE(no_file.has_value());
    CHECK(no_file.error().message.contains("/nonexistent/ca.pem"));
}
