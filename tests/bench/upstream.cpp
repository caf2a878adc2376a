#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <unordered_map>

#include "tests/bench/rig.hpp"
#include "tests/bench/secure.hpp"

namespace bench {
namespace {

struct Peer {
    std::string in;
    std::size_t need = 0;  // bytes of the request being read, once known
    int next_event = -1;   // of the running stream
    std::int64_t due_ns = 0;
    SslPtr tls;  // null = plain
};

class Upstream {
public:
    Upstream(int port, bool tls)
        : epoll_(epoll_create1(0)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
        if (tls) tls_ = make_server_context();
        const int one = 1;
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 4096) != 0)
            std::_Exit(3);
        watch(listener_);
        timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
        watch(timer_);
        const std::string& body = json_answer_body();
        json_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body;
    }

    [[noreturn]] void run() {
        epoll_event events[256];
        for (;;) {
            const int n = epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < n; ++i) {
                const int fd = events[i].data.fd;
                if (fd == listener_) {
                    accept_all();
                } else if (fd == timer_) {
                    std::uint64_t ticks = 0;
                    if (read(timer_, &ticks, sizeof ticks) > 0) send_due();
                } else {
                    readable(fd);
                }
            }
        }
    }

private:
    void watch(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    void accept_all() {
        for (;;) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
            if (fd < 0) return;
            const int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            auto& peer = peers_.emplace(fd, std::make_unique<Peer>()).first->second;
            if (tls_) peer->tls = accept_tls(tls_.get(), fd);
            watch(fd);
        }
    }

    void set_ticking(bool on) {
        if (ticking_ == on) return;
        ticking_ = on;
        itimerspec spec{};
        if (on) spec.it_interval.tv_nsec = spec.it_value.tv_nsec = 500'000;
        timerfd_settime(timer_, 0, &spec, nullptr);
    }

    void drop(int fd) {
        if (peers_[fd]->next_event >= 0) --streaming_;
        close(fd);
        peers_.erase(fd);
        if (streaming_ == 0) set_ticking(false);
    }

    void readable(int fd) {
        Peer& peer = *peers_[fd];
        if (!(peer.tls ? read_tls(peer.tls.get(), peer.in) : read_plain(fd, peer.in))) return drop(fd);
        if (peer.need == 0) {
            const std::size_t end = peer.in.find("\r\n\r\n");
            if (end == std::string::npos) return;
            std::size_t length = 0;
            for (const char* name : {"Content-Length: ", "content-length: "}) {
                const std::size_t at = peer.in.find(name);
                if (at < end) length = std::strtoul(peer.in.c_str() + at + 16, nullptr, 10);
            }
            peer.need = end + 4 + length;
        }
        if (peer.in.size() < peer.need) return;
        const std::size_t at = peer.in.find("bench-");
        const char kind = at == std::string::npos ? 'j' : peer.in[at + 6];
        peer.in.erase(0, peer.need);
        peer.need = 0;
        if (kind == 'j') {
            write_all(fd, json_);
            return;
        }
        peer.next_event = events_left_out(kind == 'b' ? Kind::brief : Kind::stream);
        peer.due_ns = kind == 'h' ? INT64_MAX : now_ns() + phase_ns();
        ++streaming_;
        std::string out =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(peer);
        write_all(fd, out);
        if (kind != 'h') set_ticking(true);
    }

    // Until a stream's second event, spread evenly over the interval whenever its request came: a proxy that passes
    // many requests on together must not meet their events together, which no vendor's streams do.
    std::int64_t phase_ns() {
        constexpr std::uint64_t golden = 0x9E37'79B9'7F4A'7C15;  // 2^64 divided by the golden ratio
        return static_cast<std::int64_t>(((++started_ * golden) >> 32) * event_interval_us * 1000 >> 32);
    }

    static bool read_plain(int fd, std::string& into) {
        static char buffer[256 * 1024];
        const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n > 0) into.append(buffer, static_cast<std::size_t>(n));
        return n > 0 || (n < 0 && errno == EAGAIN);
    }

    static std::string chunk(Peer& peer) {
        const std::string event = stream_event(peer.next_event++, now_ns() / 1000);
        char size[16];
        std::snprintf(size, sizeof size, "%zx\r\n", event.size());
        return size + event + "\r\n";
    }

    void send_due() {
        const std::int64_t now = now_ns();
        for (auto& [fd, peer] : peers_) {
            if (peer->next_event < 0 || peer->due_ns > now) continue;
            std::string out = chunk(*peer);
            peer->due_ns += event_interval_us * 1000ll;
            if (peer->next_event == events_per_stream) {
                out += "0\r\n\r\n";
                peer->next_event = -1;
                --streaming_;
            }
            write_all(fd, out);
        }
        if (streaming_ == 0) set_ticking(false);
    }

    void write_all(int fd, const std::string& bytes) {
        SSL* tls = peers_[fd]->tls.get();
        const bool good =
            tls != nullptr ? write_tls(tls, bytes)
                           : send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
        if (!good) shutdown(fd, SHUT_RDWR);
    }

    SslContextPtr tls_;
    int epoll_;
    int listener_;
    int timer_ = -1;
    std::uint64_t started_ = 0;  // streams
    bool ticking_ = false;
    int streaming_ = 0;
    std::string json_;
    std::unordered_map<int, std::unique_ptr<Peer>> peers_;
};

}  // namespace

void serve_upstream(int port, bool tls) {
    Upstream upstream(port, tls);
    upstream.run();
}

}  // namespace bench
