#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <utility>

#include "core/http/content_coding.hpp"
#include "core/os/release.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t turn_bytes = 1 << 20;  // of input or output, before others have their turn

/// A compressed body on its way to `out`.
struct Unpacking {
    Unpacking(const ContentCodings& codings, std::string_view coded, std::uint64_t most, std::string& into)
        : decoder(codings, most), rest(coded), out(into) {}

    ContentDecoder decoder;
    std::string_view rest;
    std::string& out;
};

enum class Turn : std::uint8_t { more, done, damaged, too_large };

Turn decode_some(Unpacking& work) {
    std::array<char, 32 * 1024> piece;
    const std::size_t out_before = work.out.size();
    const std::size_t left_before = work.rest.size();
    for (;;) {
        // No more input than a turn's is shown, since it may say nothing for long.
        const ContentDecoder::Step step = work.decoder.decode(work.rest.substr(0, turn_bytes), piece);
        if (step.state == ContentDecoder::State::damaged) return Turn::damaged;
        if (step.state == ContentDecoder::State::too_large) return Turn::too_large;
        work.out.append(piece.data(), step.produced);
        work.rest.remove_prefix(step.consumed);
        if (work.rest.empty() && step.produced < piece.size()) return work.decoder.whole() ? Turn::done : Turn::damaged;
        if (step.consumed == 0 && step.produced == 0) return Turn::damaged;
        if (work.out.size() - out_before + left_before - work.rest.size() >= turn_bytes) return Turn::more;
    }
}

EarlyRefusal why_not(Turn end, std::string_view encoding, std::uint64_t most) {
    if (end == Turn::too_large)
        return EarlyRefusal(413, "body_too_large",
                            "the request's body is larger than the " + std::to_string(most) +
                                " bytes that server.max_body allows, once its content-encoding (" +
                                cut_field(encoding) + ") is taken off");
    return EarlyRefusal(400, "bad_coding",
                        "the request's body is not what its content-encoding (" + cut_field(encoding) +
                            ") says: it is damaged or not whole");
}

EarlyRefusal unknown_coding(std::string_view coding) {
    return EarlyRefusal(415, "unknown_coding",
                        "the content-encoding " + cut_field(coding) + " is not known here; use " +
                            std::string(known_codings) + ", one of them or up to " +
                            std::to_string(ContentCodings::most) + " in a row, or none",
                        "Accept-Encoding: " + std::string(known_codings) + "\r\n");
}

}  // namespace

bool is_coded(const Request& request) {
    return !request.body.empty() && request.head.find("content-encoding") != nullptr;
}

asio::awaitable<bool> decode_body(Session& session, Request& request) {
    const ContentCodings codings = content_codings(request.head);
    if (codings.none()) co_return true;
    if (!codings.unknown.empty()) {
        // What nobody here reads may be in any coding.
        if (!request.endpoint.model_in_body) co_return true;
        EarlyRefusal why = unknown_coding(codings.unknown);
        co_await refuse_early(session, request, std::move(why));
        co_return false;
    }
    const auto most = static_cast<std::uint64_t>(request.snapshot->settings.max_body_bytes);
    Unpacking work(codings, request.body, most, request.plain_body);
    std::size_t room = 0;  // what of the process's memory for bodies the decoded bytes have
    Turn turn = decode_some(work);
    while (turn == Turn::more) {
        if (request.plain_body.size() + turn_bytes > room) {
            const std::size_t more = std::max(request.plain_body.size() + turn_bytes - room, room);
            if (!co_await take_room(session, request, more)) co_return false;
            room += more;
        }
        co_await asio::post(session.shard.io(), asio::use_awaitable);
        if (session.client_gone()) co_return false;
        turn = decode_some(work);
    }
    if (turn != Turn::done) {
        release(request.plain_body);
        EarlyRefusal why = why_not(turn, request.head.value("content-encoding"), most);
        co_await refuse_early(session, request, std::move(why));
        co_return false;
    }
    request.coded_body = request.body;
    request.body = request.plain_body;
    co_return true;
}

}  // namespace lurus::gateway
