// What the request log costs: rows a second, CPU a row (writer, index and rollups together), awaited commits at a fixed
// rate and one at a time, and queries over the filled file.
//   lurus_log_bench --rows N [--dir DIR] [--batch N] [--rate N] [--seconds N] [--flood N] [--keep]

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>

#include "lurus/log_sqlite.hpp"

namespace {

using namespace lurus;

double cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double thread_cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double now_seconds() {
    return static_cast<double>(system_clock().monotonic_us()) * 1e-6;
}

double resident_mib() {
    long pages = 0, resident = 0;
    if (FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return static_cast<double>(resident) * 4096 / (1 << 20);
}

/// Records as a team's gateway writes them: 40 keys, 12 models, sessions of about 30 requests, random trace ids.
class Traffic {
public:
    explicit Traffic(std::uint32_t seed) : random_(seed) {}

    RequestRecord next(UnixMicros time) {
        static const char* const models[] = {
            "claude-sonnet-4-5", "claude-opus-4-5",  "claude-haiku-4-5", "gpt-5.1", "gpt-5.1-codex", "gpt-5-mini",
            "gemini-3-pro",      "gemini-2.5-flash", "deepseek-chat",    "glm-4.6", "kimi-k2",       "qwen3-max"};
        RequestRecord r;
        for (auto& byte : r.trace_id.bytes) byte = static_cast<std::uint8_t>(random_());
        last_trace = r.trace_id;
        r.time = time;
        const auto model = std::min(below(12), below(12));
        r.dialect = r.upstream_dialect = model < 3 ? Dialect::anthropic : Dialect::openai_chat;
        r.operation = model < 3 ? "messages" : "chat.completions";
        r.model = models[model];
        r.upstream_model = models[model];
        r.route = "default";
        r.provider = model < 3 ? "anthropic" : "openrouter";
        r.account = r.provider + "-" + std::to_string(below(3));
        const auto key = std::min(below(40), below(40));
        r.key = "team-key-" + std::to_string(key);
        r.user = "user-" + std::to_string(key / 2);
        r.record_id = ids_.at(time);
        r.key_id.bytes[15] = static_cast<std::uint8_t>(1 + key);
        r.team_id.bytes[15] = static_cast<std::uint8_t>(1 + key / 8);
        r.org_id.bytes[15] = 1;
        r.client = model < 3 ? "claude-cli/2.0.37 (external, cli)" : "OpenAI/Python 2.8.0";
        r.session = "session-" + std::to_string(++count_ / 3000 * 100 + below(100));
        r.stream = below(5) > 0;
        r.status = below(100) == 0 ? 429 : 200;
        r.end = r.status == 200 ? End::complete : End::error;
        r.ttfb_us = 400'000 + below(900'000);
        r.duration_us = 2'000'000 + below(9'000'000);
        r.bytes_in = 40'000 + below(100'000);
        r.bytes_out = 3'000 + below(20'000);
        r.usage.input = below(4000);
        r.usage.cache_read = below(90'000);
        r.usage.cache_write_5m = below(4000);
        r.usage.output = below(2000);
        r.usage_raw =
            "{\"input_tokens\":1234,\"cache_creation_input_tokens\":2345,\"cache_read_input_tokens\":34567,\"output_"
            "tokens\":456}";
        r.cost = Money{below(90'000'000)};
        r.tariff = "anthropic/claude-sonnet-4-5@2025-09-29";
        Attempt a;
        a.provider = r.provider;
        a.account = r.account;
        a.upstream_model = r.upstream_model;
        a.chosen_because = "route";
        a.outcome = "ok";
        a.status = r.status;
        a.started_us = 90;
        a.duration_us = r.duration_us - 100;
        a.usage = r.usage;
        a.cost = r.cost;
        r.attempts.push_back(std::move(a));
        return r;
    }
    Id last_trace;

private:
    int below(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }
    std::mt19937 random_;
    IdGenerator ids_;
    int count_ = 0;
};

class RateSink final : public CommitSink {
public:
    explicit RateSink(std::size_t count) : sent(count), told(count) {}
    void committed(std::span<const std::uint64_t> tickets, bool) noexcept override {
        const auto now = system_clock().monotonic_us();
        for (const auto ticket : tickets) told[ticket] = now;
        ++calls;
    }
    std::vector<std::int64_t> sent, told;
    int calls = 0;
};

struct Options {
    std::int64_t rows = 1'000'000;
    std::filesystem::path dir = std::filesystem::temp_directory_path();
    int batch = 64;
    int rate = 5000;
    int seconds = 10;
    std::int64_t flood = 200'000;
    bool keep = false;
};

struct Filled {
    Id early, middle;
    UnixMicros start = 0, end = 0;
};

/// Hands over `batch` records at a time and waits for their commit, as 64 connections on one shard would.
Filled fill(RequestLog& log, const Options& options) {
    class Gate final : public CommitSink {
    public:
        void committed(std::span<const std::uint64_t> tickets, bool) noexcept override {
            left.fetch_sub(static_cast<int>(tickets.size()));
            left.notify_one();
        }
        std::atomic<int> left = 0;
    } gate;
    Traffic traffic(1);
    Filled filled;
    filled.start = system_clock().now() - 20ll * 3600 * 1'000'000;
    filled.end = system_clock().now();
    const double step = static_cast<double>(filled.end - filled.start) / static_cast<double>(options.rows);
    const double start = now_seconds(), cpu = cpu_seconds();
    double mine = 0, busy = 0;
    double mark = start, mark_cpu = cpu, mark_mine = 0;
    for (std::int64_t i = 0; i < options.rows;) {
        std::vector<LogEntry> entries;
        const double before = thread_cpu_seconds();
        for (int k = 0; k < options.batch && i < options.rows; ++k, ++i) {
            entries.push_back(LogEntry{
                traffic.next(filled.start + static_cast<std::int64_t>(static_cast<double>(i) * step)), 0, &gate});
            if (i == 1000) filled.early = traffic.last_trace;
            if (i == options.rows / 2) filled.middle = traffic.last_trace;
        }
        mine += thread_cpu_seconds() - before;
        const double began = now_seconds();
        gate.left.store(static_cast<int>(entries.size()));
        log.append_all(entries);
        for (int left = gate.left.load(); left > 0; left = gate.left.load()) gate.left.wait(left);
        busy += now_seconds() - began;
        const auto tenth = std::max<std::int64_t>(options.rows / 10, 1);
        if (i / tenth != (i - options.batch) / tenth) {
            const double rows = static_cast<double>(tenth);
            std::printf("  %10lld rows: %.2f us CPU/row, %.0f rows/s (waiting for commits), RSS %.1f MiB\n",
                        static_cast<long long>(i), (cpu_seconds() - mark_cpu - (mine - mark_mine)) / rows * 1e6,
                        rows / (now_seconds() - mark - (mine - mark_mine)), resident_mib());
            std::fflush(stdout);
            mark = now_seconds();
            mark_cpu = cpu_seconds();
            mark_mine = mine;
        }
    }
    const auto flushed = log.flush(60'000);
    if (!flushed) std::printf("flush: %s\n", flushed.error().message.c_str());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the rest of the index
    const auto rows = static_cast<double>(options.rows);
    std::printf("batches of %d: %.2f us CPU/row (append, commit, index, rollup, checkpoint), %.0f rows/s\n",
                options.batch, (cpu_seconds() - cpu - mine) / rows * 1e6, rows / busy);
    return filled;
}

/// Appends as fast as there is room: what the writer takes when batches form by themselves.
void flood(RequestLog& log, std::int64_t count) {
    Traffic traffic(2);
    std::vector<RequestRecord> records;
    const UnixMicros time = system_clock().now();
    for (std::int64_t i = 0; i < count; ++i) records.push_back(traffic.next(time));
    const double start = now_seconds(), cpu = cpu_seconds();
    for (auto& record : records) log.append(std::move(record), 0, nullptr);
    const auto flushed = log.flush(60'000);
    if (!flushed) std::printf("flush: %s\n", flushed.error().message.c_str());
    std::printf("flood of %lld: %.0f rows/s, %.2f us CPU/row\n", static_cast<long long>(count),
                static_cast<double>(count) / (now_seconds() - start),
                (cpu_seconds() - cpu) / static_cast<double>(count) * 1e6);
}

void paced(RequestLog& log, const Options& options) {
    const auto count = static_cast<std::size_t>(options.rate) * static_cast<std::size_t>(options.seconds);
    RateSink sink(count);
    Traffic traffic(3);
    std::mt19937 random(4);
    std::vector<LogEntry> entries;
    double due = now_seconds();
    for (std::size_t i = 0; i < count; ++i) {
        auto record = traffic.next(system_clock().now());
        // Poisson arrivals.
        due += -std::log((static_cast<double>(random() % 1'000'000) + 1) / 1'000'001) / options.rate;
        for (double left = due - now_seconds(); left > 0; left = due - now_seconds()) {
            if (left > 100e-6) std::this_thread::sleep_for(std::chrono::duration<double>(left - 50e-6));
        }
        sink.sent[i] = system_clock().monotonic_us();
        entries.push_back(LogEntry{std::move(record), i, &sink});
        log.append_all(entries);
    }
    const auto flushed = log.flush(60'000);
    if (!flushed) std::printf("flush: %s\n", flushed.error().message.c_str());
    std::vector<std::int64_t> waits;
    for (std::size_t i = 0; i < count; ++i) waits.push_back(sink.told[i] - sink.sent[i]);
    std::ranges::sort(waits);
    const auto at = [&](double p) {
        return static_cast<long long>(waits[static_cast<std::size_t>(p * static_cast<double>(count - 1))]);
    };
    std::printf("awaited commit at %d/s: p50 %lld us, p99 %lld us, p99.9 %lld us, max %lld us; %.1f rows a commit\n",
                options.rate, at(0.5), at(0.99), at(0.999), at(1), static_cast<double>(count) / sink.calls);
}

/// One record at a time, each with its commit.
void alone(RequestLog& log, int count) {
    class Told final : public CommitSink {
    public:
        void committed(std::span<const std::uint64_t>, bool) noexcept override {
            told.store(true);
            told.notify_one();
        }
        std::atomic<bool> told = false;
    } sink;
    Traffic traffic(5);
    std::vector<double> waits;
    const double cpu = cpu_seconds();
    double mine = 0;
    for (int i = 0; i < count; ++i) {
        const double before = thread_cpu_seconds();
        std::vector<LogEntry> entries;
        entries.push_back(LogEntry{traffic.next(system_clock().now()), 0, &sink});
        mine += thread_cpu_seconds() - before;
        sink.told.store(false);
        const double start = now_seconds();
        log.append_all(entries);
        sink.told.wait(false);
        waits.push_back((now_seconds() - start) * 1e6);
    }
    std::ranges::sort(waits);
    std::printf("one at a time: p50 %.0f us, p99 %.0f us; %.2f us CPU/row\n", waits[waits.size() / 2],
                waits[waits.size() * 99 / 100], (cpu_seconds() - cpu - mine) / count * 1e6);
}

template <class Ask>
void timed(const char* what, Ask ask) {
    double first = 0;
    std::vector<double> times;
    std::size_t found = 0;
    for (int i = 0; i < 6; ++i) {
        const double start = now_seconds();
        const auto got = ask();
        const double ms = (now_seconds() - start) * 1e3;
        if (!got) {
            std::printf("  %-44s %s\n", what, got.error().message.c_str());
            return;
        }
        found = got->size();
        if (i == 0) {
            first = ms;
        } else {
            times.push_back(ms);
        }
    }
    std::ranges::sort(times);
    std::printf("  %-44s first %7.2f ms, then %7.2f ms  (%zu rows)\n", what, first, times[times.size() / 2], found);
}

void queries(RequestLog& log, const Filled& filled) {
    const auto query = [&](const char* what, auto set) {
        LogFilter filter;
        set(filter);
        timed(what, [&] { return log.query(filter); });
    };
    std::printf("queries:\n");
    query("last 50", [](LogFilter&) {});
    query("key, frequent", [](LogFilter& f) { f.key = "team-key-1"; });
    query("key, rare", [](LogFilter& f) { f.key = "team-key-39"; });
    query("key, unknown", [](LogFilter& f) { f.key = "nobody"; });
    query("user", [](LogFilter& f) { f.user = "user-19"; });
    query("model, rare", [](LogFilter& f) { f.model = "qwen3-max"; });
    query("model, unknown", [](LogFilter& f) { f.model = "none"; });
    query("upstream_model, unknown", [](LogFilter& f) { f.upstream_model = "none"; });
    query("provider, unknown", [](LogFilter& f) { f.provider = "none"; });
    query("account", [](LogFilter& f) { f.account = "openrouter-2"; });
    query("route, unknown", [](LogFilter& f) { f.route = "none"; });
    query("client, unknown", [](LogFilter& f) { f.client = "none"; });
    query("session, early", [](LogFilter& f) { f.session = "session-42"; });
    query("session, unknown", [](LogFilter& f) { f.session = "none"; });
    query("dialect, unused", [](LogFilter& f) { f.dialect = Dialect::gemini; });
    query("end, unused", [](LogFilter& f) { f.end = End::upstream_cut; });
    query("status 429", [](LogFilter& f) { f.status = 429; });
    query("status, unused", [](LogFilter& f) { f.status = 500; });
    query("stream = false", [](LogFilter& f) { f.stream = false; });
    query("until, ten hours ago", [&](LogFilter& f) { f.until = filled.start + (filled.end - filled.start) / 2; });
    query("since and until, one minute", [&](LogFilter& f) {
        f.since = filled.start + (filled.end - filled.start) / 3;
        f.until = *f.since + 60'000'000;
    });
    query("dialect and provider that never meet", [](LogFilter& f) {
        f.dialect = Dialect::anthropic;
        f.provider = "openrouter";
    });
    timed("trace, early", [&] { return log.trace(filled.early); });
    timed("trace, middle", [&] { return log.trace(filled.middle); });
    timed("trace, unknown", [&] { return log.trace(Id{}); });
    const UnixMicros now = system_clock().now();
    timed("usage, 24 h, by model", [&] { return log.usage(now - 86'400'000'000ll, now, UsageBy::model); });
    timed("usage, 24 h, by key", [&] { return log.usage(now - 86'400'000'000ll, now, UsageBy::key); });
    timed("usage, all, by day", [&] { return log.usage(0, now, UsageBy::day); });
    timed("usage, 10 h and a bit, by hour",
          [&] { return log.usage(now - 36'123'456'789ll, now - 3'456'789ll, UsageBy::hour); });
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Measures the request log");
    app.add_option("--rows", options.rows, "Rows to fill");
    app.add_option("--dir", options.dir, "Where the file is made");
    app.add_option("--batch", options.batch, "Rows that wait for one commit while filling");
    app.add_option("--rate", options.rate, "Appends a second for the awaited commits");
    app.add_option("--seconds", options.seconds, "How long the awaited commits are measured")
        ->check(CLI::Range(1, 3600));
    app.add_option("--flood", options.flood, "Rows appended without waiting");
    app.add_flag("--keep", options.keep, "Leave the file");
    CLI11_PARSE(app, argc, argv);
    const auto dir = options.dir / ("lurus-log-bench-" + std::to_string(std::random_device()()));
    std::filesystem::create_directories(dir);
    LogSettings settings;
    settings.file = dir / "log.db";
    {
        auto log = make_request_log_sqlite(settings, system_clock());
        if (!log) {
            std::printf("%s\n", log.error().message.c_str());
            return 1;
        }
        const Filled filled = fill(**log, options);
        paced(**log, options);
        alone(**log, 20'000);
        flood(**log, options.flood);
        std::printf("file %.2f GB for %lld rows (%.0f bytes a row), RSS %.1f MiB\n",
                    static_cast<double>(std::filesystem::file_size(settings.file)) * 1e-9,
                    static_cast<long long>((*log)->status().committed),
                    static_cast<double>(std::filesystem::file_size(settings.file)) /
                        static_cast<double>((*log)->status().committed),
                    resident_mib());
        queries(**log, filled);
        log->reset();
        const double start = now_seconds();
        log = make_request_log_sqlite(settings, system_clock());
        const double opened = now_seconds();
        if (log && (*log)->query(LogFilter())) {
            std::printf("reopened in %.1f ms, first query after %.1f ms\n", (opened - start) * 1e3,
                        (now_seconds() - start) * 1e3);
        }
    }
    if (!options.keep) std::filesystem::remove_all(dir);
    return 0;
}
