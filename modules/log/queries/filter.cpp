#include "modules/log/journal/segment.hpp"

namespace lurus::log {
namespace {

std::uint32_t& at(RowHashes& hashes, Dimension dimension) {
    return hashes[static_cast<std::size_t>(dimension)];
}

struct TextFilter {
    Dimension dimension;
    std::optional<std::string> LogFilter::* wanted;
    std::string RequestRecord::* value;
};
constexpr TextFilter text_filters[] = {
    {Dimension::session, &LogFilter::session, &RequestRecord::session},
    {Dimension::key, &LogFilter::key, &RequestRecord::key},
    {Dimension::user, &LogFilter::user, &RequestRecord::user},
    {Dimension::client, &LogFilter::client, &RequestRecord::client},
    {Dimension::model, &LogFilter::model, &RequestRecord::model},
    {Dimension::upstream_model, &LogFilter::upstream_model, &RequestRecord::upstream_model},
    {Dimension::account, &LogFilter::account, &RequestRecord::account},
    {Dimension::route, &LogFilter::route, &RequestRecord::route},
    {Dimension::provider, &LogFilter::provider, &RequestRecord::provider},
};

}  // namespace

RowHashes hashes_of(const RequestRecord& record) {
    RowHashes shared{};
    for (const auto& filter : text_filters) at(shared, filter.dimension) = hash_of(record.*filter.value);
    at(shared, Dimension::dialect) = hash_of(static_cast<std::int64_t>(record.dialect));
    return hashes_of(record, shared);
}

RowHashes hashes_of(const RequestRecord& record, const RowHashes& shared) {
    RowHashes hashes = shared;
    at(hashes, Dimension::session) = hash_of(std::string_view(record.session));
    at(hashes, Dimension::end) = hash_of(static_cast<std::int64_t>(record.end));
    at(hashes, Dimension::status) = hash_of(static_cast<std::int64_t>(record.status));
    at(hashes, Dimension::stream) = hash_of(static_cast<std::int64_t>(record.stream));
    at(hashes, Dimension::trace) = hash_of(record.trace_id);
    return hashes;
}

std::vector<Wanted> wanted_by(const LogFilter& filter) {
    std::vector<Wanted> wanted;
    for (const auto& text : text_filters) {
        if (filter.*text.wanted) wanted.push_back(Wanted{text.dimension, hash_of(*(filter.*text.wanted))});
    }
    if (filter.status) wanted.push_back(Wanted{Dimension::status, hash_of(static_cast<std::int64_t>(*filter.status))});
    if (filter.end) wanted.push_back(Wanted{Dimension::end, hash_of(static_cast<std::int64_t>(*filter.end))});
    if (filter.dialect)
        wanted.push_back(Wanted{Dimension::dialect, hash_of(static_cast<std::int64_t>(*filter.dialect))});
    if (filter.stream) wanted.push_back(Wanted{Dimension::stream, hash_of(static_cast<std::int64_t>(*filter.stream))});
    return wanted;
}

bool matches(const LogFilter& filter, const RequestRecord& record) {
    for (const auto& text : text_filters) {
        if (filter.*text.wanted && *(filter.*text.wanted) != record.*text.value) return false;
    }
    if (filter.users && !filter.users->contains(record.user)) return false;
    return (!filter.status || *filter.status == record.status) && (!filter.end || *filter.end == record.end) &&
           (!filter.dialect || *filter.dialect == record.dialect) &&
           (!filter.stream || *filter.stream == record.stream) && (!filter.since || record.time >= *filter.since) &&
           (!filter.until || record.time < *filter.until);
}

}  // namespace lurus::log
