#include "modules/gateway/session/browser.hpp"

#include <doctest/doctest.h>

using namespace lurus;
using namespace lurus::gateway;

namespace {

struct Page {
    GatewaySettings settings;
    http1::RequestHead head;

    explicit Page(std::string_view host) { head.host = host; }
    Page& field(std::string_view name, std::string_view value) {
        head.fields.push_back(http1::Field{name, value});
        return *this;
    }
    std::string_view refused() const {
        const auto found = foreign_page(head, settings);
        return found ? found->reason : std::string_view();
    }
};

}  // namespace

TEST_CASE("origins: exact, of any port, below a name, of a scheme") {
    const auto listed = [](std::string pattern, std::string_view origin) {
        return is_listed_origin({std::move(pattern)}, origin);
    };
    CHECK(listed("https://app.example.com", "https://app.example.com"));
    CHECK(listed("https://app.example.com", "https://APP.example.com"));
    CHECK(listed("https://app.example.com:443", "https://app.example.com"));
    for (const char* other :
         {"http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.org",
          "https://evil.org", "null", "", "https://", "app.example.com"})
        CHECK_FALSE(listed("https://app.example.com", other));
    CHECK(listed("http://localhost:*", "http://localhost:3000"));
    CHECK(listed("http://localhost:*", "http://localhost"));
    CHECK_FALSE(listed("http://localhost:*", "http://localhost.evil.org:3000"));
    CHECK(listed("https://*.example.com", "https://a.b.example.com"));
    CHECK_FALSE(listed("https://*.example.com", "https://example.com"));
    CHECK_FALSE(listed("https://*.example.com", "https://evilexample.com"));
    CHECK(listed("vscode-webview://*", "vscode-webview://0a1b"));
    CHECK_FALSE(listed("vscode-webview://*", "https://0a1b"));
    CHECK(listed("null", "null"));
    CHECK(listed("*", "null"));
    CHECK(listed("http://[::1]:*", "http://[::1]:5173"));
    CHECK_FALSE(is_listed_origin({}, "null"));
}

TEST_CASE("hosts: this machine's names, and those that are allowed") {
    for (const char* own : {"localhost", "LOCALHOST:18100", "localhost.", "app.localhost:1", "127.0.0.1",
                            "127.9.9.9:80", "[::1]:18100", "[::1]", "host.docker.internal:18100"})
        CHECK(is_own_host(own, {"host.docker.internal"}));
    for (const char* other : {"evil.org", "localhost.evil.org", "evillocalhost", "192.0.2.1", "0.0.0.0:18100", "[::2]",
                              "127.0.0.1.evil.org", "[::1].evil.org", "docker.internal", "[::1", "2130706433"})
        CHECK_FALSE_MESSAGE(is_own_host(other, {"host.docker.internal"}), std::string(other));
    CHECK(is_own_host("192.0.2.1:1", {"192.0.2.1"}));
}

TEST_CASE("a page of another origin is foreign, whichever way a browser says so") {
    CHECK(Page("localhost:1").refused().empty());
    CHECK(Page("").refused().empty());
    CHECK(Page("evil.org").refused() == "host");
    CHECK(Page("localhost:1").field("Origin", "https://evil.org").refused() == "origin");
    CHECK(Page("localhost:1").field("Origin", "null").refused() == "origin");
    CHECK(Page("localhost:1").field("Origin", "http://localhost:1").refused().empty());
    CHECK(Page("localhost:1").field("Origin", "http://localhost:2").refused() == "origin");
    CHECK(Page("evil.org").field("Origin", "http://evil.org").refused() == "host");
    CHECK(Page("localhost:1").field("Sec-Fetch-Site", "cross-site").refused() == "origin");
    CHECK(Page("localhost:1").field("Sec-Fetch-Site", "same-site").refused() == "origin");
    CHECK(Page("localhost:1").field("Sec-Fetch-Site", "none").refused().empty());
    Page listed("localhost:1");
    listed.settings.cors_origins = {"https://app.example.com"};
    listed.field("Sec-Fetch-Site", "cross-site").field("origin", "https://app.example.com");
    CHECK(listed.refused().empty());
    CHECK(listed.field("origin", "https://evil.org").refused() == "origin");
}

TEST_CASE("CORS fields take the place of the vendor's") {
    const std::string head =
        "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\nX-A: 1\r\nAccess-Control-Expose-Headers: x\r\n\r\n";
    CHECK(with_cors(head, "") == head);
    CHECK(with_cors(head, "Access-Control-Allow-Origin: o\r\n") ==
          "HTTP/1.1 200 OK\r\nX-A: 1\r\nAccess-Control-Allow-Origin: o\r\n\r\n");
}
