#include <algorithm>
#include <cstdio>
#include <vector>

#include "modules/gateway/metrics/metrics.hpp"
#include "modules/gateway/metrics/metrics_labels.hpp"

namespace lurus::gateway {
namespace {

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
        const std::size_t end = std::min(key.find(label_separator, at), key.size());
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

}  // namespace

std::string Metrics::prometheus(const LogStatus& log, double uptime_seconds, int shards) const {
    std::string out;
    const Series series = join();
    const auto counters = [&](std::string_view name, std::string_view help, const auto& map,
                              std::initializer_list<const char*> names, double scale) {
        header(out, name, "counter", help);
        for (const auto* entry : sorted(map)) {
            out.append(name).append(labels(entry->first, names)).append(" ");
            out.append(number(static_cast<double>(entry->second) * scale)).append("\n");
        }
    };
    counters("gateway_requests_total", "Requests that ended, by what the client got.", series.requests,
             {"platform", "provider", "model", "status"}, 1);
    header(out, "gateway_request_latency_seconds", "histogram", "From the request's head to the answer's last byte.");
    for (const auto* entry : sorted(series.latency)) {
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
    counters("gateway_tokens_total", "Tokens in disjoint classes.", series.tokens,
             {"platform", "provider", "direction"}, 1);
    counters("gateway_cost_usd_total", "Cost of priced requests.", series.cost, {"platform", "provider", "model"},
             1e-9);
    counters("gateway_unpriced_requests_total", "Requests with usage but without a price.", series.unpriced,
             {"platform", "provider", "model"}, 1);
    counters("gateway_attempts_total", "Tries of upstream accounts by outcome.", series.attempts,
             {"provider", "outcome"}, 1);
    counters("gateway_ends_total", "How requests ended.", series.ends, {"end"}, 1);
    counters("gateway_limited_total", "Requests that a limit refused.", limited_, {"subject", "limit"}, 1);
    counters("gateway_refused_total", "Requests that were refused before a model was asked.", refused_,
             {"path", "reason", "recorded"}, 1);
    header(out, "gateway_local_responses_total", "counter", "Answers of the gateway itself that have no record.");
    for (const auto& [status, n] : local_) {
        out.append("gateway_local_responses_total{status=\"").append(std::to_string(status)).append("\"} ");
        out.append(std::to_string(n)).append("\n");
    }
    header(out, "gateway_tls_handshake_failures_total", "counter", "Clients whose TLS handshake failed, by why.");
    for (std::size_t i = 1; i < handshake_failures_.size(); ++i) {
        out.append("gateway_tls_handshake_failures_total{reason=\"").append(handshake_failure_names[i]).append("\"} ");
        out.append(std::to_string(handshake_failures_[i])).append("\n");
    }
    single(out, "gateway_connections", "gauge", "Client connections open now.", static_cast<double>(connections));
    single(out, "gateway_connections_total", "counter", "Client connections accepted.",
           static_cast<double>(connections_total));
    single(out, "gateway_requests_in_flight", "gauge", "Requests being served now.", static_cast<double>(in_flight));
    single(out, "gateway_body_memory_bytes", "gauge", "Memory that requests' bodies take, but for small ones.",
           static_cast<double>(body_memory));
    single(out, "gateway_body_memory_limit_bytes", "gauge", "As much as they may take.",
           static_cast<double>(body_memory_most));
    single(out, "gateway_body_waits_total", "counter", "Bodies that found no room at once.",
           static_cast<double>(body_waits_total));
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
