#pragma once
// One key by its id or its name.

#include <algorithm>
#include <string>
#include <string_view>

#include "modules/identity/keys/keys.hpp"

namespace lurus::identity {

/// A name means something within one organisation; who reaches all of them means the default one's.
template <class Range>
auto find_key(Range& keys, const KeyReach& reach, std::string_view id_or_name) {
    return std::ranges::find_if(keys, [&](const KeyInfo& key) {
        return reach.covers(key) &&
               (key.id == id_or_name || (key.name == id_or_name && (reach.org || key.org == default_org)));
    });
}

/// Of `keys`, none of which `find_key` found.
template <class Range>
Error unknown_key(const Range& keys, const KeyReach& reach, std::string_view id_or_name) {
    const bool elsewhere =
        std::ranges::any_of(keys, [&](const KeyInfo& key) { return reach.covers(key) && key.name == id_or_name; });
    return Error(ErrorCode::not_found,
                 "there is no key `" + std::string(id_or_name) + "`" +
                     (elsewhere ? " in the first organisation, but in another one there is: say in which (`--org`), or "
                                  "give its id; "
                                : "; ") +
                     "`lurus key list` shows them",
                 ErrorSubject("key", std::string(id_or_name)));
}

}  // namespace lurus::identity
