#include "modules/gateway/server/turn_writes.hpp"

#include <cerrno>
#include <new>

namespace lurus::gateway {

namespace {
constexpr std::size_t most_entries = 32;        // a long turn must not delay its first answer
constexpr std::size_t most_events = 16;         // of streams: fewer cost more switches than the delay is worth
constexpr std::size_t most_bytes = 256 * 1024;  // kept as capacity between turns
}  // namespace

void TurnWrites::add(std::shared_ptr<void> keep, TurnWriter& client, int descriptor,
                     std::span<const boost::asio::const_buffer> buffers, Pace pace) {
    std::size_t size = 0;
    for (const auto& buffer : buffers) size += buffer.size();
    const bool last = client.in_turn_writes_ && !entries_.empty() && entries_.back().client == &client;
    if ((client.in_turn_writes_ && !last) || entries_.size() >= most_entries || bytes_.size() + size > most_bytes)
        send();
    if (!client.in_turn_writes_) {
        client.in_turn_writes_ = true;
        entries_.push_back(Entry{std::move(keep), &client, descriptor, bytes_.size(), bytes_.size()});
    }
    for (const auto& buffer : buffers) bytes_.append(static_cast<const char*>(buffer.data()), buffer.size());
    entries_.back().end = bytes_.size();
    if (pace == Pace::event && ++events_ >= most_events) send();
}

void TurnWrites::send() {
    if (entries_.empty()) return;
    events_ = 0;
    items_.clear();
    for (const auto& entry : entries_) {
        if (entry.client == nullptr) continue;
        entry.client->in_turn_writes_ = false;
        items_.push_back(SendBatch::Item{entry.descriptor, bytes_.data() + entry.begin, entry.end - entry.begin, 0});
    }
    batch_.send(items_);
    std::size_t at = 0;
    for (const auto& entry : entries_) {
        if (entry.client == nullptr) continue;
        const auto& item = items_[at++];
        try {
            if (item.result >= 0) {
                const std::size_t sent = static_cast<std::size_t>(item.result);
                if (sent < item.size)
                    entry.client->on_sent(Io::ok, std::string_view(item.data + sent, item.size - sent));
            } else if (item.result == -EAGAIN || item.result == -EWOULDBLOCK) {
                entry.client->on_sent(Io::again, std::string_view(item.data, item.size));
            } else {
                entry.client->on_sent(Io::error, {});
            }
        } catch (const std::bad_alloc&) {
            entry.client->on_sent(Io::error, {});  // what it could not keep is lost to it, and to nobody else
        }
    }
    bytes_.clear();
    // The last owner may go with its entry and close other clients, so the list is not touched meanwhile.
    sending_.swap(entries_);
    sending_.clear();
}

void TurnWrites::drop(TurnWriter& client) {
    if (!client.in_turn_writes_) return;
    client.in_turn_writes_ = false;
    for (auto& entry : entries_) {
        if (entry.client == &client) entry.client = nullptr;
    }
}

}  // namespace lurus::gateway
