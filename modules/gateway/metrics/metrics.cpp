#include "modules/gateway/metrics/metrics.hpp"

#include <algorithm>
#include <initializer_list>

#include "modules/gateway/metrics/metrics_labels.hpp"

namespace lurus::gateway {
namespace {

std::string label_key(std::initializer_list<std::string_view> values) {
    std::string key;
    for (auto value : values) {
        if (!key.empty()) key += label_separator;
        key += value.empty() ? std::string_view("none") : value;
    }
    return key;
}

template <class Value>
void add(LabelMap<Value>& into, const LabelMap<Value>& from) {
    for (const auto& [key, value] : from) into[key] += value;
}

constexpr std::string_view other_models = "other";

}  // namespace

void Metrics::Latency::add(const Latency& other) {
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    count += other.count;
    sum_us += other.sum_us;
}

void Metrics::Row::add(const Row& other) {
    latency.add(other.latency);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] += other.tokens[i];
    for (std::size_t i = 0; i < ends.size(); ++i) ends[i] += other.ends[i];
    cost_nano_usd += other.cost_nano_usd;
    priced += other.priced;
    unpriced += other.unpriced;
    at_once += other.at_once;
}

Metrics::Row& Metrics::row(const RequestRecord& record) {
    const Family family = family_of(record.dialect);
    const auto find = [&](std::string_view model) {
        const auto status = static_cast<unsigned>(record.status);
        const char fixed[] = {static_cast<char>(family), static_cast<char>(status & 0xFF),
                              static_cast<char>(status >> 8), record.stream ? 's' : '-'};
        key_.assign(fixed, sizeof fixed).append(record.provider).append(1, label_separator).append(model);
        return rows_.find(key_);
    };
    auto found = find(record.upstream_model);
    const bool full = found == rows_.end() && rows_.size() >= max_rows;
    if (full) found = find(other_models);
    if (found != rows_.end()) return found->second;
    Row& made = rows_[key_];
    made.family = family;
    made.provider = record.provider;
    made.model = full ? std::string(other_models) : record.upstream_model;
    made.status = record.status;
    made.stream = record.stream;
    return made;
}

void Metrics::count(const RequestRecord& record) {
    Row& row = this->row(record);
    Latency& latency = row.latency;
    const double seconds = static_cast<double>(record.duration_us) / 1e6;
    const auto bucket = std::ranges::lower_bound(bucket_seconds, seconds) - bucket_seconds.begin();
    ++latency.buckets[static_cast<std::size_t>(bucket)];
    ++latency.count;
    latency.sum_us += static_cast<std::uint64_t>(std::max<std::int64_t>(record.duration_us, 0));
    const Usage& usage = record.usage;
    const std::array classes = {&usage.input, &usage.cache_read, &usage.cache_write_5m, &usage.cache_write_1h,
                                &usage.output};
    static_assert(classes.size() == token_classes.size());
    for (std::size_t i = 0; i < classes.size(); ++i) {
        row.tokens[i] += static_cast<std::uint64_t>(std::max<std::int64_t>(classes[i]->value_or(0), 0));
    }
    if (record.cost) {
        ++row.priced;
        row.cost_nano_usd += record.cost->nano_usd;
    } else if (usage.known()) {
        ++row.unpriced;
    }
    ++row.ends[static_cast<std::size_t>(record.end)];
    const auto& attempts = record.attempts;
    if (attempts.size() == 1 && attempts.front().outcome == "ok") {
        ++row.at_once;
    } else {
        for (const auto& attempt : attempts) ++attempts_[label_key({attempt.provider, attempt.outcome})];
    }
}

void Metrics::count_local(int status) {
    ++local_[status];
}

void Metrics::count_limited(std::string_view subject, std::string_view limit) {
    ++limited_[label_key({subject, limit})];
}

void Metrics::count_refused(std::string_view path, std::string_view reason, bool recorded) {
    ++refused_[label_key({path, reason, recorded ? "true" : "false"})];
}

void Metrics::merge(const Metrics& other) {
    connections += other.connections;
    in_flight += other.in_flight;
    upstream_open += other.upstream_open;
    connections_total += other.connections_total;
    upstream_connects_total += other.upstream_connects_total;
    body_waits_total += other.body_waits_total;
    for (const auto& [key, row] : other.rows_) {
        const auto [mine, fresh] = rows_.try_emplace(key, row);
        if (!fresh) mine->second.add(row);
    }
    add(attempts_, other.attempts_);
    add(limited_, other.limited_);
    add(refused_, other.refused_);
    for (const auto& [status, n] : other.local_) local_[status] += n;
    for (std::size_t i = 0; i < handshake_failures_.size(); ++i) handshake_failures_[i] += other.handshake_failures_[i];
}

Metrics::Series Metrics::join() const {
    Series out;
    out.attempts = attempts_;
    for (const auto& [key, row] : rows_) {
        const std::string_view platform = name_of(row.family);
        out.requests[label_key({platform, row.provider, row.model, std::to_string(row.status)})] += row.latency.count;
        out.latency[label_key({platform, row.provider, row.stream ? "true" : "false"})].add(row.latency);
        for (std::size_t i = 0; i < row.tokens.size(); ++i) {
            if (row.tokens[i] > 0) out.tokens[label_key({platform, row.provider, token_classes[i]})] += row.tokens[i];
        }
        const std::string model = label_key({platform, row.provider, row.model});
        if (row.priced > 0) out.cost[model] += row.cost_nano_usd;
        if (row.unpriced > 0) out.unpriced[model] += row.unpriced;
        for (const End end : {End::complete, End::client_gone, End::upstream_cut, End::error}) {
            const std::uint64_t n = row.ends[static_cast<std::size_t>(end)];
            if (n > 0) out.ends[label_key({name_of(end)})] += n;
        }
        if (row.at_once > 0) out.attempts[label_key({row.provider, "ok"})] += row.at_once;
    }
    return out;
}

}  // namespace lurus::gateway
