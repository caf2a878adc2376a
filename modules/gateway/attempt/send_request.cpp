#include "modules/gateway/attempt/send_request.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

// What the socket takes now. False: it takes no more, ever.
bool write_some(Channel& channel, UpstreamRequest::Pieces& pieces, std::size_t& at, std::size_t& written) {
    std::array<asio::const_buffer, std::tuple_size_v<UpstreamRequest::Pieces>> buffers;
    std::size_t count = 0;
    for (std::size_t i = at; i < pieces.size(); ++i) {
        if (!pieces[i].empty()) buffers[count++] = asio::const_buffer(pieces[i].data(), pieces[i].size());
    }
    written = 0;
    if (count == 0) {
        at = pieces.size();
        return true;
    }
    const IoResult result = channel.write(std::span<const asio::const_buffer>(buffers.data(), count));
    if (result.state == Io::error || result.state == Io::eof) return false;
    written = result.bytes;
    std::size_t left = written;
    while (at < pieces.size() && left >= pieces[at].size()) left -= pieces[at++].size();
    if (at < pieces.size()) pieces[at].remove_prefix(left);
    return true;
}

// Its URLs name the deployment, whatever the body says.
bool names_deployment(const Provider& provider) {
    return provider.kind == "azure-openai" && !provider.azure_api_version.empty();
}

// For a request whose path names the model and whose body does not: a member of the object or a part of the form that
// does. False: the body is none of these.
bool place_model(const Request& request, const std::string& upstream_model, std::size_t& begin, std::string& text) {
    const RequestFacts& facts = request.facts;
    const std::string_view body = request.body;
    begin = 0;
    if (!facts.model_is_json) {
        const std::string_view delimiter = body.substr(0, body.find("\r\n"));
        if (!delimiter.starts_with("--") || delimiter.ends_with("--")) return false;
        text = std::string(delimiter) + "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n" + upstream_model +
               "\r\n";
        return true;
    }
    const std::size_t brace = body.find('{');
    const std::size_t first = body.find_first_not_of(" \t\r\n", brace == std::string_view::npos ? brace : brace + 1);
    if (first == std::string_view::npos) return false;
    begin = brace + 1;
    text = "\"model\":" + quote_json(upstream_model) + (body[first] == '}' ? "" : ",");
    return true;
}

}  // namespace

UpstreamRequest::UpstreamRequest(const Request& request, const Target& target, const std::string& upstream_model,
                                 bool ask_usage) {
    const RequestFacts& facts = request.facts;
    const bool needs_name = !request.endpoint.deployment.empty() && !names_deployment(*target.provider);
    std::array<BodyEdit, 2> edits;
    std::size_t count = 0;
    if (facts.model_end > facts.model_begin) {
        if (facts.model != upstream_model || needs_name) {
            model = facts.model_is_json ? quote_json(upstream_model) : upstream_model;
            edits[count++] = {.begin = facts.model_begin, .end = facts.model_end, .text = model};
        }
    } else if (std::size_t at = 0; needs_name && place_model(request, upstream_model, at, model)) {
        edits[count++] = {.begin = at, .end = at, .text = model};
    }
    if (ask_usage && !facts.ask_usage.text.empty()) edits[count++] = facts.ask_usage;
    if (count == 2 && edits[1].begin < edits[0].begin) std::swap(edits[0], edits[1]);
    // A compressed body goes as it came unless something in it has to be another, or who answers is no server.
    const bool coded = !request.coded_body.empty() && count == 0 && !target.provider->local;
    const std::string_view body = coded ? request.coded_body : request.body;
    std::size_t size = body.size();
    std::size_t from = 0;
    std::size_t at = 1;
    for (std::size_t i = 0; i < count; ++i) {
        pieces[at++] = body.substr(from, edits[i].begin - from);
        pieces[at++] = edits[i].text;
        from = edits[i].end;
        size += edits[i].text.size() - (edits[i].end - edits[i].begin);
    }
    pieces[at] = body.substr(from);
    std::optional<std::uint64_t> length;
    if (!body.empty() || request.head.content_length || request.head.chunked) length = size;
    if (request.upload) length = request.head.content_length;
    head = upstream_head(request.head, request.endpoint, target, upstream_model, length, false,
                         request.snapshot->settings.headers.from_clients,
                         coded || request.coded_body.empty() ? BodyCoding::as_sent : BodyCoding::taken_off);
    if (request.upload && request.head.chunked) head.insert(head.size() - 2, "Transfer-Encoding: chunked\r\n");
    pieces[0] = head;
}

bool send_at_once(Relay& relay, const UpstreamRequest& request) {
    UpstreamConnection& upstream = *relay.upstream.connection();
    std::array<asio::const_buffer, std::tuple_size_v<UpstreamRequest::Pieces>> buffers;
    std::size_t count = 0, total = 0;
    for (const std::string_view piece : request.pieces) {
        if (!piece.empty()) buffers[count++] = asio::const_buffer(piece.data(), piece.size());
        total += piece.size();
    }
    if (total > TurnWrites::largest || upstream.channel.is_tls()) return false;
    upstream.readable = false;
    upstream.send_at_turn_end(std::span(buffers).first(count));
    return true;
}

// A vendor may answer before it has read everything; so a failed write is judged by what can be read.
asio::awaitable<void> send_request(Relay& relay, const UpstreamRequest& request) {
    Session& session = relay.session;
    UpstreamConnection& upstream = *relay.upstream.connection();
    UpstreamRequest::Pieces pieces = request.pieces;  // what is left of them
    upstream.readable = false;
    const int patience_ms = relay.provider().idle_timeout_ms;
    std::size_t at = 0, written = 0;
    session.set_deadline(patience_ms);
    for (;;) {
        if (!write_some(upstream.channel, pieces, at, written) || at == pieces.size()) co_return;
        if (written > 0) {
            session.set_deadline(patience_ms);
            continue;
        }
        auto writable = std::make_shared<bool>(false);
        upstream.channel.when_writable([writable, keep = session.shared_from_this()](const boost::system::error_code&) {
            *writable = true;
            keep->signal.notify();
        });
        upstream.arm();
        while (!*writable) {
            if (session.keepalive_due()) {
                co_await relay.client.send_keepalive();
                continue;
            }
            // Under TLS readable may mean a session ticket, so only a plain connection's early answer ends the writing.
            const bool early = upstream.readable && !upstream.channel.is_tls();
            const bool left = session.client_gone() && !relay.client.gate.discarding();
            if (early || left || session.timed_out()) co_return;
            co_await session.signal.wait();
        }
    }
}

}  // namespace lurus::gateway
