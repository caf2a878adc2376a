#pragma once
// A module's part of a configuration put in force, as the control plane does it with all of them.

#include <memory>

#include "lurus/prepared.hpp"

namespace lurus::test {

inline Result<void> in_force(Result<std::unique_ptr<PreparedConfiguration>> part) {
    if (!part) return std::unexpected(part.error());
    if (auto stored = (*part)->store(); !stored) return stored;
    (*part)->commit();
    return {};
}

}  // namespace lurus::test
