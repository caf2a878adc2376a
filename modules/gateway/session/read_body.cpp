#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/text/ascii.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t uncounted = 64 * 1024;        // what a connection may hold anyway
constexpr std::size_t first_counted = 256 * 1024;   // of a body that says no length
constexpr int look_ms = 1000;                       // between two looks of who waits for room, or has it
constexpr std::int64_t slow_after_us = 10'000'000;  // a body that others wait for has that long at any pace
constexpr std::int64_t slow_bytes_a_second = 64 << 10;

// The head's bytes have moved to `request.bytes`, and what the endpoint has of the target moves with them.
void parse_again(Request& request, std::size_t head_size) {
    const std::string_view before = request.head.target;
    http1::parse_request_head(request.bytes, head_size, request.head);
    if (!request.endpoint.target.empty()) return;  // it has its target elsewhere
    for (std::string_view* part : {&request.endpoint.path_model, &request.endpoint.resource}) {
        if (!part->empty())
            *part = request.head.target.substr(static_cast<std::size_t>(part->data() - before.data()), part->size());
    }
}

void own_bytes(Session& session, Request& request, std::size_t total) {
    std::string& input = session.input();
    const std::size_t head_size = std::exchange(request.unread_head, 0);
    session.want_input(0);
    if (input.size() == total) {
        request.bytes = std::exchange(input, {});
    } else {
        request.bytes = input.substr(0, total);
        input.erase(0, total);
    }
    // The head's bytes stand where they were parsed unless the buffer grew or was shared with the next request.
    if (request.head.target.data() != request.bytes.data() + request.target_at) parse_again(request, head_size);
    request.body = std::string_view(request.bytes).substr(head_size);
    session.arm_read();
}

/// A place in the line for room, which is left whatever happens.
class InLine {
public:
    InLine(Session& session, std::int64_t bytes) : budget_(session.services().bodies()) {
        waiter_ = budget_.wait(bytes, [weak = std::weak_ptr(session.shared_from_this()), &shard = session.shard] {
            asio::post(shard.io(), [weak] {
                if (const auto waiting = weak.lock()) waiting->signal.notify();
            });
        });
    }
    ~InLine() {
        if (waiter_) budget_.leave(waiter_);
    }
    InLine(const InLine&) = delete;
    InLine& operator=(const InLine&) = delete;

    [[nodiscard]] bool granted() const { return waiter_->granted.load(); }
    void keep() { waiter_.reset(); }

private:
    BodyBudget& budget_;
    std::shared_ptr<BodyBudget::Waiter> waiter_;
};

EarlyRefusal too_large(std::uint64_t cap, const Request& request) {
    const bool whole = cap == static_cast<std::uint64_t>(request.snapshot->settings.max_body_bytes);
    return EarlyRefusal(413, "body_too_large",
                        "the request's body is larger than the " + std::to_string(cap) + " bytes that " +
                            (whole ? "server.max_body allows" : "are read here"));
}

EarlyRefusal no_room(std::size_t bytes) {
    return EarlyRefusal(503, "no_memory",
                        "there is no memory free for a body of " + std::to_string(bytes) +
                            " bytes (server.body_memory); try again shortly",
                        "Retry-After: 5\r\n");
}

/// How fast a body comes.
struct Pace {
    std::int64_t begun_us;
    std::int64_t moved_us;
};

// Waits for more of a body, of which so much is here. What has room that others wait for has to come at some pace.
asio::awaitable<bool> more_of_body(Session& session, Request& request, Pace& pace, std::size_t here) {
    const int patience_ms = request.snapshot->settings.body_timeout_ms;
    const bool counted = request.room.bytes() > 0;
    const char* why = nullptr;
    while (why == nullptr) {
        session.set_deadline(counted ? std::min(patience_ms, look_ms) : patience_ms);
        const bool more = co_await session.more_input();
        if (!more && session.client_gone()) co_return false;
        const std::int64_t now = session.shard.clock.monotonic_us(), took = now - pace.begun_us;
        if (more) pace.moved_us = now;
        if (counted && took > slow_after_us && session.services().bodies().wanted() &&
            static_cast<std::int64_t>(here) < took / 1'000'000 * slow_bytes_a_second) {
            why = "the request's body comes slowly, and others wait for the memory that is kept for it";
        } else if (more) {
            co_return true;
        } else if (now - pace.moved_us >= patience_ms * 1000ll) {
            why = "the request's body did not arrive in time";
        }
    }
    EarlyRefusal late(408, "body_timeout", why);
    co_await refuse_early(session, request, std::move(late));
    co_return false;
}

// Room for so much of a body without a length, and its memory. False: it was refused, or the client is gone.
asio::awaitable<bool> grow(Session& session, Request& request, std::size_t size) {
    std::string& body = request.chunked_body;
    if (size <= body.capacity() || size <= uncounted) co_return true;
    std::size_t room = std::max(first_counted, body.capacity() * 2);
    while (room < size) room *= 2;
    // What there is in all may not be a power of two.
    room = std::max(size, std::min(room, static_cast<std::size_t>(session.services().bodies().capacity())));
    const std::size_t taken = static_cast<std::size_t>(request.room.bytes());
    if (room > taken && !co_await take_room(session, request, room - taken)) co_return false;
    body.reserve(room);
    co_return true;
}

asio::awaitable<bool> read_chunked(Session& session, Request& request, std::uint64_t cap) {
    std::string& input = session.input();
    http1::BodyFramer framer(http1::BodyKind::chunked, 0);
    const std::size_t head_size = std::exchange(request.unread_head, 0);
    request.bytes = input.substr(0, head_size);
    input.erase(0, head_size);
    parse_again(request, head_size);
    request.body_open = true;
    const std::int64_t begun = session.shard.clock.monotonic_us();
    Pace pace{begun, begun};
    while (!framer.done()) {
        // What is taken off the input stays there until all of it is: the input may grow while this waits for room.
        std::size_t taken = 0;
        while (taken < input.size() && !framer.done()) {
            const auto step = framer.feed(std::string_view(input).substr(taken));
            const std::size_t size = request.chunked_body.size() + step.payload.size();
            if (step.error != nullptr || size > cap) {
                EarlyRefusal why = step.error == nullptr
                                       ? too_large(cap, request)
                                       : EarlyRefusal(400, "bad_body", std::string("bad chunked body: ") + step.error);
                co_await refuse_early(session, request, std::move(why));
                co_return false;
            }
            const auto payload_at = static_cast<std::size_t>(step.payload.data() - input.data());
            const std::size_t payload_size = step.payload.size();
            const std::size_t consumed = step.consumed;
            if (!co_await grow(session, request, size)) co_return false;
            if (payload_size > 0) request.chunked_body.append(input, payload_at, payload_size);
            taken += consumed;
        }
        input.erase(0, taken);
        if (framer.done()) break;
        if (!co_await more_of_body(session, request, pace, request.chunked_body.size())) co_return false;
    }
    session.set_deadline(0);
    request.body_open = false;
    request.body = request.chunked_body;
    session.arm_read();
    co_return true;
}

asio::awaitable<bool> read_sized(Session& session, Request& request, std::size_t total) {
    std::string& input = session.input();
    session.want_input(total);
    input.reserve(total);
    const std::int64_t begun = session.shard.clock.monotonic_us();
    Pace pace{begun, begun};
    while (input.size() < total) {
        if (!co_await more_of_body(session, request, pace, input.size())) co_return false;
    }
    session.set_deadline(0);
    co_return true;
}

}  // namespace

asio::awaitable<bool> take_room(Session& session, Request& request, std::size_t bytes) {
    BodyBudget& budget = session.services().bodies();
    const auto wanted = static_cast<std::int64_t>(bytes);
    if (budget.try_take(wanted)) {
        request.room.own(budget, wanted);
        co_return true;
    }
    ++session.shard.metrics.body_waits_total;
    const std::int64_t until = session.shard.clock.monotonic_us() + request.snapshot->settings.body_wait_ms * 1000ll;
    bool granted = false;
    {
        InLine line(session, wanted);
        for (;;) {
            granted = line.granted();
            const std::int64_t left_ms = (until - session.shard.clock.monotonic_us()) / 1000;
            if (granted || session.client_gone() || left_ms <= 0) break;
            session.set_deadline(static_cast<int>(std::min<std::int64_t>(left_ms, look_ms)));
            co_await session.signal.wait();
        }
        session.set_deadline(0);
        if (granted) {
            request.room.own(budget, wanted);
            line.keep();
        }
    }
    if (granted || session.client_gone()) co_return granted;
    EarlyRefusal why = no_room(bytes);
    co_await refuse_early(session, request, std::move(why));
    co_return false;
}

std::uint64_t body_cap(const Session& session, const Request& request) {
    const std::string_view method = request.head.method;
    if (method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS") return no_use_body_cap;
    return std::min(static_cast<std::uint64_t>(request.snapshot->settings.max_body_bytes),
                    static_cast<std::uint64_t>(session.services().bodies().capacity()));
}

bool take_body(Session& session, Request& request, std::uint64_t cap) {
    const std::uint64_t length = request.head.content_length.value_or(0);
    const std::size_t here = session.input().size() - request.unread_head;
    if (request.head.chunked || length > cap || here < length) return false;
    own_bytes(session, request, request.unread_head + static_cast<std::size_t>(length));
    return true;
}

// Whose type says a form is read as one; what might be read as JSON is read here, too, for the ids in it.
bool passes_body(const Request& request) {
    const Endpoint& endpoint = request.endpoint;
    if (endpoint.passes == Passes::none || !endpoint.deployment.empty()) return false;
    if (!request.head.chunked && request.head.content_length.value_or(0) <= uncounted) return false;
    if (endpoint.passes == Passes::all) return true;
    const http1::Field* type = nullptr;
    for (const http1::Field& field : request.head.fields) {
        if (!iequals(field.name, "content-type")) continue;
        if (type != nullptr) return false;
        type = &field;
    }
    constexpr std::string_view form = "multipart/form-data";
    return type != nullptr && iequals(type->value.substr(0, form.size()), form);
}

std::optional<EarlyRefusal> begin_upload(Session& session, Request& request) {
    const auto most = static_cast<std::uint64_t>(request.snapshot->settings.max_upload_bytes);
    const std::uint64_t length = request.head.content_length.value_or(0);
    if (length > most) return EarlyRefusal(413, "body_too_large", too_large_upload(most));
    request.upload = std::make_unique<Upload>();
    request.upload->framer = http1::BodyFramer(http1::body_kind(request.head), length);
    request.upload->most = most;
    std::string& input = session.input();
    const std::size_t head_size = std::exchange(request.unread_head, 0);
    request.bytes = input.substr(0, head_size);
    input.erase(0, head_size);
    parse_again(request, head_size);
    request.body_open = true;
    request.upload->invited = !request.head.expect_continue || !input.empty();
    return std::nullopt;
}

std::string too_large_upload(std::uint64_t most) {
    return "the upload is larger than the " + std::to_string(most) + " bytes that server.max_upload allows";
}

asio::awaitable<bool> read_body(Session& session, Request& request, std::uint64_t cap) {
    const std::uint64_t length = request.head.content_length.value_or(0);
    if (length > cap) {
        EarlyRefusal why = too_large(cap, request);
        co_await refuse_early(session, request, std::move(why));
        co_return false;
    }
    if (length > uncounted && !co_await take_room(session, request, static_cast<std::size_t>(length))) co_return false;
    if (request.head.expect_continue && session.input().size() == request.unread_head) {
        if (!co_await session.send_interim("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    if (request.head.chunked) co_return co_await read_chunked(session, request, cap);
    const std::size_t total = request.unread_head + static_cast<std::size_t>(length);
    if (session.input().size() < total && !co_await read_sized(session, request, total)) co_return false;
    own_bytes(session, request, total);
    co_return true;
}

}  // namespace lurus::gateway
