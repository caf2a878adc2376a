#include "core/io/readiness.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace lurus {

namespace asio = boost::asio;
using boost::system::error_code;

asio::execution_context::id Readiness::id;

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
    close_set();
}

error_code Readiness::add(Watch& watch, int descriptor) {
    if (closed_) return asio::error::operation_aborted;
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t slot = free_.back();
    if (const error_code failure = enter(slot, descriptor)) return failure;
    free_.pop_back();
    slots_[slot].watch = &watch;
    watch.slot_ = slot;
    return {};
}

void Readiness::remove(Watch& watch) {
    leave(watch.slot_);
    slots_[watch.slot_].watch = nullptr;
    ++slots_[watch.slot_].generation;
    free_.push_back(watch.slot_);
}

void Readiness::happened(std::uint32_t slot, std::uint32_t generation, Events events) {
    Watch* watch = slots_[slot].watch;
    if (watch == nullptr || slots_[slot].generation != generation) return;
    watch->ended_ = watch->ended_ || events.failed || events.ended;
    watch->failed_ = watch->failed_ || events.failed;
    watch->readable_ = watch->readable_ || watch->ended_ || events.readable;
    watch->writable_ = watch->writable_ || watch->failed_ || events.writable;
    if (watch->writable_ && watch->on_writable_) {
        watch->tell(watch->on_writable_, {});
        // It may have ended the connection.
        if (slots_[slot].watch != watch || slots_[slot].generation != generation) return;
    }
    if (watch->readable_ && watch->on_readable_) watch->tell(watch->on_readable_, {});
}

std::exception_ptr Readiness::end_turn() {
    in_turn_ = false;
    try {
        if (turn_end_) turn_end_();
    } catch (...) {
        return std::current_exception();
    }
    return nullptr;
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
    ++set_.waiting_;
    set_.waits_for(*this, &place == &on_writable_);
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
        --set_.waiting_;
        set_.waits_no_more();
    }
}

void Watch::let_go(int descriptor) {
    if (!unwatched_) set_.forget(descriptor);
    remove();
}

}  // namespace lurus
