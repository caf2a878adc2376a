#pragma once
// Small writes of one turn of a shard's loop, gathered and sent together when the turn ends: one system call instead of
// one for each socket, and a peer on the same processor wakes once to all that is there for it. The shard owns it;
// its thread only.

#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/channel.hpp"
#include "core/io/send_batch.hpp"

namespace lurus::gateway {

class TurnWrites;

/// One end of a plain connection that writes through those of a turn.
class TurnWriter {
public:
    /// What became of the bytes: `rest` was not taken. `error` when the peer is gone. Must not resume a coroutine:
    /// another one may be running.
    virtual void on_sent(Io state, std::string_view rest) = 0;

protected:
    ~TurnWriter() = default;
    friend class TurnWrites;
    bool in_turn_writes_ = false;
};

class TurnWrites {
public:
    static constexpr std::size_t largest = 16 * 1024;  // bytes of one write; more goes to the socket directly

    /// How many others a write may wait for: the turn's, or a few, since somebody reads along.
    enum class Pace : std::uint8_t { turn, event };

    /// Takes a copy of the bytes, at most `largest`. `keep` is the client's owner and keeps it until it was told.
    /// The caller sees to it that send() is called when the turn ends.
    void add(std::shared_ptr<void> keep, TurnWriter& client, int descriptor,
             std::span<const boost::asio::const_buffer> buffers, Pace pace = Pace::turn);
    void send();
    /// Before the client's socket is closed: its bytes go now, with everybody's.
    void settle(TurnWriter& client) {
        if (client.in_turn_writes_) send();
    }
    /// They are not to be sent any more.
    void drop(TurnWriter& client);

private:
    struct Entry {
        std::shared_ptr<void> keep;
        TurnWriter* client = nullptr;  // null when dropped
        int descriptor = -1;
        std::size_t begin = 0;
        std::size_t end = 0;
    };
    SendBatch batch_;
    std::vector<Entry> entries_;
    std::vector<Entry> sending_;
    std::vector<SendBatch::Item> items_;
    std::string bytes_;
    std::size_t events_ = 0;  // of the entries
};

}  // namespace lurus::gateway
