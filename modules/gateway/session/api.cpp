// The management API and the pages, as a session sees them: asked on a control-plane thread, answered whole or piece by
// piece.

#include <spdlog/spdlog.h>

#include "core/os/release.hpp"
#include "modules/gateway/answer/chunk_size.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::uint64_t at_once_body = 64 << 10;  // read without asking who sends it, when it came with the head

/// A body that is being made. The session has it, but for the time of a pull: then a control-plane thread has.
struct BodySource {
    explicit BodySource(ApiStream made_by) : next(std::move(made_by)) {}

    ApiStream next;
    Result<ApiPiece> piece;
    bool pulled = false;  // the session's
};

std::string chunk_of(std::string bytes) {
    const ChunkSize size(bytes.size());
    bytes.insert(0, size.text());
    bytes += "\r\n";
    return bytes;
}

// Everything but the body.
ApiCall call_of(const Session& session, const Request& request) {
    ApiCall call;
    call.request.method = std::string(request.head.method);
    call.target = std::string(request.head.target);
    call.authorization = std::string(request.head.value("authorization"));
    if (session.peer()) call.request.remote_address = session.peer()->text();
    call.request.tls = session.is_tls();
    for (const auto name : api_headers) {
        const std::string_view value = name == "host" ? request.head.host : request.head.value(name);
        if (!value.empty()) call.request.headers.emplace(name, value);
    }
    return call;
}

}  // namespace

asio::awaitable<void> Session::serve_api(Request& request) {
    ApiCall call = call_of(*this, request);
    if (!take_body(*this, request, at_once_body)) {
        ApiBodyVerdict verdict = co_await judge_api(call);
        if (verdict.refusal) {
            shard.metrics.count_refused(request.path_class, "api", false);
            drop_unread(*this, request);
            co_await respond_api(request, *verdict.refusal);
            co_return;
        }
        call.judged = true;
        if (!co_await read_body(*this, request, verdict.max_body_bytes)) co_return;
    }
    call.request.body = request.chunked_body.empty() ? std::string(request.body) : std::move(request.chunked_body);
    release(request.bytes);  // the call has all of it
    auto answer = std::make_shared<std::optional<ApiResponse>>();
    services_.call_api(shard, std::move(call), [self = shared_from_this(), answer](ApiResponse response) {
        *answer = std::move(response);
        self->signal.notify();
    });
    while (!answer->has_value()) co_await signal.wait();
    co_await respond_api(request, **answer);
}

asio::awaitable<bool> Session::may_see_installation(const Request& request) {
    ApiCall call = call_of(*this, request);
    call.request.method = "GET";
    call.target = std::string(api_root) + "status";
    const ApiBodyVerdict verdict = co_await judge_api(call);
    co_return !verdict.refusal;
}

// Who sends a body that is large or not here yet is asked for first.
asio::awaitable<ApiBodyVerdict> Session::judge_api(const ApiCall& call) {
    auto judged = std::make_shared<std::optional<ApiBodyVerdict>>();
    services_.judge_api(shard, call, [self = shared_from_this(), judged](ApiBodyVerdict verdict) {
        *judged = std::move(verdict);
        self->signal.notify();
    });
    while (!judged->has_value()) co_await signal.wait();
    co_return std::move(**judged);
}

asio::awaitable<void> Session::respond_api(const Request& request, ApiResponse& response) {
    std::string extra;
    for (const auto& [name, value] : response.headers) extra += name + ": " + value + "\r\n";
    shard.metrics.count_local(response.status);
    if (response.stream) {
        co_await respond_in_pieces(request, response, extra);
    } else {
        co_await respond(request, response.status, std::move(response.body), response.content_type, extra);
    }
}

// No piece is asked for before the one before it is with the socket, so at most one is held here.
asio::awaitable<void> Session::respond_in_pieces(const Request& request, ApiResponse& response,
                                                 std::string_view extra_fields) {
    auto source = std::make_shared<BodySource>(std::move(response.stream));
    response.stream = nullptr;
    const bool chunked = request.head.minor_version > 0;
    if (!chunked) keep_alive_ = false;  // the end of the connection is the end of the body
    const std::string fields = std::string(extra_fields) + (chunked ? "Transfer-Encoding: chunked\r\n" : "");
    std::string head =
        local_head(response.status, response.content_type, std::nullopt, keep_alive_, &request.trace_id, fields);
    if (response.content_type.starts_with("text/event-stream")) ask_for_no_buffering(head);
    bool whole = request.head_only;
    if (co_await send(std::move(head))) {
        while (!whole) {
            source->pulled = false;
            services_.run_blocking(
                shard, [source] { source->piece = source->next(); },
                [self = shared_from_this(), source] {
                    source->pulled = true;
                    self->signal.notify();
                });
            while (!source->pulled) co_await signal.wait();
            if (gone_) break;
            if (!source->piece) {
                spdlog::warn("an answer of the management API broke off: {}", source->piece.error().message);
                break;
            }
            const int pause_ms = source->piece->pause_ms;
            std::string bytes = std::move(source->piece->bytes);
            // What may go on for ever ends well when the server does.
            whole = pause_ms > 0 ? shard.draining() : bytes.empty();
            if (!bytes.empty()) {
                if (chunked) bytes = chunk_of(std::move(bytes));
                if (!co_await send(std::move(bytes))) break;
            }
            if (pause_ms == 0 || whole) continue;
            set_deadline(pause_ms);
            while (!timed_out_ && !gone_) co_await signal.wait();
            set_deadline(0);
            if (gone_) break;
        }
    }
    if (whole && chunked && !request.head_only) {
        std::string end = "0\r\n\r\n";
        co_await send(std::move(end));
    }
    if (!whole && !gone_) abort();
    services_.run_blocking(shard, [source] { source->next = nullptr; }, [] {});
}

}  // namespace lurus::gateway
