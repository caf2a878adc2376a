#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
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

asio::execution_context::id Readiness::id;

Readiness::Readiness(asio::execution_context& context)
    : service(context), io_(static_cast<asio::io_context&>(context)), set_(std::make_unique<Set>(io_)) {}

Readiness::~Readiness() = default;

Readiness& Readiness::of(asio::execution_context& context) {
    return asio::use_service<Readiness>(context);
}

void Readiness::shutdown() {
    closed_ = true;
    turn_end_ = nullptr;
    // A callback may own its socket's owner, whose end takes other watches out of the set.
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        Watch* watch = slots_[i].watch;
        if (watch == nullptr) continue;
        const Watch::Callback readable = std::exchange(watch->on_readable_, nullptr);
        const Watch::Callback writable = std::exchange(watch->on_writable_, nullptr);
    }
    set_.reset();
}

error_code Readiness::add(Watch& watch, int descriptor) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t slot = free_.back();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = (static_cast<std::uint64_t>(slots_[slot].generation) << 32) | slot;
    if (closed_ || ::epoll_ctl(set_->descriptor(), EPOLL_CTL_ADD, descriptor, &event) != 0)
        return closed_ ? asio::error::operation_aborted : error_code(errno, boost::system::system_category());
    free_.pop_back();
    slots_[slot].watch = &watch;
    watch.slot_ = slot;
    return {};
}

void Readiness::remove(Watch& watch) {
    slots_[watch.slot_].watch = nullptr;
    ++slots_[watch.slot_].generation;
    free_.push_back(watch.slot_);
}

void Readiness::waits(int change) {
    waiting_ += change;
    if (closed_ || in_turn_) return;
    if (waiting_ > 0 && !armed_) wait();
    if (waiting_ == 0 && armed_) set_->epoll.cancel();
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
            happened(event.data.u64, event.events);
        } catch (...) {
            if (!failure) failure = std::current_exception();
        }
    }
    in_turn_ = false;
    try {
        if (turn_end_) turn_end_();
    } catch (...) {
        if (!failure) failure = std::current_exception();
    }
    return failure;
}

void Readiness::happened(std::uint64_t mark, std::uint32_t events) {
    const auto slot = static_cast<std::uint32_t>(mark);
    const auto generation = static_cast<std::uint32_t>(mark >> 32);
    Watch* watch = slots_[slot].watch;
    if (watch == nullptr || slots_[slot].generation != generation) return;
    const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    watch->ended_ = watch->ended_ || failed || (events & EPOLLRDHUP) != 0;
    watch->failed_ = watch->failed_ || failed;
    watch->readable_ = watch->readable_ || watch->ended_ || (events & EPOLLIN) != 0;
    watch->writable_ = watch->writable_ || watch->failed_ || (events & EPOLLOUT) != 0;
    if (watch->writable_ && watch->on_writable_) {
        watch->tell(watch->on_writable_, {});
        // It may have ended the connection.
        if (slots_[slot].watch != watch || slots_[slot].generation != generation) return;
    }
    if (watch->readable_ && watch->on_readable_) watch->tell(watch->on_readable_, {});
}

Watch::Watch(Readiness& set, int descriptor) : set_(set), unwatched_(set.add(*this, descriptor)) {}

Watch::~Watch() {
    remove();
}

void Watch::tell(Callback& callback, const error_code& error) {
    auto taken = std::exchange(callback, nullptr);
    --set_.waiting_;
    taken(error);
}

void Watch::wait(bool ready, Callback& place, Callback callback) {
    if (unwatched_ || ready) {
        asio::post(set_.io_, [c = std::move(callback), ec = unwatched_]() mutable { c(ec); });
        return;
    }
    place = std::move(callback);
    set_.waits(1);
}

void Watch::when_readable(Callback callback) {
    wait(readable_, on_readable_, std::move(callback));
}

void Watch::when_writable(Callback callback) {
    wait(writable_, on_writable_, std::move(callback));
}

void Watch::remove() {
    if (unwatched_) return;
    unwatched_ = asio::error::operation_aborted;
    set_.remove(*this);
    for (Callback* pending : {&on_readable_, &on_writable_}) {
        if (!*pending) continue;
        asio::post(set_.io_, [c = std::exchange(*pending, nullptr), ec = unwatched_]() mutable { c(ec); });
        set_.waits(-1);
    }
}

}  // namespace lurus
