#pragma once
// The upstream's side of an attempt: its connection, and what came over it so far. Owned by the relay, which it never
// outlives: a connection that is neither given back to the shard's pool nor dropped is closed with it.

#include <memory>
#include <string>
#include <string_view>

#include "core/http/http1.hpp"
#include "modules/gateway/attempt/coded_body.hpp"
#include "modules/gateway/server/shard.hpp"

namespace lurus::gateway {

class Exchange {
public:
    explicit Exchange(Shard& shard) : shard_(shard) {}
    ~Exchange() { drop(); }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    void use(std::shared_ptr<UpstreamConnection> connection) { connection_ = std::move(connection); }
    /// Null: there is none, not yet or not any more.
    [[nodiscard]] UpstreamConnection* connection() const { return connection_.get(); }
    /// For a callback that may come later.
    [[nodiscard]] std::shared_ptr<UpstreamConnection> shared() const { return connection_; }
    [[nodiscard]] bool readable() const { return connection_ && connection_->readable; }
    /// Into the shard's scratch, whose bytes are good until the next await.
    IoResult read() {
        connection_->readable = false;
        return connection_->channel.read(shard_.scratch);
    }
    /// Closes the connection.
    void drop();
    /// Gives the connection back where it can serve another request, and drops it where not.
    void release();

    http1::ResponseHead head;
    std::string head_bytes;       // of the head, when it did not come in one piece
    std::string_view after_head;  // body bytes that came with the head; good until the next await
    http1::BodyFramer framer;
    bool broken = false;               // the connection ended otherwise than by its proper end
    std::unique_ptr<CodedBody> coded;  // behind the framer, where the answer's coding is taken off

private:
    Shard& shard_;
    std::shared_ptr<UpstreamConnection> connection_;
};

}  // namespace lurus::gateway
