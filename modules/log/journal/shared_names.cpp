#include "modules/log/journal/shared_names.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "modules/log/journal/same.hpp"

namespace lurus::log {
namespace {

constexpr std::size_t known_most = 4096;

// In the order of the table; the service tier and `because` follow.
constexpr std::string RequestRecord::* record_texts[] = {
    &RequestRecord::operation, &RequestRecord::model,    &RequestRecord::upstream_model,
    &RequestRecord::route,     &RequestRecord::provider, &RequestRecord::account,
    &RequestRecord::key,       &RequestRecord::user,     &RequestRecord::client,
    &RequestRecord::tariff,
};
static_assert(std::size(record_texts) + 2 == shared_texts);

constexpr int places = 8;  // that an entry may have: texts made to share a hash cost no more than this

// Lengths and ends tell names apart as a rule.
std::uint64_t hash_of_ends(const std::array<std::string_view, shared_texts>& texts, std::uint64_t hash) {
    constexpr std::uint64_t factor = 0x9fb21c651e98df25ull;
    for (const auto text : texts) {
        std::uint64_t first = 0, last = 0;
        if (text.size() >= sizeof first) {
            std::memcpy(&first, text.data(), sizeof first);
            std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
        } else if (text.size() >= sizeof(std::uint32_t)) {
            std::memcpy(&first, text.data(), sizeof(std::uint32_t));
            std::memcpy(&last, text.data() + text.size() - sizeof(std::uint32_t), sizeof(std::uint32_t));
        } else {
            for (const char c : text) last = last << 8 | static_cast<unsigned char>(c);
        }
        hash = (std::rotl(hash, 23) ^ last) * factor;
        hash = (std::rotl(hash, 23) ^ first ^ text.size()) * factor;
    }
    return hash ^ hash >> 29;
}

bool is(const SharedNames& names, const RequestRecord& record,
        const std::array<std::string_view, shared_texts>& texts) {
    if (!same(names.key_id, record.key_id) || !same(names.team_id, record.team_id) ||
        !same(names.org_id, record.org_id) || names.dialect != record.dialect ||
        names.upstream_dialect != record.upstream_dialect)
        return false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!same(names.texts[i], texts[i])) return false;
    }
    return true;
}

}  // namespace

std::array<std::string_view, shared_texts> shared_texts_of(const RequestRecord& record) {
    std::array<std::string_view, shared_texts> texts;
    std::size_t at = 0;
    for (const auto text : record_texts) texts[at++] = record.*text;
    texts[at++] = record.usage.service_tier;
    if (!record.attempts.empty()) texts[at] = record.attempts.front().chosen_because;
    return texts;
}

void SharedNames::give_to(RequestRecord& record) const {
    record.dialect = dialect;
    record.upstream_dialect = upstream_dialect;
    std::size_t at = 0;
    for (const auto text : record_texts) record.*text = texts[at++];
    record.usage.service_tier = texts[at];
    record.key_id = key_id;
    record.team_id = team_id;
    record.org_id = org_id;
}

SharedNamesCache::Known& SharedNamesCache::of(const RequestRecord& record) {
    const auto texts = shared_texts_of(record);
    if (last_ != nullptr && is(last_->names, record, texts)) return *last_;
    const auto dialects =
        static_cast<std::uint64_t>(record.dialect) << 8 | static_cast<std::uint64_t>(record.upstream_dialect);
    std::uint64_t hash = hash_of_ends(texts, dialects ^ end_of(record.key_id) ^ std::rotl(end_of(record.team_id), 17));
    for (int place = 1;; ++place, ++hash) {
        const auto [found, is_new] = known_.try_emplace(hash);
        Known& known = found->second;
        last_ = &known;
        if (!is_new && is(known.names, record, texts)) return known;
        if (!is_new && place < places) continue;
        known.names.dialect = record.dialect;
        known.names.upstream_dialect = record.upstream_dialect;
        std::ranges::copy(texts, known.names.texts.begin());
        known.names.key_id = record.key_id;
        known.names.team_id = record.team_id;
        known.names.org_id = record.org_id;
        known.id = 0;
        known.hashes = hashes_of(record);
        return known;
    }
}

void SharedNamesCache::limit() {
    if (known_.size() > known_most) clear();
}

}  // namespace lurus::log
