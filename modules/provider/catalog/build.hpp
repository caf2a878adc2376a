#pragma once
// From a declaration to a provider: everything that can be wrong with one is found here.

#include <memory>
#include <string>
#include <string_view>

#include "lurus/provider.hpp"
#include "modules/provider/vendors/presets.hpp"

namespace lurus::provider {

/// Letters, digits, `.`, `_`, `-`; at most 64; starts with a letter or digit.
bool is_provider_name(std::string_view name);

/// `invalid_argument` names the provider, the field and what to write. Reads the credential's variable or file: one
/// that is missing is no error but the provider's `problem`. Where `before` has what the same file held, that stays in
/// use instead, and `warning` says so.
Result<Provider> build_provider(const ProviderSpec& spec, std::string source, const Provider* before = nullptr);

/// The provider that answers when nothing is declared.
Provider builtin_demo();

/// Where the provider lists its models; null when it cannot.
const FamilyEndpoint* list_endpoint(const Provider& provider);

/// A route's shape; whether its targets exist is the catalogue's to say.
Result<void> check_route(const RouteSpec& route);

/// What an error about it is about: the default of a dialect goes by that.
ErrorSubject subject_of(const RouteSpec& route);

}  // namespace lurus::provider
