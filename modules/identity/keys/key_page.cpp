// One key and a page of keys, out of the snapshot: no lock is held and nothing is copied but what was asked for.
#include <algorithm>
#include <charconv>

#include "core/http/paging.hpp"
#include "core/text/ascii.hpp"
#include "modules/identity/keys/find_key.hpp"
#include "modules/identity/keys/key_snapshot.hpp"
#include "modules/identity/keys/keys.hpp"

namespace lurus::identity {
namespace {

std::string cursor_of(const KeyInfo& key) {
    const auto [stored, created, last] = order_of(key);
    return std::string(stored ? "s" : "c") + "." + std::to_string(created) + "." + std::string(last);
}

Result<KeyOrder> order_from(std::string_view cursor) {
    const auto bad = [] { return std::unexpected(wrong_cursor()); };
    if (cursor.size() < 3 || (cursor[0] != 's' && cursor[0] != 'c') || cursor[1] != '.') return bad();
    const auto dot = cursor.find('.', 2);
    if (dot == std::string_view::npos) return bad();
    UnixMicros created = 0;
    const auto parsed = std::from_chars(cursor.data() + 2, cursor.data() + dot, created);
    if (parsed.ec != std::errc() || parsed.ptr != cursor.data() + dot) return bad();
    return KeyOrder{cursor[0] == 's', created, cursor.substr(dot + 1)};
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

KeyOrder order_of(const KeyInfo& key) {
    const bool stored = key.source == "store";
    return {stored, key.created, stored ? key.id : key.name};
}

Result<KeyPage> Keys::page(const KeyReach& reach, const KeyQuery& query) const {
    std::optional<KeyOrder> after;
    if (!query.cursor.empty()) {
        const auto last = order_from(query.cursor);
        if (!last) return std::unexpected(last.error());
        after = *last;
    }
    const auto current = snapshot();
    const auto& all = current->all();
    auto at = all.begin();
    if (after) at = std::ranges::upper_bound(all, *after, {}, order_of);
    KeyPage page;
    for (; at != all.end(); ++at) {
        if (!reach.covers(*at) || !matches(*at, query)) continue;
        if (page.keys.size() == query.limit) {
            page.next = cursor_of(page.keys.back());
            break;
        }
        page.keys.push_back(*at);
    }
    return page;
}

Result<KeyInfo> Keys::get(const KeyReach& reach, std::string_view id_or_name) const {
    const auto current = snapshot();
    const auto found = find_key(current->all(), reach, id_or_name);
    if (found == current->all().end()) return std::unexpected(unknown_key(current->all(), reach, id_or_name));
    return *found;
}

}  // namespace lurus::identity
