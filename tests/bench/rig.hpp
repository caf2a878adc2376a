#pragma once
// The bench's rig: a scripted upstream, a client that checks every byte, and processes to measure. Everything is one
// thread of epoll and prepared bytes, so that it costs less than what it measures.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// Monotonic nanoseconds, the same clock in every process of the machine.
std::int64_t now_ns();

// --- what goes over the wire ---
constexpr int events_per_stream = 50;
constexpr int event_interval_us = 5000;
/// Requests in the OpenAI chat dialect. `size` = about the body's bytes.
enum class Kind { json, stream, brief, hold };
/// Events of a stream before the first one that is sent: a brief stream has the last three only.
constexpr int events_left_out(Kind kind) {
    return kind == Kind::brief ? events_per_stream - 3 : 0;
}
std::string make_request(Kind kind, std::size_t size, std::string_view key);
const std::string& json_answer_body();
/// The n-th event of a stream; `stamp_us` stands in 16 digits at `stamp_offset`.
std::string stream_event(int n, std::int64_t stamp_us);
constexpr std::string_view stamp_marker = "\"created\":";
constexpr std::size_t stamp_digits = 16;

// --- processes ---
/// Serves the scripted answers on 127.0.0.1:`port` until it is killed. Never returns.
[[noreturn]] void serve_upstream(int port, bool tls);

struct Process {
    int pid = -1;
    /// CPU nanoseconds of all threads so far.
    [[nodiscard]] std::int64_t cpu_ns() const;
    [[nodiscard]] std::int64_t rss_bytes() const;
    void stop();
};
/// Runs `argv` on core `core`, output to `log`.
Process spawn(const std::vector<std::string>& argv, int core, const std::string& log);
Process spawn_upstream(int port, int core, bool tls = false);
constexpr int any_core = -1;
void pin(int core);
int free_port();
/// Polls until a GET of `path` answers 200. Returns the nanoseconds it took, or -1.
std::int64_t wait_ready(int port, const std::string& path, int timeout_ms);

// --- load ---
struct Load {
    std::int64_t requests = 0;
    std::int64_t events = 0;
    std::int64_t wrong = 0;  // answers that were not what the upstream sends
    std::string first_wrong;
    std::vector<std::int64_t> latency_ns;      // request to last byte
    std::vector<std::int64_t> first_byte_ns;   // request to first body byte
    std::vector<std::int64_t> event_delay_ns;  // from the upstream's write to the client's read
};
/// What a client does when it has its answer and wants another.
enum class Next : std::uint8_t { same_connection, new_connection };
/// `requests` in all, `connections` at a time, each sending the next when the last is answered.
Load run_load(int port, Kind kind, const std::string& request, int connections, std::int64_t requests,
              Next next = Next::same_connection);
/// Opens streams that stay open after their first event; `sockets` are the caller's to close. False when one did not
/// answer.
bool hold_streams(int port, const std::string& request, int count, std::vector<int>& sockets, std::string& error);

double percentile(std::vector<std::int64_t> values, double p);

}  // namespace bench
