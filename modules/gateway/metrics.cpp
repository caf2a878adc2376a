#include "modules/gateway/metrics.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace lurus::gateway {
namespace {

constexpr char separator = '\x1f';

void append_escaped(std::string& out, std::string_view value) {
    for (char c : value) {
        if (c == '\\' || c == '"') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
}

std::string labels(std::string_view key, std::initializer_list<const char*> names, std::string_view extra = {}) {
    std::string out = "{";
    std::size_t at = 0;
    for (const char* name : names) {
        const std::size_t end = std::min(key.find(separator, at), key.size());
        if (out.size() > 1) out += ',';
        out += name;
        out += "=\"";
        append_escaped(out, key.substr(at, end - at));
        out += '"';
        at = std::min(end + 1, key.size());
    }
    if (!extra.empty()) {
        if (out.size() > 1) out += ',';
        out += extra;
    }
    return out + "}";
}

template <class Value>
std::vector<const std::pair<const std::string, Value>*> sorted(const LabelMap<Value>& map) {
    std::vector<const std::pair<const std::string, Value>*> out;
    for (const auto& entry : map) out.push_back(&entry);
    std::ranges::sort(out, {}, [](const auto* e) -> const std::string& { return e->first; });
    return out;
}

std::string number(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
}

void header(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
    out.append("# HELP ")
        .append(name)
        .append(" ")
        .append(help)
        .append("\n# TYPE ")
        .append(name)
        .append(" ")
        .append(type)
        .append("\n");
}

void single(std::string& out, std::string_view name, std::string_view type, std::string_view help, double value) {
    header(out, name, type, help);
    out.append(name).append(" ").append(number(value)).append("\n");
}

template <class Value>
void add(LabelMap<Value>& into, const LabelMap<Value>& from) {
    for (const auto& [key, value] : from) into[key] += value;
}

}  // namespace

template <class Value>
Value& Metrics::series(LabelMap<Value>& map, std::initializer_list<std::string_view> values, std::size_t free_label) {
    key_.clear();
    for (auto value : values) {
        if (!key_.empty()) key_ += separator;
        key_ += value.empty() ? std::string_view("none") : value;
    }
    if (auto found = map.find(key_); found != map.end()) return found->second;
    if (map.size() >= max_series && free_label < values.size()) {
        key_.clear();
        std::size_t i = 0;
        for (auto value : values) {
            if (!key_.empty()) key_ += separator;
            key_ += i++ == free_label ? std::string_view("other") : value.empty() ? std::string_view("none") : value;
        }
    }
    return map[key_];
}

void Metrics::count(const RequestRecord& record) {
    const std::string_view platform = name_of(family_of(record.dialect));
    char status[12];
    const int n = std::snprintf(status, sizeof status, "%d", record.status);
    ++series(requests_,
             {platform, record.provider, record.upstream_model, std::string_view(status, static_cast<std::size_t>(n))},
             2);
    auto& latency = series(latency_, {platform, record.provider, record.stream ? "true" : "false"}, 9);
    const double seconds = static_cast<double>(record.duration_us) / 1e6;
    const auto bucket = std::ranges::lower_bound(bucket_seconds, seconds) - bucket_seconds.begin();
    ++latency.buckets[static_cast<std::size_t>(bucket)];
    ++latency.count;
    latency.sum_us += static_cast<std::uint64_t>(std::max<std::int64_t>(record.duration_us, 0));
    const auto tokens = [&](std::string_view direction, const std::optional<std::int64_t>& amount) {
        if (amount && *amount > 0)
            series(tokens_, {platform, record.provider, direction}, 9) += static_cast<std::uint64_t>(*amount);
    };
    const Usage& usage = record.usage;
    tokens("input", usage.input);
    tokens("cache_read", usage.cache_read);
    tokens("cache_write_5m", usage.cache_write_5m);
    tokens("cache_write_1h", usage.cache_write_1h);
    tokens("output", usage.output);
    if (record.cost) {
        series(cost_, {platform, record.provider, record.upstream_model}, 2) += record.cost->nano_usd;
    } else if (usage.known()) {
        ++series(unpriced_, {platform, record.provider, record.upstream_model}, 2);
    }
    for (const auto& attempt : record.attempts) ++series(attempts_, {attempt.provider, attempt.outcome}, 9);
    ++series(ends_, {name_of(record.end)}, 9);
}

void Metrics::count_local(int status) {
    ++local_[status];
}

void Metrics::count_limited(std::string_view subject, std::string_view limit) {
    ++series(limited_, {subject, limit}, 9);
}

void Metrics::merge(const Metrics& other) {
    connections += other.connections;
    in_flight += other.in_flight;
    upstream_open += other.upstream_open;
    connections_total += other.connections_total;
    upstream_connects_total += other.upstream_connects_total;
    add(requests_, other.requests_);
    add(tokens_, other.tokens_);
    add(cost_, other.cost_);
    add(unpriced_, other.unpriced_);
    add(attempts_, other.attempts_);
    add(ends_, other.ends_);
    add(limited_, other.limited_);
    for (const auto& [key, value] : other.latency_) {
        auto& mine = latency_[key];
        for (std::size_t i = 0; i < mine.buckets.size(); ++i) mine.buckets[i] += value.buckets[i];
        mine.count += value.count;
        mine.sum_us += value.sum_us;
    }
    for (const auto& [status, n] : other.local_) local_[status] += n;
}

std::string Metrics::prometheus(const LogStatus& log, double uptime_seconds, int shards) const {
    std::string out;
    const auto counters = [&](std::string_view name, std::string_view help, const auto& map,
                              std::initializer_list<const char*> names, double scale) {
        header(out, name, "counter", help);
        for (const auto* entry : sorted(map)) {
            out.append(name).append(labels(entry->first, names)).append(" ");
            out.append(number(static_cast<double>(entry->second) * scale)).append("\n");
        }
    };
    counters("gateway_requests_total", "Requests that ended, by what the client got.", requests_,
             {"platform", "provider", "model", "status"}, 1);
    header(out, "gateway_request_latency_seconds", "histogram", "From the request's head to the answer's last byte.");
    for (const auto* entry : sorted(latency_)) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i <= bucket_seconds.size(); ++i) {
            sum += entry->second.buckets[i];
            const std::string le = i < bucket_seconds.size() ? number(bucket_seconds[i]) : "+Inf";
            out.append("gateway_request_latency_seconds_bucket")
                .append(labels(entry->first, {"platform", "provider", "is_stream"}, "le=\"" + le + "\""))
                .append(" ")
                .append(std::to_string(sum))
                .append("\n");
        }
        const std::string own = labels(entry->first, {"platform", "provider", "is_stream"});
        out.append("gateway_request_latency_seconds_sum").append(own).append(" ");
        out.append(number(static_cast<double>(entry->second.sum_us) / 1e6)).append("\n");
        out.append("gateway_request_latency_seconds_count").append(own).append(" ");
        out.append(std::to_string(entry->second.count)).append("\n");
    }
    counters("gateway_tokens_total", "Tokens in disjoint classes.", tokens_, {"platform", "provider", "direction"}, 1);
    counters("gateway_cost_usd_total", "Cost of priced requests.", cost_, {"platform", "provider", "model"}, 1e-9);
    counters("gateway_unpriced_requests_total", "Requests with usage but without a price.", unpriced_,
             {"platform", "provider", "model"}, 1);
    counters("gateway_attempts_total", "Tries of upstream accounts by outcome.", attempts_, {"provider", "outcome"}, 1);
    counters("gateway_ends_total", "How requests ended.", ends_, {"end"}, 1);
    counters("gateway_limited_total", "Requests that a limit refused.", limited_, {"subject", "limit"}, 1);
    header(out, "gateway_local_responses_total", "counter", "Answers of the gateway itself that have no record.");
    for (const auto& [status, n] : local_) {
        out.append("gateway_local_responses_total{status=\"").append(std::to_string(status)).append("\"} ");
        out.append(std::to_string(n)).append("\n");
    }
    single(out, "gateway_connections", "gauge", "Client connections open now.", static_cast<double>(connections));
    single(out, "gateway_connections_total", "counter", "Client connections accepted.",
           static_cast<double>(connections_total));
    single(out, "gateway_requests_in_flight", "gauge", "Requests being served now.", static_cast<double>(in_flight));
    single(out, "gateway_upstream_connections", "gauge", "Upstream connections open now.",
           static_cast<double>(upstream_open));
    single(out, "gateway_upstream_connects_total", "counter", "Upstream connections made.",
           static_cast<double>(upstream_connects_total));
    single(out, "gateway_shards", "gauge", "Threads that relay.", shards);
    single(out, "gateway_uptime_seconds", "gauge", "Since the process started serving.", uptime_seconds);
    single(out, "gateway_log_healthy", "gauge", "1 when records reach the journal.", log.healthy ? 1 : 0);
    single(out, "gateway_log_committed_total", "counter", "Records committed.", static_cast<double>(log.committed));
    single(out, "gateway_log_queued", "gauge", "Records waiting to be committed.", static_cast<double>(log.queued));
    single(out, "gateway_log_queued_bytes", "gauge", "Their bytes.", static_cast<double>(log.queued_bytes));
    single(out, "gateway_log_released_unsafe_total", "counter", "Answers let go before their record was safe.",
           static_cast<double>(log.released_unsafe));
    return out;
}

}  // namespace lurus::gateway
