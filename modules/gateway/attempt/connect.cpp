#include "modules/gateway/attempt/connect.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "core/io/stream_socket.hpp"
#include "modules/gateway/server/local_server.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// What a callback leaves for a waiting session. Shared: the callback may come after the session gave up.
struct Completion {
    bool done = false;
    boost::system::error_code ec;
    std::string error;
    Shard::Addresses addresses;
};

// True when it is done; false when the client left or the deadline passed.
asio::awaitable<bool> completed(Session& session, const std::shared_ptr<Completion>& state) {
    while (!state->done) {
        if (session.client_gone() || session.timed_out()) co_return false;
        co_await session.signal.wait();
    }
    co_return true;
}

void give_up(const Session& session, Connected& result, const std::string& doing) {
    if (session.client_gone()) {
        result.outcome = Outcome::client_gone;
        result.error = "the client left";
    } else {
        result.outcome = Outcome::connect_timeout;
        result.error = doing + " took longer than the connect timeout";
    }
}

asio::awaitable<bool> shake_hands(Session& session, UpstreamConnection& connection, Connected& result) {
    for (;;) {
        const Io state = connection.channel.handshake();
        if (state == Io::ok) co_return true;
        if (state != Io::again) {
            result.outcome = Outcome::tls;
            result.error =
                "TLS handshake failed: " +
                (connection.channel.error().empty() ? std::string("connection closed") : connection.channel.error());
            co_return false;
        }
        auto waiting = std::make_shared<Completion>();
        const auto ready = [waiting, keep = session.shared_from_this()](const boost::system::error_code& ec) {
            waiting->ec = ec;
            waiting->done = true;
            keep->signal.notify();
        };
        if (connection.channel.wants_write()) {
            connection.channel.when_writable(ready);
        } else {
            connection.channel.when_readable(ready);
        }
        if (!co_await completed(session, waiting)) {
            give_up(session, result, "the TLS handshake");
            co_return false;
        }
    }
}

}  // namespace

std::shared_ptr<UpstreamConnection> pooled_upstream(Session& session, const std::shared_ptr<const Provider>& provider,
                                                    const FamilyEndpoint& endpoint) {
    auto pooled = session.shard.take(*session.shard.pool(provider, endpoint));
    if (pooled) pooled->owner = &session.signal;
    return pooled;
}

asio::awaitable<Connected> connect_upstream(Session& session, std::shared_ptr<const Provider> provider,
                                            const FamilyEndpoint& endpoint) {
    Connected result;
    Shard& shard = session.shard;
    if (provider->local) {
        result.connection = std::make_shared<UpstreamConnection>(shard, connect_local(shard.io(), provider->local));
        result.connection->owner = &session.signal;
        result.connection->pool = shard.pool(provider, endpoint);
        co_return result;
    }

    session.set_deadline(provider->connect_timeout_ms);
    auto resolved = std::make_shared<Completion>();
    shard.resolve(
        endpoint.base.host, endpoint.base.port,
        [resolved, keep = session.shared_from_this()](const std::string& error, const Shard::Addresses& addresses) {
            resolved->error = error;
            resolved->addresses = addresses;
            resolved->done = true;
            keep->signal.notify();
        });
    if (!co_await completed(session, resolved)) {
        give_up(session, result, "looking up " + endpoint.base.host);
        co_return result;
    }
    if (!resolved->error.empty() || resolved->addresses.empty()) {
        result.outcome = Outcome::dns;
        result.error =
            "cannot find the host " + endpoint.base.host + (resolved->error.empty() ? "" : ": " + resolved->error);
        co_return result;
    }

    for (const auto& address : resolved->addresses) {
        Connecting connecting(shard.io(), address);
        auto connected = std::make_shared<Completion>();
        connecting.when_connected([connected, keep = session.shared_from_this()](const boost::system::error_code& ec) {
            connected->ec = ec;
            connected->done = true;
            keep->signal.notify();
        });
        if (!co_await completed(session, connected)) {
            give_up(session, result, "connecting to " + endpoint.base.authority());
            co_return result;
        }
        if (connected->ec) {
            result.outcome =
                connected->ec == asio::error::connection_refused ? Outcome::refused : Outcome::connect_error;
            result.error = "cannot connect to " + endpoint.base.authority() + ": " + connected->ec.message();
            continue;
        }
        auto connection = std::make_shared<UpstreamConnection>(shard, connecting.take());
        connection->owner = &session.signal;
        const auto pool = shard.pool(provider, endpoint);
        connection->pool = pool;
        if (endpoint.base.tls) {
            const auto context = shard.tls_client(*provider);
            if (!context) {
                result.outcome = Outcome::tls;
                result.error = context.error().message;
                co_return result;
            }
            auto tls = make_tls_connection(context->get(), endpoint.base.host, provider->tls_verify);
            if (!tls) {
                result.outcome = Outcome::tls;
                result.error = tls.error().message;
                co_return result;
            }
            connection->session = pool->session;
            if (connection->session->newest) SSL_set_session(tls->get(), connection->session->newest.get());
            set_session_store(tls->get(), connection->session.get());
            connection->channel.use_tls(std::move(*tls));
            if (!co_await shake_hands(session, *connection, result)) {
                connection->close();
                if (result.outcome == Outcome::tls) continue;
                co_return result;
            }
        }
        result.outcome = Outcome::ok;
        result.error.clear();
        result.connection = std::move(connection);
        co_return result;
    }
    co_return result;
}

}  // namespace lurus::gateway
