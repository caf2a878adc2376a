#pragma once

#include <functional>
#include <map>
#include <string>

#include "lurus/limits.hpp"
#include "lurus/principal.hpp"

namespace lurus::identity {

/// What keys take from those they belong to: members, teams and organisations, by id.
struct Standing {
    UserSet barred;  // disabled or gone: nothing of theirs counts
    std::map<std::string, Limits, std::less<>> limits;

    bool operator==(const Standing&) const = default;
};

}  // namespace lurus::identity
