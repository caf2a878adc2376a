#pragma once
// Groups of accounts: an account carries some, a key is served by those of its groups only.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lurus/result.hpp"

namespace lurus {

/// Names as numbers, which are equal in this process where the names are: what is asked for each request is no text.
class AccountGroups {
public:
    AccountGroups() = default;
    /// `invalid_argument`: a name is 1 to 64 letters, digits, `.`, `_` and `-`; at most 64 of them, none twice.
    static Result<AccountGroups> of(const std::vector<std::string>& names);

    [[nodiscard]] bool empty() const { return ids_.empty(); }
    /// Whether they have one in common.
    [[nodiscard]] bool meets(const AccountGroups& other) const {
        return std::ranges::any_of(
            ids_, [&](std::uint32_t id) { return std::ranges::find(other.ids_, id) != other.ids_.end(); });
    }
    /// As they were given.
    [[nodiscard]] std::vector<std::string> names() const;
    bool operator==(const AccountGroups&) const = default;

private:
    std::vector<std::uint32_t> ids_;
};

}  // namespace lurus
