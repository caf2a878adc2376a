#pragma once
// Records, sinks and folders for tests of the request log.

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "lurus/log.hpp"

namespace lurus::test {

class ScratchDir {
public:
    ScratchDir() {
        std::random_device entropy;
        path_ = std::filesystem::temp_directory_path() /
                ("lurus-log-" + std::to_string(entropy()) + "-" + std::to_string(entropy()));
        std::filesystem::create_directories(path_);
    }
    ~ScratchDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchDir(const ScratchDir&) = delete;
    ScratchDir& operator=(const ScratchDir&) = delete;
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// The wall clock is set by the test; the monotonic one is real.
class TestClock final : public Clock {
public:
    explicit TestClock(UnixMicros now) : now_(now) {}
    [[nodiscard]] UnixMicros now() const override { return now_.load(); }
    [[nodiscard]] std::int64_t monotonic_us() const override { return system_clock().monotonic_us(); }
    /// As long as that has passed, too.
    [[nodiscard]] std::int64_t since_boot_us() const override { return now_.load(); }
    void set(UnixMicros now) { now_.store(now); }

private:
    std::atomic<UnixMicros> now_;
};

class CountingSink final : public CommitSink {
public:
    void committed(std::span<const std::uint64_t> tickets, bool safe) noexcept override {
        const std::lock_guard lock(mutex_);
        ++calls_;
        for (const auto ticket : tickets) {
            ++(safe ? safe_ : unsafe_)[ticket];
        }
        changed_.notify_all();
    }
    /// False when `count` tickets were not told within ten seconds.
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(10),
                                 [&] { return safe_.size() + unsafe_.size() >= count; });
    }
    std::map<std::uint64_t, int> safe() {
        const std::lock_guard lock(mutex_);
        return safe_;
    }
    std::map<std::uint64_t, int> unsafe() {
        const std::lock_guard lock(mutex_);
        return unsafe_;
    }
    int calls() {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint64_t, int> safe_, unsafe_;
    int calls_ = 0;
};

constexpr UnixMicros sample_start = 1'795'000'000'000'000;  // 2026-11-18T11:06:40Z

/// Random, but the same for the same seed: values repeat as they do in real logs, and some are unknown.
class Samples {
public:
    explicit Samples(std::uint32_t seed, std::int64_t step_us = 700'000) : random_(seed), step_us_(step_us) {}

    int below(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }

    Id id() {
        Id id;
        for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random_());
        return id;
    }

    RequestRecord record() {
        RequestRecord r;
        time_ += below(static_cast<int>(2 * step_us_));
        r.trace_id = below(20) == 0 && !traces_.empty()
                         ? traces_[static_cast<std::size_t>(below(static_cast<int>(traces_.size())))]
                         : id();
        if (traces_.size() < 50) traces_.push_back(r.trace_id);
        r.time = time_ - below(5'000'000);  // requests end in another order than they start in
        r.dialect = static_cast<Dialect>(below(5));
        r.upstream_dialect = r.dialect;
        r.operation = "messages";
        r.model = name("model-", 6);
        r.upstream_model = name("upstream-", 4);
        r.route = name("route-", 3);
        r.provider = name("provider-", 3);
        r.account = name("account-", 5);
        r.key = name("key-", 9);
        r.user = name("user-", 4);
        // Two keys of each name, of one of three teams and two organisations; and some that are not known.
        if (!r.key.empty() && below(5) > 0) {
            const int key = below(2);
            r.key_id = named_id(1, r.key.back() * 2 + key);
            r.org_id = named_id(2, key);
            if (below(3) > 0) r.team_id = named_id(3, below(3));
        }
        if (below(4) > 0) r.record_id = ids_.at(r.time);
        r.client = name("client/", 7);
        r.session = name("session-", 400);
        r.stream = below(2) == 0;
        r.status = below(10) == 0 ? 429 : 200;
        r.end = static_cast<End>(below(12) == 0 ? 1 + below(3) : 0);
        if (below(3) > 0) r.ttfb_us = below(1'000'000);
        r.duration_us = below(10'000'000);
        r.bytes_in = below(100'000);
        r.bytes_out = below(100'000);
        r.usage = usage();
        if (below(4) > 0) r.cost = Money{below(2'000'000'000)};
        r.tariff = r.cost ? "vendor/model@2026-01-01" : "";
        r.usage_raw = below(5) == 0 ? "" : R"({"input_tokens":1,"output_tokens":2})";
        const int attempts = 1 + below(2);
        for (int i = 0; i < attempts; ++i) r.attempts.push_back(attempt(r, i + 1 == attempts));
        return r;
    }

    Usage usage() {
        Usage u;
        if (below(8) == 0) return u;
        u.input = below(5000);
        u.output = below(3000);
        if (below(2) == 0) u.cache_read = below(90000);
        if (below(3) == 0) u.cache_write_5m = below(9000);
        if (below(9) == 0) u.cache_write_1h = below(9000);
        if (below(3) == 0) u.reasoning = below(100);
        if (below(30) == 0) u.images = 1;
        if (below(30) == 0) u.web_searches = 2;
        if (below(30) == 0) u.service_tier = "priority";
        if (below(30) == 0) u.estimated = true;
        return u;
    }

private:
    std::string name(const char* prefix, int count) {
        return below(15) == 0 ? "" : prefix + std::to_string(below(count));
    }

    static Id named_id(int kind, int number) {
        Id id;
        id.bytes[0] = static_cast<std::uint8_t>(kind);
        id.bytes[15] = static_cast<std::uint8_t>(number);
        return id;
    }

    Attempt attempt(const RequestRecord& r, bool last) {
        Attempt a;
        a.provider = last ? r.provider : "provider-x";
        a.account = last ? r.account : "";
        a.upstream_model = r.upstream_model;
        a.chosen_because = last ? "route" : "fallback 1";
        a.outcome = last ? "ok" : "status_529";
        if (last || below(2) == 0) a.status = last ? 200 : 529;
        a.started_us = below(1000);
        a.duration_us = below(1'000'000);
        if (last) {
            a.usage = r.usage;
            a.cost = r.cost;
        }
        return a;
    }

    std::mt19937 random_;
    IdGenerator ids_{random_() | 1ull};
    std::int64_t step_us_;
    UnixMicros time_ = sample_start;
    std::vector<Id> traces_;
};

}  // namespace lurus::test
