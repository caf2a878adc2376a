#include "modules/gateway/session/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <new>

#include <spdlog/spdlog.h>

#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/attempt/websocket_relay.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/browser.hpp"
#include "modules/gateway/session/client_address.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

Session::Session(Shard& own_shard, AcceptedSocket socket, Services& services, SslPtr tls, bool open, bool local)
    : ClientConnection(own_shard, std::move(socket), std::move(tls)),
      limits(own_shard),
      services_(services),
      open_(open),
      local_(local) {}

Session::~Session() = default;

void Session::start(const std::shared_ptr<Session>& session) {
    session->shard.add(session);
    try {
        // The coroutine keeps the session; the shard's list is for the sweep.
        asio::co_spawn(
            session->shard.io(),
            [](std::shared_ptr<Session> self) -> asio::awaitable<void> {
                try {
                    co_await self->run();
                } catch (const std::exception& e) {
                    spdlog::error("session ended by an exception: {}", e.what());
                }
                self->close();
                self->shard.remove(self.get());
            }(session),
            asio::detached);
    } catch (const std::bad_alloc&) {
        session->close();
        session->shard.remove(session.get());
        throw;
    }
}

void Session::on_committed(bool) {
    record_safe_ = true;
    signal.notify();
}

asio::awaitable<void> Session::run() {
    if (is_tls() && !co_await handshake()) {
        if (!is_tls()) co_await answer_plain_http();
        co_return;
    }
    while (keep_alive_ && !gone_) {
        std::unique_ptr<Request> request;
        if (co_await read_head(*this, request) == 0) break;
        ++shard.metrics.in_flight;
        appended_ = false;
        const std::uint64_t sent_before = bytes_sent();
        bool no_memory = false;
        try {
            co_await serve(*request);
        } catch (const std::bad_alloc&) {
            no_memory = true;
        } catch (...) {
            --shard.metrics.in_flight;
            limits.clear();
            throw;
        }
        if (no_memory) co_await end_without_memory(*request, bytes_sent() != sent_before);
        --shard.metrics.in_flight;
        limits.clear();
        set_deadline(0);
        set_keepalive(0);
        request.reset();
        if (gone_ || (!flushed() && !co_await flush())) break;
    }
    if (!gone_) co_await linger();
}

asio::awaitable<void> Session::answer_plain_http() {
    constexpr std::string_view text =
        "This port speaks HTTPS only, and this request came as plain HTTP: write https:// in the address.\n";
    shard.metrics.count_local(400);
    std::string answer = local_head(400, "text/plain; charset=utf-8", text.size(), false, nullptr);
    answer += text;
    if (co_await send(std::move(answer))) co_await linger();
}

// The way of a request: see docs/architecture.md.
asio::awaitable<void> Session::serve(Request& request) {
    request.address = client_address(peer_, request.head, request.snapshot->settings);
    if (is_own(path_of(request.head.target))) {
        co_await serve_own(*this, request);
        co_return;
    }
    const std::optional<MatchError> unmatched = route(request);
    if (note_origin(request)) {
        co_await answer_preflight(*this, request);
        co_return;
    }
    std::optional<EarlyRefusal> refused = authenticate(*this, request);
    if (!refused) refused = from_old_mirror(request);
    if (!refused) refused = from_foreign_page(*this, request);
    if (!refused && unmatched) refused = bad_path(request, *unmatched);
    if (refused) {
        EarlyRefusal why = *std::move(refused);
        co_await refuse_early(*this, request, std::move(why));
        co_return;
    }
    const std::uint64_t cap = body_cap(*this, request);
    if (!take_body(*this, request, cap)) {
        if (std::string rule = broken_rule(request); !rule.empty()) {
            start_record(*this, request);
            drop_unread(*this, request);
            co_await refuse(request, 403, rule);
            co_return;
        }
        if (passes_body(request)) {
            if (std::optional<EarlyRefusal> large = begin_upload(*this, request)) {
                EarlyRefusal why = *std::move(large);
                co_await refuse_early(*this, request, std::move(why));
                co_return;
            }
        } else if (!co_await read_body(*this, request, cap)) {
            co_return;
        }
    }
    if (request.endpoint.operation == Operation::models_list || request.endpoint.operation == Operation::model_get) {
        co_await serve_models(*this, request);
        co_return;
    }
    if (is_coded(request) && !co_await decode_body(*this, request)) co_return;
    if (auto rejection = admit(*this, request)) {
        if (request.upload) drop_unread(*this, request);
        co_await reject(*this, request, std::move(rejection));
        co_return;
    }
    if (request.endpoint.websocket && asks_for_websocket(request.head)) {
        co_await relay_websocket(*this, request);
    } else {
        co_await relay_request(*this, request);
    }
}

// What the request held is given back first, so that there is memory to say so.
asio::awaitable<void> Session::end_without_memory(Request& request, bool begun) {
    constexpr std::string_view message = "there was no memory left for this request; try again shortly";
    spdlog::warn("{}: a request ended for want of memory", request.trace_id.hex());
    drop_unread(*this, request);
    request.release_sent();
    end_keep_alive();
    try {
        shard.metrics.count_refused(request.path_class, "no_memory", !request.record.record_id.is_zero());
        if (!appended_ && !request.record.record_id.is_zero()) {
            request.record.status = begun ? 200 : 503;
            request.record.end = End::error;
            request.record.error = message;
            request.record.duration_us = shard.clock.monotonic_us() - request.started_us;
            co_await commit(std::move(request.record));
        }
        if (!begun) {
            co_await respond_error(request, 503, message, "Retry-After: 5\r\n");
            co_return;
        }
    } catch (const std::bad_alloc&) {
        // Then the client is told by the end of the connection.
    }
    abort();
}

bool Session::append(RequestRecord& record) {
    appended_ = true;
    shard.metrics.count(record);
    limits.settle(record);
    if (!shard.snapshot->settings.log_enabled) return false;
    record_safe_ = false;
    shard.append_at_turn_end(std::move(record), *this);
    return true;
}

asio::awaitable<void> Session::until_safe() {
    while (!record_safe_) co_await signal.wait();
}

asio::awaitable<void> Session::commit(RequestRecord record) {
    if (append(record)) co_await until_safe();
}

asio::awaitable<void> Session::respond(const Request& request, int status, std::string body,
                                       std::string_view content_type, std::string_view extra_fields) {
    limits.leave();
    std::string out = local_head(status, content_type, body.size(), keep_alive_, &request.trace_id, extra_fields);
    if (!request.cors.empty()) out = with_cors(std::move(out), request.cors);
    if (!request.head_only) out += body;
    co_await send(std::move(out));
}

asio::awaitable<void> Session::respond_error(const Request& request, int status, std::string_view message,
                                             std::string_view extra_fields) {
    shard.metrics.count_local(status);
    std::string body = error_body(request.family, status, message, request.trace_id);
    co_await respond(request, status, std::move(body), "application/json", extra_fields);
}

asio::awaitable<void> Session::refuse(Request& request, int status, std::string_view message,
                                      std::string_view extra_fields) {
    std::string body = error_body(request.family, status, message, request.trace_id);
    co_await refuse_with(request, status, message, std::move(body), extra_fields);
}

asio::awaitable<void> Session::refuse_with(Request& request, int status, std::string_view message, std::string body,
                                           std::string_view extra_fields) {
    RequestRecord& record = request.record;
    record.status = status;
    record.end = End::error;
    record.error = std::string(message.substr(0, 512));
    record.ttfb_us = record.duration_us = shard.clock.monotonic_us() - request.started_us;
    record.bytes_out = static_cast<std::int64_t>(body.size());
    co_await commit(std::move(record));
    const std::string fields = limits.fields(request) + std::string(extra_fields);
    co_await respond(request, status, std::move(body), "application/json", fields);
}

}  // namespace lurus::gateway
