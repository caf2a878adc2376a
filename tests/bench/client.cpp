#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "tests/bench/rig.hpp"

namespace bench {
namespace {

int dial(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        close(fd);
        return -1;
    }
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

std::string expected_of(Kind kind) {
    if (kind == Kind::json) return json_answer_body();
    std::string all;
    for (int n = events_left_out(kind); n < events_per_stream; ++n) all += stream_event(n, 0);
    return all;
}

struct Connection {
    int fd = -1;
    std::int64_t started_ns = 0;
    bool head_done = false;
    bool chunked = false;
    std::size_t length = 0;
    bool first_byte = false;
    std::string raw;              // not yet understood
    std::string body;             // without framing
    std::size_t stamps_read = 0;  // bytes of the body that were searched for stamps
    bool ended = false;
};

class Loader {
public:
    Loader(int port, Kind kind, const std::string& request, int connections, std::int64_t requests, Next next)
        : port_(port),
          kind_(kind),
          next_(next),
          expected_(expected_of(kind)),
          request_(request),
          left_(requests),
          epoll_(epoll_create1(0)),
          connections_(static_cast<std::size_t>(connections)) {}
    ~Loader() {
        for (auto& c : connections_) {
            if (c.fd >= 0) close(c.fd);
        }
        close(epoll_);
    }

    Load run() {
        for (std::size_t i = 0; i < connections_.size() && left_ > 0; ++i) {
            connect(connections_[i]);
            next(connections_[i]);
        }
        epoll_event events[256];
        while (running_ > 0) {
            const int n = epoll_wait(epoll_, events, 256, 20'000);
            if (n == 0) throw std::runtime_error("no answer for 20 s");
            for (int i = 0; i < n; ++i) readable(connections_[events[i].data.u64]);
        }
        return std::move(load_);
    }

private:
    void connect(Connection& c) {
        c.fd = dial(port_);
        if (c.fd < 0) throw std::runtime_error("cannot connect");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = static_cast<std::uint64_t>(&c - connections_.data());
        epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
    }

    void next(Connection& c) {
        if (left_ == 0) return;
        --left_;
        ++running_;
        c.head_done = c.chunked = c.first_byte = c.ended = false;
        c.length = c.stamps_read = 0;
        c.raw.clear();
        c.body.clear();
        c.started_ns = now_ns();
        std::size_t sent = 0;
        while (sent < request_.size()) {
            const ssize_t n = send(c.fd, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) throw std::runtime_error("cannot send");
            sent += static_cast<std::size_t>(n);
        }
    }

    void wrong(const Connection& c, const std::string& why) {
        if (load_.wrong++ == 0) load_.first_wrong = why + ": " + c.raw.substr(0, 300) + c.body.substr(0, 300);
    }

    void readable(Connection& c) {
        static char buffer[256 * 1024];
        const ssize_t n = recv(c.fd, buffer, sizeof buffer, 0);
        if (n <= 0) throw std::runtime_error("the connection was closed");
        const std::int64_t now = now_ns();
        c.raw.append(buffer, static_cast<std::size_t>(n));
        if (!c.head_done && !read_head(c)) return;
        if (c.chunked) {
            read_chunks(c);
        } else {
            c.body += c.raw;
            c.raw.clear();
            c.ended = c.body.size() >= c.length;
        }
        if (!c.first_byte && !c.body.empty()) {
            c.first_byte = true;
            load_.first_byte_ns.push_back(now - c.started_ns);
        }
        if (kind_ != Kind::json) read_stamps(c, now);
        if (!c.ended) return;
        check(c);
        load_.latency_ns.push_back(now - c.started_ns);
        ++load_.requests;
        --running_;
        if (next_ == Next::new_connection && left_ > 0) {
            close(c.fd);
            connect(c);
        }
        next(c);
    }

    bool read_head(Connection& c) {
        const std::size_t end = c.raw.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        if (!c.raw.starts_with("HTTP/1.1 200")) {
            wrong(c, "status");
            throw std::runtime_error("not a 200: " + c.raw.substr(0, 400));
        }
        std::string head = c.raw.substr(0, end);
        std::ranges::transform(head, head.begin(), [](unsigned char x) { return static_cast<char>(std::tolower(x)); });
        c.chunked = head.find("transfer-encoding: chunked") != std::string::npos;
        const std::size_t at = head.find("content-length: ");
        if (at != std::string::npos) c.length = std::strtoul(head.c_str() + at + 16, nullptr, 10);
        c.raw.erase(0, end + 4);
        c.head_done = true;
        return true;
    }

    static void read_chunks(Connection& c) {
        std::size_t at = 0;
        for (;;) {
            const std::size_t line = c.raw.find("\r\n", at);
            if (line == std::string::npos) break;
            const std::size_t size = std::strtoul(c.raw.c_str() + at, nullptr, 16);
            if (c.raw.size() < line + 2 + size + 2) break;
            c.body.append(c.raw, line + 2, size);
            at = line + 2 + size + 2;
            if (size == 0) {
                c.ended = true;
                break;
            }
        }
        c.raw.erase(0, at);
    }

    void read_stamps(Connection& c, std::int64_t now) {
        for (;;) {
            const std::size_t at = c.body.find(stamp_marker, c.stamps_read);
            if (at == std::string::npos || at + stamp_marker.size() + stamp_digits > c.body.size()) return;
            const std::size_t digits = at + stamp_marker.size();
            const std::int64_t stamp = std::strtoll(c.body.substr(digits, stamp_digits).c_str(), nullptr, 10);
            load_.event_delay_ns.push_back(now - stamp * 1000);
            std::memset(c.body.data() + digits, '0', stamp_digits);
            c.stamps_read = digits + stamp_digits;
            ++load_.events;
        }
    }

    void check(Connection& c) {
        if (c.body != expected_) wrong(c, "body");
    }

    int port_;
    Kind kind_;
    Next next_;
    const std::string expected_;
    const std::string& request_;
    std::int64_t left_;
    int epoll_;
    std::int64_t running_ = 0;
    std::vector<Connection> connections_;
    Load load_;
};

}  // namespace

Load run_load(int port, Kind kind, const std::string& request, int connections, std::int64_t requests, Next next) {
    return Loader(port, kind, request, connections, requests, next).run();
}

bool hold_streams(int port, const std::string& request, int count, std::vector<int>& sockets, std::string& error) {
    for (int i = 0; i < count; ++i) {
        const int fd = dial(port);
        if (fd < 0) {
            error = "cannot connect stream " + std::to_string(i) + ": " + std::strerror(errno);
            return false;
        }
        sockets.push_back(fd);
        if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
            return false;
        std::string got;
        char buffer[4096];
        while (got.find("word1000") == std::string::npos) {
            pollfd waiting{fd, POLLIN, 0};
            const ssize_t n = poll(&waiting, 1, 10'000) == 1 ? recv(fd, buffer, sizeof buffer, 0) : -1;
            if (n <= 0) {
                error = "stream " + std::to_string(i) + " got no first event: " + got.substr(0, 300);
                return false;
            }
            got.append(buffer, static_cast<std::size_t>(n));
        }
    }
    return true;
}

std::int64_t wait_ready(int port, const std::string& path, int timeout_ms) {
    const std::int64_t start = now_ns();
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    while (now_ns() - start < timeout_ms * 1'000'000ll) {
        const int fd = dial(port);
        if (fd >= 0) {
            char buffer[64] = {};
            pollfd waiting{fd, POLLIN, 0};
            const bool good = send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
                              poll(&waiting, 1, 1000) == 1 && recv(fd, buffer, sizeof buffer - 1, 0) > 12 &&
                              std::strncmp(buffer, "HTTP/1.1 200", 12) == 0;
            close(fd);
            if (good) return now_ns() - start;
        }
        usleep(500);
    }
    return -1;
}

}  // namespace bench
