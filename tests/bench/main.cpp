// lurus beside nginx as a plain proxy: the same upstream, the same client, the same core, interleaved rounds.
// Prints ratios and writes bench.json. Exits 0 whatever the figures, 1 when an answer was wrong or something did not
// start.

#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "tests/bench/rig.hpp"

namespace {

using namespace bench;
using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* key = "cr_0123456789abcdefghijklmnopqrstuv";

struct Options {
    std::string lurus = "build/release/lurus";
    std::string nginx = "/usr/sbin/nginx";
    std::string out = "build/bench.json";
    int rounds = 5;
    int core = 1;
    std::int64_t requests = 20'000;
    std::vector<int> streams = {1000, 5000, 20'000};
    int hold_seconds = 0;
    std::string only;  // json, connect, body, tls, shards, stream, latency, memory; empty = all
    [[nodiscard]] bool wants(std::string_view what) const { return only.empty() || only == what; }
};

struct Target {
    std::string name;
    int port = 0;
    Process process;
    std::int64_t start_ns = 0;
    std::int64_t idle_rss = 0;
};

void write_file(const fs::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

/// Where a proxy is to go.
struct Upstream {
    int port = 0;
    bool tls = false;
    [[nodiscard]] std::string scheme() const { return tls ? "https" : "http"; }
};

Target start_nginx(const Options& options, const fs::path& dir, const Upstream& upstream) {
    fs::create_directories(dir);
    Target target;
    target.name = "nginx";
    target.port = free_port();
    fs::create_directories(dir / "tmp");
    const std::string tmp = (dir / "tmp").string();
    write_file(
        dir / "nginx.conf",
        "daemon off;\nmaster_process off;\nworker_processes 1;\nworker_rlimit_nofile 65536;\nerror_log " + tmp +
            "/error.log crit;\npid " + tmp +
            "/pid;\nevents { worker_connections 50000; }\nhttp {\n  access_log off;\n"
            "  client_body_temp_path " +
            tmp + "/b;\n  proxy_temp_path " + tmp + "/p;\n  fastcgi_temp_path " + tmp + "/f;\n  uwsgi_temp_path " +
            tmp + "/u;\n  scgi_temp_path " + tmp +
            "/s;\n  keepalive_requests 100000000;\n  keepalive_timeout 600s;\n  client_body_buffer_size 2m;\n  "
            "client_max_body_size 0;\n"
            "  upstream up { server 127.0.0.1:" +
            std::to_string(upstream.port) +
            "; keepalive 512; keepalive_requests 100000000; }\n  server {\n    listen 127.0.0.1:" +
            std::to_string(target.port) +
            " backlog=4096;\n    location /up { return 200 'ok'; }\n    location / {\n      proxy_pass " +
            upstream.scheme() +
            "://up;\n"
            "      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_buffering off;\n"
            "      proxy_read_timeout 600s;\n      proxy_ssl_protocols TLSv1.3;\n    }\n  }\n}\n");
    target.process = spawn({options.nginx, "-c", (dir / "nginx.conf").string(), "-p", dir.string()}, options.core,
                           (dir / "nginx.log").string());
    target.start_ns = wait_ready(target.port, "/up", 5000);
    return target;
}

Target start_lurus(const Options& options, const fs::path& dir, const Upstream& upstream, const std::string& name,
                   bool log, int shards = 1) {
    Target target;
    target.name = name;
    target.port = free_port();
    const fs::path home = dir / name;
    fs::create_directories(home);
    write_file(home / "lurus.toml",
               "[server]\nlisten = \"127.0.0.1:" + std::to_string(target.port) + "\"\nthreads = " +
                   std::to_string(shards) + "\nmax_connections = 60000\n[log]\nenabled = " + (log ? "true" : "false") +
                   "\n[[provider]]\nname = \"up\"\nkind = \"openai\"\nbase_url = \"" + upstream.scheme() +
                   "://127.0.0.1:" + std::to_string(upstream.port) +
                   "\"\ntls_verify = false\napi_key = \"sk-upstream-0123456789abcdef\"\nmodels = [\"*\"]\n"
                   "[[key]]\nname = \"bench\"\nvalue = \"" +
                   key + "\"\n");
    target.process = spawn(
        {options.lurus, "serve", "--config", (home / "lurus.toml").string(), "--data-dir", (home / "data").string()},
        shards == 1 ? options.core : any_core, (home / "lurus.log").string());
    target.start_ns = wait_ready(target.port, "/ready", 10'000);
    return target;
}

struct Series {
    std::vector<double> values;
    [[nodiscard]] double median() const {
        if (values.empty()) return 0;
        auto sorted = values;
        std::ranges::sort(sorted);
        return sorted[sorted.size() / 2];
    }
    /// (max - min) / median
    [[nodiscard]] double spread() const {
        if (values.empty() || median() == 0) return 0;
        return (*std::ranges::max_element(values) - *std::ranges::min_element(values)) / median();
    }
};

class Bench {
public:
    explicit Bench(Options options)
        : options_(std::move(options)), dir_(fs::temp_directory_path() / ("lurus-bench-" + std::to_string(getpid()))) {
        fs::create_directories(dir_);
        raise_files();
    }
    ~Bench() {
        for (auto& target : targets_) target.process.stop();
        for (auto& target : tls_targets_) target.process.stop();
        for (auto& target : shard_targets_) target.process.stop();
        upstream_.stop();
        tls_upstream_.stop();
        std::error_code ignored;
        if (!keep_) fs::remove_all(dir_, ignored);
    }

    int run() {
        pin(options_.core);
        upstream_port_ = free_port();
        upstream_ = spawn_upstream(upstream_port_, options_.core);
        usleep(100'000);
        targets_ = start_all(dir_, Upstream{upstream_port_, false});
        if (options_.wants("tls")) {
            const Upstream secure{free_port(), true};
            tls_upstream_ = spawn_upstream(secure.port, options_.core, true);
            usleep(100'000);
            tls_targets_ = start_all(dir_ / "tls", secure);
        }
        if (options_.wants("shards")) {
            const Upstream plain{upstream_port_, false};
            shard_targets_.push_back(start_lurus(options_, dir_ / "shards", plain, "lurus", true, 2));
            shard_targets_.push_back(start_lurus(options_, dir_ / "shards", plain, "lurus-nolog", false, 2));
        }
        Target direct;
        direct.name = "direct";
        direct.port = upstream_port_;
        direct.process = upstream_;
        for (int round = 0; round < options_.rounds; ++round) {
            std::fprintf(stderr, "\rround %d of %d ...", round + 1, options_.rounds);
            for (auto& target : targets_) measure(target);
            for (auto& target : tls_targets_) {
                cpu(target, "cpu us/request, 1 KiB, upstream over TLS", Kind::json, make_request(Kind::json, 1024, key),
                    64, options_.requests, false);
            }
            // With one shard it is the figure of `json`: what a second one adds to a request is what they share.
            for (auto& target : shard_targets_) {
                cpu(target, "cpu us/request, 1 KiB, two shards on two cores", Kind::json,
                    make_request(Kind::json, 1024, key), 64, options_.requests, false);
            }
            if (options_.wants("latency")) latency(direct);
        }
        std::fprintf(stderr, "\r\033[K");
        for (auto& target : targets_) {
            if (options_.wants("memory") && target.name != "lurus-nolog") memory(target);
        }
        report();
        return 0;
    }

private:
    std::vector<Target> start_all(const fs::path& dir, const Upstream& upstream) {
        std::vector<Target> all;
        all.push_back(start_lurus(options_, dir, upstream, "lurus", true));
        all.push_back(start_lurus(options_, dir, upstream, "lurus-nolog", false));
        all.push_back(start_nginx(options_, dir, upstream));
        for (auto& target : all) {
            if (target.start_ns < 0) {
                keep_ = true;
                throw std::runtime_error(target.name + " did not start; its output is in " + dir.string());
            }
            target.idle_rss = target.process.rss_bytes();
        }
        return all;
    }

    static void raise_files() {
        rlimit limit{65'536, 65'536};  // above the hard limit where we may
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }

    static int open_files() {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        return static_cast<int>(limit.rlim_cur);
    }
    /// A proxy has two sockets for each.
    static int most_streams() { return (open_files() - 200) / 2; }

    Load checked(const Target& target, Kind kind, const std::string& request, int connections, std::int64_t requests,
                 Next next = Next::same_connection) {
        Load load = run_load(target.port, kind, request, connections, requests, next);
        if (load.wrong > 0) throw std::runtime_error(target.name + " gave a wrong answer: " + load.first_wrong);
        return load;
    }

    /// CPU microseconds of the target per unit.
    void cpu(Target& target, const std::string& what, Kind kind, const std::string& request, int connections,
             std::int64_t requests, bool per_event, Next next = Next::same_connection) {
        checked(target, kind, request, connections, std::min<std::int64_t>(requests, connections * 4));
        const std::int64_t before = target.process.cpu_ns();
        const Load load = checked(target, kind, request, connections, requests, next);
        usleep(50'000);  // what it does behind the answer belongs to the bill
        const double units = static_cast<double>(per_event ? load.events : load.requests);
        series_[what][target.name].values.push_back(static_cast<double>(target.process.cpu_ns() - before) / 1000.0 /
                                                    units);
        if (per_event) {
            series_["event delay p50 us"][target.name].values.push_back(percentile(load.event_delay_ns, 0.5) / 1000);
            series_["event delay p99 us"][target.name].values.push_back(percentile(load.event_delay_ns, 0.99) / 1000);
        }
    }

    void latency(Target& target) {
        Load load = checked(target, Kind::json, make_request(Kind::json, 1024, key), 1, 2000);
        series_["latency p50 us"][target.name].values.push_back(percentile(load.latency_ns, 0.5) / 1000);
        series_["latency p99 us"][target.name].values.push_back(percentile(load.latency_ns, 0.99) / 1000);
        load = checked(target, Kind::brief, make_request(Kind::brief, 1024, key), 1, 300);  // 13 ms each
        series_["first byte p50 us"][target.name].values.push_back(percentile(load.first_byte_ns, 0.5) / 1000);
        series_["first byte p99 us"][target.name].values.push_back(percentile(load.first_byte_ns, 0.99) / 1000);
    }

    void measure(Target& target) {
        if (options_.wants("json") || options_.wants("shards")) {
            cpu(target, "cpu us/request, 1 KiB, 64 connections", Kind::json, make_request(Kind::json, 1024, key), 64,
                options_.requests, false);
        }
        if (options_.wants("connect")) {
            cpu(target, "cpu us/request, 1 KiB, a connection each", Kind::json, make_request(Kind::json, 1024, key), 64,
                options_.requests / 6, false, Next::new_connection);
        }
        if (options_.wants("body")) {
            cpu(target, "cpu us/request, 128 KiB body", Kind::json, make_request(Kind::json, 128 * 1024, key), 16,
                options_.requests / 10, false);
            cpu(target, "cpu us/request, 1 MiB body", Kind::json, make_request(Kind::json, 1024 * 1024, key), 8,
                options_.requests / 40, false);
        }
        if (options_.wants("stream")) {
            cpu(target, "cpu us/event, 64 streams", Kind::stream, make_request(Kind::stream, 1024, key), 64, 64 * 6,
                true);
        }
        if (options_.wants("latency")) latency(target);
    }

    void memory(Target& target) {
        const std::string request = make_request(Kind::hold, 1024, key);
        for (const int wanted : options_.streams) {
            const int count = std::min(wanted, most_streams());
            if (count < wanted) {
                std::printf("%d streams need %d open files in one process, which may have %d: taking %d\n", wanted,
                            2 * wanted, open_files(), count);
            }
            std::vector<int> sockets;
            std::string error;
            const std::int64_t before = target.process.rss_bytes();
            if (!hold_streams(target.port, request, count, sockets, error)) {
                std::printf("%s could not hold %d streams: %s\n", target.name.c_str(), count, error.c_str());
            } else {
                const double each = static_cast<double>(target.process.rss_bytes() - before) / 1024.0 / count;
                series_["KiB/open stream at " + std::to_string(count)][target.name].values.push_back(each);
                std::this_thread::sleep_for(std::chrono::seconds(options_.hold_seconds));
            }
            for (const int fd : sockets) close(fd);
            usleep(500'000);
        }
    }

    void report() {
        json out;
        std::printf("%-46s %10s %10s %10s %8s %8s\n", "medians", "lurus", "log off", "nginx", "ratio", "spread");
        for (const auto& [what, by_target] : series_) {
            const auto value = [&](const std::string& name) {
                const auto found = by_target.find(name);
                return found == by_target.end() ? -1.0 : found->second.median();
            };
            const double direct = value("direct");
            const double base = direct > 0 ? direct : 0;  // delays are shown as what the proxy adds
            const double ours = value("lurus") - base;
            const double theirs = value("nginx") - base;
            const double nolog = value("lurus-nolog");
            double spread = 0;
            for (const auto& [name, series] : by_target) spread = std::max(spread, series.spread());
            std::printf("%-46s %10.1f %10s %10s %8.2f %7.0f%%%s\n", (direct > 0 ? "added " + what : what).c_str(), ours,
                        nolog < 0 ? "-" : format(nolog - base).c_str(), theirs < 0 ? "-" : format(theirs).c_str(),
                        theirs > 0 ? ours / theirs : 0, spread * 100, spread > 0.5 ? "  (too noisy to tell)" : "");
            json& row = out["figures"][what];
            for (const auto& [name, series] : by_target)
                row[name] = {{"median", series.median()}, {"spread", series.spread()}, {"runs", series.values}};
            row["ratio"] = theirs > 0 ? ours / theirs : 0;
        }
        const Target& lurus = targets_.front();
        const double binary = static_cast<double>(fs::file_size(options_.lurus)) / 1048576.0;
        std::printf("\nexecutable %.1f MiB, start to first answer %.0f ms, idle %.1f MiB resident\n", binary,
                    static_cast<double>(lurus.start_ns) / 1e6, static_cast<double>(lurus.idle_rss) / 1048576.0);
        out["executable_mib"] = binary;
        out["start_ms"] = static_cast<double>(lurus.start_ns) / 1e6;
        out["idle_rss_mib"] = static_cast<double>(lurus.idle_rss) / 1048576.0;
        out["rounds"] = options_.rounds;
        if (fs::path(options_.out).has_parent_path()) fs::create_directories(fs::path(options_.out).parent_path());
        write_file(options_.out, out.dump(2) + "\n");
        std::printf("all answers checked; details in %s\n", options_.out.c_str());
    }

    static std::string format(double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.1f", value);
        return text;
    }

    Options options_;
    fs::path dir_;
    bool keep_ = false;
    int upstream_port_ = 0;
    Process upstream_;
    Process tls_upstream_;
    std::vector<Target> targets_;
    std::vector<Target> tls_targets_;
    std::vector<Target> shard_targets_;
    std::map<std::string, std::map<std::string, Series>> series_;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Measures lurus beside nginx as a plain proxy, on one core of this machine."};
    app.add_option("--lurus", options.lurus, "the executable");
    app.add_option("--nginx", options.nginx, "nginx");
    app.add_option("--out", options.out, "where the figures go");
    app.add_option("--rounds", options.rounds, "interleaved rounds")->check(CLI::Range(1, 50));
    app.add_option("--requests", options.requests, "JSON requests a round")->check(CLI::Range(1000, 1000000));
    app.add_option("--core", options.core, "the core that everything runs on");
    app.add_option("--only", options.only, "one kind of figure")
        ->check(CLI::IsMember({"json", "connect", "body", "tls", "shards", "stream", "latency", "memory"}));
    app.add_option("--streams", options.streams, "open streams for the memory figures");
    app.add_option("--hold", options.hold_seconds, "seconds for which they stay open")->check(CLI::Range(0, 3600));
    CLI11_PARSE(app, argc, argv);
    try {
        return Bench(options).run();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "\nbench: %s\n", e.what());
        return 1;
    }
}
