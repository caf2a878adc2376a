#pragma once
// One HTTP/1.1 exchange for the control plane: blocking, a connection of its own, real deadlines. The data plane has
// its own pools.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/outside.hpp"
#include "lurus/provider.hpp"
#include "lurus/result.hpp"

namespace lurus {

struct HttpCall {
    std::string method = "GET";
    Url url;                                                   // where to connect; its path is not used
    std::string target = "/";                                  // path and query as sent
    std::vector<std::pair<std::string, std::string>> headers;  // Host, Content-Length and Connection are set here
    std::string body;
    std::string unix_socket;          // set: connect there; `url` gives the Host header
    int connect_timeout_ms = 10'000;  // name, TCP and TLS together
    int timeout_ms = 60'000;          // the whole exchange after that
    OutsideLimit limit;               // of all of it, beside the two
    std::size_t max_body_bytes = 32 << 20;
    bool tls_verify = true;
    std::string ca_file;  // roots beside the system's, as a file or
    std::string roots;    // as its PEM text
    /// Set: takes the body of a 2xx as it comes, which the answer then lacks; it may be of any size, and `timeout_ms`
    /// counts from the piece before. False: no more of it is wanted, and the exchange is over.
    std::function<bool(std::string_view piece)> on_piece;
};

struct HttpAnswer {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // lower-case names, in order
    std::string body;

    /// The first header of that lower-case name, or empty.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Any thread; blocks at most the two timeouts. A 4xx/5xx is an answer. `unavailable`: not reached, broke off, was
/// stopped, or was not HTTP; `timeout`; `invalid_argument`: a header or target that cannot be sent;
/// `resource_exhausted`: the body is over the cap.
Result<HttpAnswer> http_exchange(const HttpCall& call);

}  // namespace lurus
