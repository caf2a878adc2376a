#pragma once
// Whether something answers where a provider is said to be, and whether it is rather found beside that. Blocking; costs
// nothing at the vendor: the model list is read, and a request without a model is refused.

#include <string>
#include <string_view>

#include "lurus/outside.hpp"
#include "lurus/provider.hpp"

namespace lurus::provider {

enum class Found : std::uint8_t {
    works,
    key_refused,  // the place is right, the credential is not taken
    no_path,      // something answers, but not this API
    unreachable,
    unclear,  // the vendor answers with an error of its own
};
std::string_view name_of(Found found);

struct AddressCheck {
    Family family = Family::openai;
    Found found = Found::unclear;
    std::string url;      // where requests go, as an example
    std::string detail;   // for people
    std::string instead;  // where it was found when it is not at its address: a base_url
};

AddressCheck check_address(const Provider& provider, Family family, const OutsideLimit& limit);

}  // namespace lurus::provider
