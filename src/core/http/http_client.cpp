#include "core/http/http_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "core/http/content_coding.hpp"
#include "core/io/channel.hpp"
#include "core/io/left_behind.hpp"
#include "core/io/tls.hpp"
#include "core/os/files.hpp"
#include "core/text/ascii.hpp"

namespace lurus {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;
using Endpoints = std::vector<asio::ip::tcp::endpoint>;

constexpr std::size_t max_head_bytes = 256 << 10;
constexpr std::string_view stopped_text = "the call was ended, because the server stops";

bool is_field_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").contains(c);
    });
}

bool is_field_value(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); });
}

bool is_target(std::string_view text) {
    return text.starts_with('/') && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

/// getaddrinfo cannot be given a deadline.
Result<Endpoints> resolve(const std::string& host, std::uint16_t port, const OutsideLimit& limit) {
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (!error) return Endpoints{asio::ip::tcp::endpoint(address, port)};
    auto found = result_within<Result<Endpoints>>(limit, [host, port]() -> Result<Endpoints> {
        asio::io_context context;
        asio::ip::tcp::resolver resolver(context);
        error_code why;
        Endpoints endpoints;
        const auto results = resolver.resolve(host, std::to_string(port), why);
        for (const auto& entry : results) endpoints.push_back(entry.endpoint());
        if (!why && !endpoints.empty()) return endpoints;
        return fail(ErrorCode::unavailable,
                    "the name " + host + " cannot be resolved" + (why ? ": " + why.message() : std::string()));
    });
    if (found) return *std::move(found);
    if (limit.stop.stop_requested()) return fail(ErrorCode::unavailable, host + ": " + std::string(stopped_text));
    return fail(ErrorCode::timeout, "the name " + host + " was not resolved in time");
}

class Exchange {
public:
    explicit Exchange(const HttpCall& call) : call_(call) {}

    Result<HttpAnswer> run() {
        const std::stop_callback wake(call_.limit.stop, [this] { asio::post(context_, [] {}); });
        set_deadline(call_.connect_timeout_ms);
        if (auto connected = connect(); !connected) return std::unexpected(connected.error());
        set_deadline(call_.timeout_ms);
        // A server may answer (413, 401) and close without reading everything: its answer counts, not our failed write.
        const auto sent = send();
        if (!sent && (sent.error().code == ErrorCode::timeout || stopped())) return std::unexpected(sent.error());
        auto answer = receive();
        if (!answer && !sent) return std::unexpected(sent.error());
        return answer;
    }

private:
    void set_deadline(int ms) {
        deadline_ = std::min(SteadyClock::now() + std::chrono::milliseconds(ms), call_.limit.until);
    }
    [[nodiscard]] bool stopped() const { return call_.limit.stop.stop_requested(); }
    [[nodiscard]] std::string peer() const {
        return call_.unix_socket.empty() ? call_.url.authority() : call_.unix_socket;
    }
    [[nodiscard]] std::unexpected<Error> broken(const std::string& why) const {
        return fail(ErrorCode::unavailable, peer() + ": " + why);
    }
    [[nodiscard]] std::unexpected<Error> late(const std::string& doing) const {
        if (stopped()) return broken(std::string(stopped_text));
        return fail(ErrorCode::timeout, peer() + ": " + doing + " took too long");
    }

    /// Starts an operation and runs until its handler was called; false when the deadline passed or it was stopped.
    template <class Start>
    bool wait(Start&& start, error_code& result) {
        std::optional<error_code> done;
        start([&done](const error_code& e) { done = e; });
        context_.restart();
        while (!done && !stopped() && context_.run_one_until(deadline_) != 0) {
        }
        if (!done) {
            if (channel_) channel_->close();
            connecting_.reset();
            context_.restart();
            context_.run();
            return false;
        }
        result = *done;
        return true;
    }

    bool wait_for(bool writable) {
        error_code error;
        return wait(
                   [&](auto handler) {
                       if (writable) {
                           channel_->when_writable(std::move(handler));
                       } else {
                           channel_->when_readable(std::move(handler));
                       }
                   },
                   error) &&
               !error;
    }

    Result<void> connect() {
        std::vector<Connecting::Endpoint> endpoints;
        if (call_.unix_socket.empty()) {
            auto found = resolve(call_.url.host, call_.url.port, {deadline_, call_.limit.stop});
            if (!found) return std::unexpected(found.error());
            endpoints.assign(found->begin(), found->end());
        } else if (call_.unix_socket.size() < 108) {
            endpoints.emplace_back(asio::local::stream_protocol::endpoint(call_.unix_socket));
        } else {
            return fail(ErrorCode::invalid_argument, "the socket's path " + call_.unix_socket + " is too long");
        }
        error_code error = asio::error::host_not_found;
        for (const auto& endpoint : endpoints) {
            connecting_.emplace(context_, endpoint);
            if (!wait([&](auto handler) { connecting_->when_connected(std::move(handler)); }, error))
                return late("connecting");
            if (!error) break;
        }
        if (error) return broken("cannot connect: " + error.message());
        channel_.emplace(context_, connecting_->take());
        connecting_.reset();
        return call_.url.tls && call_.unix_socket.empty() ? handshake() : Result<void>();
    }

    Result<void> handshake() {
        auto roots = call_.ca_file.empty() ? Result<std::string>(call_.roots) : read_file(call_.ca_file);
        if (!roots) return fail(ErrorCode::invalid_argument, "cannot read roots: " + roots.error().message);
        auto tls = make_tls_client(call_.tls_verify, *roots);
        if (!tls && !call_.ca_file.empty()) return fail(tls.error().code, call_.ca_file + ": " + tls.error().message);
        if (!tls) return std::unexpected(tls.error());
        auto connection = make_tls_connection(tls->get(), call_.url.host, call_.tls_verify);
        if (!connection) return std::unexpected(connection.error());
        SSL* ssl = connection->get();
        channel_->use_tls(std::move(*connection));
        for (;;) {
            const Io state = channel_->handshake();
            if (state == Io::ok) return {};
            if (state == Io::again) {
                if (!wait_for(channel_->wants_write())) return late("the TLS handshake");
                continue;
            }
            const long verdict = SSL_get_verify_result(ssl);
            if (call_.tls_verify && verdict != X509_V_OK) {
                return broken(std::string("its certificate is not accepted: ") +
                              X509_verify_cert_error_string(verdict));
            }
            return broken("the TLS handshake failed: " + channel_->error());
        }
    }

    Result<void> send() {
        http::request<http::empty_body> request;
        request.version(11);
        request.method_string(call_.method);
        request.target(call_.target);
        request.set(http::field::host, call_.url.authority());
        for (const auto& [name, value] : call_.headers) request.insert(name, value);
        if (!call_.body.empty() || call_.method != "GET") {
            request.set(http::field::content_length, std::to_string(call_.body.size()));
        }
        request.set(http::field::connection, "close");
        std::ostringstream text;
        text << request.base();
        const std::string head = text.str();
        std::array<asio::const_buffer, 2> buffers{asio::buffer(head), asio::buffer(call_.body)};
        while (buffers[0].size() + buffers[1].size() > 0) {
            const auto [state, bytes] = channel_->write(buffers);
            if (state == Io::again) {
                if (!wait_for(channel_->is_tls() ? channel_->wants_write() : true)) return late("sending the request");
            } else if (state != Io::ok) {
                return broken("the connection broke while the request was sent: " + channel_->error());
            }
            const std::size_t from_head = std::min(bytes, buffers[0].size());
            buffers[0] += from_head;
            buffers[1] += bytes - from_head;
        }
        return {};
    }

    /// Appends what there is to `in_`; false at the end of the stream.
    Result<bool> read_more() {
        std::array<char, 16384> block;
        for (;;) {
            if (stopped() || SteadyClock::now() >= deadline_) return late("the answer");
            const auto [state, bytes] = channel_->read(block);
            switch (state) {
                case Io::ok: in_.append(block.data(), bytes); return true;
                case Io::eof: return false;
                case Io::error: return broken("the connection broke: " + channel_->error());
                case Io::again:
                    if (!wait_for(channel_->is_tls() && channel_->wants_write())) return late("the answer");
            }
        }
    }

    Result<HttpAnswer> receive() {
        for (;;) {
            Parser parser;
            if (call_.on_piece) {
                parser.body_limit(boost::none);
            } else {
                parser.body_limit(call_.max_body_bytes);
            }
            parser.header_limit(max_head_bytes);
            parser.eager(true);
            if (call_.method == "HEAD") parser.skip(true);
            if (auto done = parse(parser); !done) return std::unexpected(done.error());
            const int status = static_cast<int>(parser.get().result_int());
            if (status < 200 && status != 101) continue;  // interim
            HttpAnswer answer;
            answer.status = status;
            for (const auto& field : parser.get()) {
                answer.headers.emplace_back(lower_case(field.name_string()), std::string(field.value()));
            }
            answer.body = std::move(parser.get().body());
            if (!call_.on_piece && !answer.body.empty()) return decoded(std::move(answer));
            return answer;
        }
    }

    /// Nobody asks for compressed answers here, and some compress them all the same.
    Result<HttpAnswer> decoded(HttpAnswer answer) {
        http1::ResponseHead head;
        head.fields.push_back({"content-encoding", answer.header("content-encoding")});
        const ContentCodings codings = content_codings(head);
        if (codings.none()) return answer;
        if (!codings.unknown.empty()) return broken("the answer is in the unknown coding " + codings.unknown);
        ContentDecoder decoder(codings, call_.max_body_bytes);
        const std::string coded = std::exchange(answer.body, {});
        std::string_view rest = coded;
        std::array<char, 16384> piece;
        for (;;) {
            const auto step = decoder.decode(rest, piece);
            if (step.state == ContentDecoder::State::too_large) {
                return fail(ErrorCode::resource_exhausted,
                            peer() + ": the answer is larger than " + std::to_string(call_.max_body_bytes) + " bytes");
            }
            rest.remove_prefix(step.consumed);
            answer.body.append(piece.data(), step.produced);
            const bool stuck = step.consumed == 0 && step.produced == 0 && !rest.empty();
            if (step.state != ContentDecoder::State::good || stuck) return broken("the answer's coding is damaged");
            if (rest.empty() && step.produced < piece.size()) break;
        }
        if (!decoder.whole()) return broken("broke off in the answer's body");
        std::erase_if(answer.headers, [](const auto& each) {
            return each.first == "content-encoding" || each.first == "content-length";
        });
        return answer;
    }

    /// Hands on what there is of a 2xx body. False: no more is wanted.
    bool hand_on(Parser& parser) {
        std::string& body = parser.get().body();
        if (!call_.on_piece || body.empty() || parser.get().result_int() / 100 != 2) return true;
        const bool wanted = call_.on_piece(body);
        body.clear();
        set_deadline(call_.timeout_ms);
        return wanted;
    }

    Result<void> parse(Parser& parser) {
        bool first = true;
        while (!parser.is_done()) {
            error_code error;
            if (!in_.empty()) {
                in_.erase(0, parser.put(asio::buffer(in_), error));
                first = false;
            }
            if (!hand_on(parser)) return {};
            if (error == http::error::body_limit || parser.get().body().size() > call_.max_body_bytes) {
                return fail(ErrorCode::resource_exhausted,
                            peer() + ": the answer is larger than " + std::to_string(call_.max_body_bytes) + " bytes");
            }
            if (error && error != http::error::need_more) {
                return broken(parser.is_header_done() ? "the answer's body is malformed: " + error.message()
                                                      : "did not answer in HTTP: " + error.message());
            }
            if (parser.is_done()) break;
            const auto more = read_more();
            if (!more) return std::unexpected(more.error());
            if (*more) continue;
            if (first) return broken("closed the connection without an answer");
            if (!parser.is_header_done()) return broken("broke off in the answer's head");
            parser.put_eof(error);
            if (error) return broken("broke off in the answer's body");
        }
        return {};
    }

    const HttpCall& call_;
    asio::io_context context_{1};
    SteadyClock::time_point deadline_;
    std::optional<Connecting> connecting_;
    std::optional<Channel> channel_;
    std::string in_;
};

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return {};
}

Result<HttpAnswer> http_exchange(const HttpCall& call) {
    if (!is_field_name(call.method)) return fail(ErrorCode::invalid_argument, "invalid HTTP method");
    if (!is_target(call.target)) return fail(ErrorCode::invalid_argument, "invalid request target");
    for (const auto& [name, value] : call.headers) {
        if (!is_field_name(name) || !is_field_value(value))
            return fail(ErrorCode::invalid_argument, "the header '" + name + "' cannot be sent");
    }
    Exchange exchange(call);
    return exchange.run();
}

}  // namespace lurus
