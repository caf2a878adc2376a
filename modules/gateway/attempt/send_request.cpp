#include "modules/gateway/attempt/send_request.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <optional>
#include <span>

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

// What the socket takes now. False: it takes no more, ever.
bool write_some(Channel& channel, UpstreamRequest::Pieces& pieces, std::size_t& at, std::size_t& written) {
    std::array<asio::const_buffer, 4> buffers;
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

// For a request whose path names the model: the body is to name it, too. True: something is put at `begin`, in the
// place of the name there or, as a member of the object or a part of the form, where there is none.
bool place_model(const Request& request, const std::string& upstream_model, std::size_t& begin, std::string& text) {
    const RequestFacts& facts = request.facts;
    if (facts.model_end > facts.model_begin) return true;
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

UpstreamRequest::UpstreamRequest(const Request& request, const Target& target, const std::string& upstream_model) {
    const RequestFacts& facts = request.facts;
    std::size_t begin = facts.model_begin, end = facts.model_end;
    const bool deployment = !request.endpoint.deployment.empty() && !names_deployment(*target.provider);
    const bool splice =
        deployment ? place_model(request, upstream_model, begin, model) : end > begin && facts.model != upstream_model;
    if (splice && model.empty()) model = facts.model_is_json ? quote_json(upstream_model) : upstream_model;
    if (!splice) begin = request.body.size();
    end = splice ? std::max(begin, end) : begin;
    std::optional<std::uint64_t> length;
    if (!request.body.empty() || request.head.content_length || request.head.chunked)
        length = request.body.size() + model.size() - (end - begin);
    head = upstream_head(request.head, request.endpoint, target, upstream_model, length, false);
    pieces = {head, request.body.substr(0, begin), model, request.body.substr(end)};
}

bool send_at_once(Relay& relay, const UpstreamRequest& request) {
    UpstreamConnection& upstream = *relay.upstream.connection();
    std::array<asio::const_buffer, 4> buffers;
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
