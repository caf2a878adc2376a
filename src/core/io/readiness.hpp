#pragma once
// Tells when sockets can be read or written. One set for the sockets of an io_context, itself watched by that
// io_context. On Linux it is edge-triggered: waiting for a socket costs no system call, where Asio's async_wait makes
// one each time. On Windows, where Asio waits for no socket, each wait that is not over at once costs one.
// A service of its io_context; its thread only.

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <memory_resource>
#include <utility>
#include <vector>

namespace lurus {

class Readiness;

/// One socket of the set. Remembers that it became ready until a read or write finds that it is not any more.
class Watch {
public:
    using Callback = std::move_only_function<void(const boost::system::error_code&)>;

    /// Where the system cannot watch the socket, every wait ends with its error.
    Watch(Readiness& set, int descriptor);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// Calls back once, never from inside this call. At most one wait of each kind is pending.
    void when_readable(Callback callback);
    void when_writable(Callback callback);
    /// The same at once.
    void call(Callback callback) { wait(true, on_readable_, std::move(callback)); }
    /// A read took all there was. After the peer's end the socket stays readable.
    void drained() { readable_ = ended_; }
    /// A write found it full.
    void filled() { writable_ = failed_; }
    /// To be called before the socket is closed: pending callbacks get `operation_aborted`.
    void remove();
    /// The same for the set's socket, which stays open and may get another watch.
    void let_go(int descriptor);

private:
    friend class Readiness;
    void wait(bool ready, Callback& place, Callback callback);
    void tell(Callback& callback, const boost::system::error_code& error);

    Readiness& set_;
    std::uint32_t slot_ = 0;
    boost::system::error_code unwatched_;  // why it is not in the set
    bool readable_ = false;
    bool writable_ = false;
    bool ended_ = false;   // the peer sends no more
    bool failed_ = false;  // nor takes any more
    Callback on_readable_;
    Callback on_writable_;
};

class Readiness final : public boost::asio::execution_context::service {
public:
    static boost::asio::execution_context::id id;

    explicit Readiness(boost::asio::execution_context& context);
    ~Readiness() override;
    /// The set of this io_context, made when it is first asked for.
    static Readiness& of(boost::asio::execution_context& context);

    /// Called when the callbacks of a turn have run. Empty = nothing is.
    void at_turn_end(std::function<void()> callback) { turn_end_ = std::move(callback); }
    /// Within a turn, so its end is still to come.
    [[nodiscard]] bool in_turn() const { return in_turn_; }

private:
    friend class Watch;
    struct Set;
    struct Slot {
        Watch* watch = nullptr;
        std::uint32_t generation = 0;  // an event of a socket that is gone must not reach the slot's next
    };

    /// What the system tells of a socket.
    struct Events {
        bool readable = false;
        bool writable = false;
        bool ended = false;
        bool failed = false;
    };

    void shutdown() override;
    boost::system::error_code add(Watch& watch, int descriptor);
    void remove(Watch& watch);
    void happened(std::uint32_t slot, std::uint32_t generation, Events events);
    std::exception_ptr end_turn();

    // Each system's own.
    boost::system::error_code enter(std::uint32_t slot, int descriptor);
    void leave(std::uint32_t slot);
    void forget(int descriptor);
    void waits_for(const Watch& watch, bool writable);
    void waits_no_more();
    void close_set();
    void wait();
    std::exception_ptr turn();

    boost::asio::io_context& io_;
    std::pmr::unsynchronized_pool_resource memory_;  // of the one wait for the set
    std::unique_ptr<Set> set_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::function<void()> turn_end_;
    int waiting_ = 0;  // callbacks that are pending; without any the io_context may run out of work
    bool armed_ = false;
    bool in_turn_ = false;
    bool closed_ = false;
};

}  // namespace lurus
