#pragma once

#include <memory>

#include "lurus/dialect.hpp"
#include "lurus/provider.hpp"

namespace lurus::gateway {

/// Whom an attempt asks, and in the upstream's own dialect, which is the client's as long as nothing is translated.
struct Target {
    std::shared_ptr<const Provider> provider;
    Dialect dialect = Dialect::openai;
    [[nodiscard]] const FamilyEndpoint& endpoint() const { return provider->endpoints.at(family_of(dialect)); }
};

}  // namespace lurus::gateway
