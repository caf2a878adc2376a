// The set asks Winsock's driver (AFD) to tell when a socket is ready, as libuv, Rust's mio and wepoll do: its answer is
// an overlapped operation's completion on the io_context's own port. A poll is made for a wait and is over when it is
// told; those that wait for reading and for writing are apart, so none is taken back but with its socket.

#include <winsock2.h>

#include <mswsock.h>
#include <winternl.h>

#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/windows/overlapped_ptr.hpp>
#include <boost/asio/windows/stream_handle.hpp>
#include <deque>
#include <limits>
#include <system_error>

#include "core/io/readiness.hpp"

namespace lurus {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t most_events = 64;  // of a turn: its first answer waits for the last of them
constexpr ULONG ioctl_afd_poll = 0x00012024;

enum AfdEvents : ULONG {
    afd_receive = 0x0001,
    afd_send = 0x0004,
    afd_disconnect = 0x0008,
    afd_abort = 0x0010,
    afd_local_close = 0x0020,
    afd_accept = 0x0080,
    afd_connect_fail = 0x0100,
};
constexpr ULONG afd_ended = afd_disconnect | afd_local_close;
constexpr ULONG afd_failed = afd_abort | afd_connect_fail;

struct AfdPoll {
    LARGE_INTEGER timeout;
    ULONG count;
    ULONG exclusive;
    struct {
        HANDLE socket;
        ULONG events;
        NTSTATUS status;
    } sockets[1];
};

HANDLE open_afd() {
    std::wstring name = L"\\Device\\Afd\\Lurus";
    UNICODE_STRING text{};
    text.Buffer = name.data();
    text.Length = static_cast<USHORT>(name.size() * sizeof(wchar_t));
    text.MaximumLength = static_cast<USHORT>(text.Length + sizeof(wchar_t));
    OBJECT_ATTRIBUTES attributes{};
    attributes.Length = sizeof attributes;
    attributes.ObjectName = &text;
    IO_STATUS_BLOCK status{};
    HANDLE handle = nullptr;
    const NTSTATUS result = ::NtCreateFile(&handle, SYNCHRONIZE, &attributes, &status, nullptr, 0,
                                           FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, 0, nullptr, 0);
    if (result < 0)
        throw std::system_error(static_cast<int>(::RtlNtStatusToDosError(result)), std::system_category(),
                                "opening Winsock's driver");
    return handle;
}

// The driver knows the sockets below whatever other programs have put into Winsock.
error_code base_of(int descriptor, HANDLE& base) {
    SOCKET found = INVALID_SOCKET;
    DWORD size = 0;
    if (::WSAIoctl(static_cast<SOCKET>(descriptor), SIO_BASE_HANDLE, nullptr, 0, &found, sizeof found, &size, nullptr,
                   nullptr) != 0)
        return {::WSAGetLastError(), boost::system::system_category()};
    base = reinterpret_cast<HANDLE>(found);
    return {};
}

}  // namespace

struct Readiness::Set {
    struct Poll {
        AfdPoll asked{};
        OVERLAPPED* pending = nullptr;
        std::uint32_t slot = 0;
        std::uint32_t generation = 0;
        bool writable = false;
    };
    struct Socket {
        HANDLE base = nullptr;
        std::array<Poll*, 2> polls{};  // what is pending: for reading, for writing
    };
    struct Told {
        std::uint32_t slot = 0;
        std::uint32_t generation = 0;
        Events events;
    };

    explicit Set(asio::io_context& io) : afd(io, open_afd()) {
        ::SetFileCompletionNotificationModes(afd.native_handle(), FILE_SKIP_SET_EVENT_ON_HANDLE);
    }

    Poll& take() {
        if (idle.empty()) return polls.emplace_back();
        Poll& poll = *idle.back();
        idle.pop_back();
        return poll;
    }

    asio::windows::stream_handle afd;
    std::vector<Socket> sockets;  // by slot
    std::deque<Poll> polls;       // the driver writes into those that are pending
    std::vector<Poll*> idle;
    std::deque<Told> told;  // what the next turn is about
};

Readiness::Readiness(asio::execution_context& context)
    : service(context), io_(static_cast<asio::io_context&>(context)), set_(std::make_unique<Set>(io_)) {}

Readiness::~Readiness() = default;

// What is pending ends here, and is taken back by the io_context before it is gone; until then the set's memory stays.
void Readiness::close_set() {
    ::CancelIoEx(set_->afd.native_handle(), nullptr);
    error_code ignored;
    set_->afd.close(ignored);
}

error_code Readiness::enter(std::uint32_t slot, int descriptor) {
    if (set_->sockets.size() <= slot) set_->sockets.resize(slot + 1);
    set_->sockets[slot] = {};
    return base_of(descriptor, set_->sockets[slot].base);
}

void Readiness::leave(std::uint32_t slot) {
    if (closed_) return;
    for (Set::Poll* poll : std::exchange(set_->sockets[slot].polls, {})) {
        if (poll != nullptr) ::CancelIoEx(set_->afd.native_handle(), poll->pending);
    }
}

void Readiness::forget(int) {}  // nothing is left of a socket whose polls are over

void Readiness::waits_for(const Watch& watch, bool writable) {
    if (closed_) return;
    Set::Socket& socket = set_->sockets[watch.slot_];
    if (socket.polls[writable] != nullptr) return;
    Set::Poll& poll = set_->take();
    poll.slot = watch.slot_;
    poll.generation = slots_[watch.slot_].generation;
    poll.writable = writable;
    poll.asked.timeout.QuadPart = std::numeric_limits<LONGLONG>::max();
    poll.asked.count = 1;
    poll.asked.exclusive = 0;
    poll.asked.sockets[0].socket = socket.base;
    poll.asked.sockets[0].events = afd_ended | afd_failed | (writable ? afd_send : afd_receive | afd_accept);
    poll.asked.sockets[0].status = 0;
    socket.polls[writable] = &poll;

    auto then = [this, &poll](const error_code& ec, std::size_t) {
        poll.pending = nullptr;
        set_->idle.push_back(&poll);
        if (slots_[poll.slot].generation != poll.generation) return;
        set_->sockets[poll.slot].polls[poll.writable] = nullptr;
        const ULONG events = ec ? afd_failed : poll.asked.count == 0 ? 0 : poll.asked.sockets[0].events;
        set_->told.push_back({poll.slot,
                              poll.generation,
                              {.readable = (events & (afd_receive | afd_accept)) != 0,
                               .writable = (events & afd_send) != 0,
                               .ended = (events & afd_ended) != 0,
                               .failed = (events & afd_failed) != 0}});
        wait();
    };
    asio::windows::overlapped_ptr operation(
        io_, asio::bind_allocator(std::pmr::polymorphic_allocator<>(&memory_), std::move(then)));
    poll.pending = operation.get();
    auto* status = reinterpret_cast<IO_STATUS_BLOCK*>(operation.get());
    status->Status = static_cast<NTSTATUS>(STATUS_PENDING);
    const NTSTATUS result =
        ::NtDeviceIoControlFile(set_->afd.native_handle(), nullptr, nullptr, operation.get(), status, ioctl_afd_poll,
                                &poll.asked, sizeof poll.asked, &poll.asked, sizeof poll.asked);
    if (result >= 0) {
        operation.release();
    } else {
        operation.complete(
            error_code(static_cast<int>(::RtlNtStatusToDosError(result)), boost::system::system_category()), 0);
    }
}

void Readiness::waits_no_more() {}

// The turn comes after the completions that are there already, so it is about all of them.
void Readiness::wait() {
    if (std::exchange(armed_, true)) return;
    auto then = [this] {
        armed_ = false;
        const std::exception_ptr failure = turn();
        if (!set_->told.empty()) wait();
        if (failure) std::rethrow_exception(failure);
    };
    asio::post(io_, asio::bind_allocator(std::pmr::polymorphic_allocator<>(&memory_), std::move(then)));
}

// A callback that throws takes nothing from the others of its turn. The first failure is returned.
std::exception_ptr Readiness::turn() {
    std::exception_ptr failure;
    in_turn_ = true;
    for (std::size_t i = 0; i < most_events && !set_->told.empty(); ++i) {
        const Set::Told told = set_->told.front();
        set_->told.pop_front();
        try {
            happened(told.slot, told.generation, told.events);
        } catch (...) {
            if (!failure) failure = std::current_exception();
        }
    }
    const std::exception_ptr at_end = end_turn();
    return failure ? failure : at_end;
}

}  // namespace lurus
