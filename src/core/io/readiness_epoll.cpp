#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <exception>
#include <span>
#include <system_error>
#include <utility>

#include "core/io/readiness.hpp"

namespace lurus {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
constexpr std::size_t most_events = 64;  // of a turn: its first answer waits for the last of them
}

struct Readiness::Set {
    explicit Set(asio::io_context& io) : epoll(io) {
        const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
        if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
        epoll.assign(descriptor);
    }
    int descriptor() { return epoll.native_handle(); }

    asio::posix::stream_descriptor epoll;
};

Readiness::Readiness(asio::execution_context& context)
    : service(context), io_(static_cast<asio::io_context&>(context)), set_(std::make_unique<Set>(io_)) {}

Readiness::~Readiness() = default;

void Readiness::close_set() {
    set_.reset();
}

error_code Readiness::enter(std::uint32_t slot, int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = (static_cast<std::uint64_t>(slots_[slot].generation) << 32) | slot;
    if (::epoll_ctl(set_->descriptor(), EPOLL_CTL_ADD, descriptor, &event) == 0) return {};
    return {errno, boost::system::system_category()};
}

void Readiness::leave(std::uint32_t) {}  // the socket's end takes it out of the set

void Readiness::forget(int descriptor) {
    if (!closed_) ::epoll_ctl(set_->descriptor(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void Readiness::waits_for(const Watch&, bool) {
    if (!closed_ && !in_turn_ && !armed_) wait();
}

void Readiness::waits_no_more() {
    if (!closed_ && !in_turn_ && armed_ && waiting_ == 0) set_->epoll.cancel();
}

void Readiness::wait() {
    armed_ = true;
    auto then = [this](const error_code& ec) {
        armed_ = false;
        std::exception_ptr failure;
        if (!ec) failure = turn();
        if (waiting_ > 0 && !armed_ && !closed_) wait();
        if (failure) std::rethrow_exception(failure);
    };
    set_->epoll.async_wait(asio::posix::stream_descriptor::wait_read,
                           asio::bind_allocator(std::pmr::polymorphic_allocator<>(&memory_), std::move(then)));
}

// A callback that throws takes nothing from the others of its turn. The first failure is returned.
std::exception_ptr Readiness::turn() {
    std::exception_ptr failure;
    std::array<epoll_event, most_events> events;
    const int count = ::epoll_wait(set_->descriptor(), events.data(), static_cast<int>(events.size()), 0);
    in_turn_ = true;
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
        try {
            happened(static_cast<std::uint32_t>(event.data.u64), static_cast<std::uint32_t>(event.data.u64 >> 32),
                     {.readable = (event.events & EPOLLIN) != 0,
                      .writable = (event.events & EPOLLOUT) != 0,
                      .ended = (event.events & EPOLLRDHUP) != 0,
                      .failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0});
        } catch (...) {
            if (!failure) failure = std::current_exception();
        }
    }
    const std::exception_ptr at_end = end_turn();
    return failure ? failure : at_end;
}

}  // namespace lurus
