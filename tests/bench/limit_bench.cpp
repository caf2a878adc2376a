// What the limits cost a shard: CPU of one admitted, settled and ended request, by the thread's own clock.
//   lurus_limit_bench [--requests N] [--threads N]
// Every thread is a shard; all of them use the same key, which is the worst case for the shared words.

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lurus/clock.hpp"
#include "modules/gateway/limits/limit_admission.hpp"

namespace {

using namespace lurus;
using namespace lurus::gateway;

double thread_cpu_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

struct Case {
    const char* name;
    std::vector<LimitedSubject> subjects;
};

LimitedSubject subject(Subject kind, std::string_view id, const Limits& limits) {
    LimitedSubject out;
    out.subject = kind;
    out.id = out.name = id;
    out.limits = limits;
    return out;
}

// Refuses nobody, so that the whole path is measured.
Limits all_limits(WindowKind window) {
    Limits limits;
    limits.rpm = limits.tpm = limits.itpm = limits.otpm = max_limit;
    limits.concurrency = 1000;
    limits.budget = *Budget::parse("1000000 USD/total");
    limits.window = window;
    return limits;
}

std::vector<Case> cases() {
    Limits requests;
    requests.rpm = max_limit;
    const Limits sliding = all_limits(WindowKind::sliding);
    const Limits bucket = all_limits(WindowKind::bucket);
    constexpr std::string_view key = "0192f0c1a2b37c4d8e5f60718293a4b5";
    return {
        {"requests of a key", {subject(Subject::key, key, requests)}},
        {"all six limits of a key, sliding", {subject(Subject::key, key, sliding)}},
        {"all six limits of a key, bucket", {subject(Subject::key, key, bucket)}},
        {"all six of a key, a user, a model and an address",
         {subject(Subject::key, key, sliding), subject(Subject::user, "alice@example.org", sliding),
          subject(Subject::model, "claude-*", sliding), subject(Subject::ip, "0123456789abcdef", sliding)}},
    };
}

/// Nanoseconds of CPU for one request, and for one refused by a full limit.
struct Figures {
    double passed = 0;
    double refused = 0;
};

Figures run_shard(LimitTable& table, const Case& what, std::int64_t requests) {
    LimitCache cache(table);
    RequestEstimate estimate;
    estimate.input_tokens = 40;
    estimate.output_tokens = 20;
    estimate.cost = Money{10};
    const auto micros = [&] { return table.since_start(system_clock().monotonic_us()); };
    std::int64_t passed = 0;
    const double begin = thread_cpu_ns();
    for (std::int64_t i = 0; i < requests; ++i) {
        auto admitted = admit(cache, what.subjects, estimate, micros(), system_clock().now());
        if (!admitted) continue;
        ++passed;
        admitted->leave();
        admitted->settle(Admission::Used{10, 5, Money{5}}, micros());
    }
    const double middle = thread_cpu_ns();
    if (passed != requests)
        std::printf("%lld of %lld passed\n", static_cast<long long>(passed), static_cast<long long>(requests));
    // Another id: a bucket that is full at this limit would be full for the shards that still count what passes.
    auto full = what.subjects;
    for (auto& each : full) {
        each.id = "full";
        each.limits.rpm = 1;
    }
    const std::int64_t tries = std::max<std::int64_t>(requests / 10, 1);
    for (std::int64_t i = 0; i < tries; ++i) (void)admit(cache, full, estimate, micros(), system_clock().now());
    const double end = thread_cpu_ns();
    return {(middle - begin) / static_cast<double>(requests), (end - middle) / static_cast<double>(tries)};
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("What the limits cost a shard");
    std::int64_t requests = 1'000'000;
    int threads = 2;
    app.add_option("--requests", requests, "Requests of each shard");
    app.add_option("--threads", threads, "Shards");
    CLI11_PARSE(app, argc, argv);
    std::printf("%-52s %10s %10s\n", "ns of CPU a request", "passed", "refused");
    for (const int count : {1, threads}) {
        for (const Case& each : cases()) {
            LimitTable table(system_clock().monotonic_us());
            std::mutex mutex;
            Figures worst;
            std::vector<std::thread> shards;
            for (int t = 0; t < count; ++t) {
                shards.emplace_back([&] {
                    const Figures own = run_shard(table, each, requests);
                    const std::scoped_lock lock(mutex);
                    worst.passed = std::max(worst.passed, own.passed);
                    worst.refused = std::max(worst.refused, own.refused);
                });
            }
            for (auto& shard : shards) shard.join();
            const std::string name =
                std::string(each.name) + (count > 1 ? ", " + std::to_string(count) + " shards" : "");
            std::printf("%-52s %10.0f %10.0f\n", name.c_str(), worst.passed, worst.refused);
        }
        if (threads == 1) break;
    }
}
