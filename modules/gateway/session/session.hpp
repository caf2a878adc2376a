#pragma once
// One client's requests, one after the other: read, checked, and answered by us or by a vendor through a relay; and the
// records of them. The steps that a request takes are functions, a file each (steps.hpp). The shard lists a session
// while it is open.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "modules/gateway/session/client_connection.hpp"
#include "modules/gateway/session/request.hpp"
#include "modules/gateway/session/request_limits.hpp"

namespace lurus::gateway {

class Services;

class Session final : public ClientConnection {
public:
    Session(Shard& shard, AcceptedSocket socket, Services& services, SslPtr tls, bool open, bool local);
    ~Session() override;

    static void start(const std::shared_ptr<Session>& session);

    /// From the shard: the appended record is safe, or the log's patience is over.
    void on_committed(bool safe);

    [[nodiscard]] Services& services() const { return services_; }
    /// Its listener serves without a key.
    [[nodiscard]] bool open() const { return open_; }
    /// Only this machine reaches its listener.
    [[nodiscard]] bool local() const { return local_; }
    using ClientConnection::is_tls;
    RequestLimits limits;  // of the request that is being served

    // --- records ---
    /// Counts the record and appends it to the journal. True: its answer must not end before it is safe().
    [[nodiscard]] bool append(RequestRecord& record);
    [[nodiscard]] bool safe() const { return record_safe_; }
    /// Returns when it is safe().
    boost::asio::awaitable<void> until_safe();
    boost::asio::awaitable<void> commit(RequestRecord record);

    // --- answers of our own ---
    boost::asio::awaitable<void> respond(const Request& request, int status, std::string body,
                                         std::string_view content_type, std::string_view extra_fields = {});
    /// In the request's dialect.
    boost::asio::awaitable<void> respond_error(const Request& request, int status, std::string_view message,
                                               std::string_view extra_fields = {});
    /// The same with a record: for requests whose key was good.
    boost::asio::awaitable<void> refuse(Request& request, int status, std::string_view message,
                                        std::string_view extra_fields = {});
    boost::asio::awaitable<void> refuse_with(Request& request, int status, std::string_view message, std::string body,
                                             std::string_view extra_fields);

    // --- api.cpp ---
    /// The management API and the pages, which are answered on a control-plane thread.
    boost::asio::awaitable<void> serve_api(Request& request);
    /// Whether who sends this request may see what runs here, as `GET /api/v1/status` shows it.
    boost::asio::awaitable<bool> may_see_installation(const Request& request);

private:
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> answer_plain_http();
    boost::asio::awaitable<void> serve(Request& request);
    /// An allocation failed. `begun`: the client has a part of the answer.
    boost::asio::awaitable<void> end_without_memory(Request& request, bool begun);
    boost::asio::awaitable<ApiBodyVerdict> judge_api(const ApiCall& call);
    boost::asio::awaitable<void> respond_api(const Request& request, ApiResponse& response);
    boost::asio::awaitable<void> respond_in_pieces(const Request& request, ApiResponse& response,
                                                   std::string_view extra_fields);

    Services& services_;
    const bool open_;
    const bool local_;
    bool record_safe_ = false;
    bool appended_ = false;  // a record of the request that is served
};

}  // namespace lurus::gateway
