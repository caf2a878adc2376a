// One page of keys, out of the snapshot: no lock is held and nothing is copied but the page.
#include <algorithm>
#include <charconv>
#include <tuple>

#include "modules/identity/keys.hpp"

namespace lurus::identity {
namespace {

using Place = std::tuple<bool, UnixMicros, std::string_view>;  // stored, created, id

Place place_of(const KeyInfo& key) {
    return {key.source == "store", key.created, key.id};
}

std::string cursor_of(const KeyInfo& key) {
    return std::string(key.source == "store" ? "s" : "c") + "." + std::to_string(key.created) + "." + key.id;
}

Result<Place> place_from(std::string_view cursor) {
    const auto bad = [] { return fail(ErrorCode::invalid_argument, "`cursor` must be the `next` of another page"); };
    if (cursor.size() < 3 || (cursor[0] != 's' && cursor[0] != 'c') || cursor[1] != '.') return bad();
    const auto dot = cursor.find('.', 2);
    if (dot == std::string_view::npos) return bad();
    UnixMicros created = 0;
    const auto parsed = std::from_chars(cursor.data() + 2, cursor.data() + dot, created);
    if (parsed.ec != std::errc() || parsed.ptr != cursor.data() + dot) return bad();
    return Place{cursor[0] == 's', created, cursor.substr(dot + 1)};
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool holds(std::string_view text, std::string_view wanted) {
    return std::ranges::search(text, wanted, [](char a, char b) { return lower(a) == lower(b); }).begin() !=
               text.end() ||
           wanted.empty();
}

bool matches(const KeyInfo& key, const KeyQuery& query) {
    if (query.user && key.user != *query.user) return false;
    if (query.team && key.team != *query.team) return false;
    if (query.tag && std::ranges::find(key.tags, *query.tag) == key.tags.end()) return false;
    if (!query.text) return true;
    return holds(key.name, *query.text) || holds(key.note, *query.text) || holds(key.hint, *query.text) ||
           std::ranges::any_of(key.tags, [&](const auto& tag) { return holds(tag, *query.text); });
}

}  // namespace

Result<KeyPage> Keys::page(const KeyReach& reach, const KeyQuery& query) const {
    std::optional<Place> after;
    if (!query.cursor.empty()) {
        const auto place = place_from(query.cursor);
        if (!place) return std::unexpected(place.error());
        after = *place;
    }
    const auto current = snapshot();
    std::vector<const KeyInfo*> found;
    for (const auto& key : current->all()) {
        if (!reach.covers(key) || (after && place_of(key) <= *after) || !matches(key, query)) continue;
        found.push_back(&key);
    }
    const std::size_t shown = std::min(found.size(), query.limit);
    std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(shown), {},
                              [](const KeyInfo* key) { return place_of(*key); });
    KeyPage page;
    for (std::size_t i = 0; i < shown; ++i) page.keys.push_back(*found[i]);
    if (found.size() > shown && shown > 0) page.next = cursor_of(page.keys.back());
    return page;
}

}  // namespace lurus::identity
