#pragma once
// Keys as the management API writes and reads them.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lurus/identity.hpp"
#include "modules/identity/keys.hpp"

namespace lurus::identity {

/// JSON Schemas of the bodies, for the OpenAPI document.
std::string key_schema();
std::string created_key_schema();
std::string key_list_schema();
std::string new_key_schema();
std::string key_change_schema();

nlohmann::ordered_json json_of(const KeyInfo& key, UnixMicros now);

/// `expires`: RFC 3339, a date, or a duration from `now` such as `30d`.
Result<UnixMicros> expiry_from(std::string_view text, UnixMicros now);

/// `invalid_argument` names the field and what it must be; an unknown field is refused.
Result<NewKey> new_key_from(std::string_view body, UnixMicros now);
Result<KeyChange> key_change_from(std::string_view body, UnixMicros now);

}  // namespace lurus::identity
