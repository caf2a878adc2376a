#pragma once
// Keys as the management API writes and reads them.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lurus/identity.hpp"
#include "modules/identity/keys/keys.hpp"

namespace lurus::identity {

/// JSON Schemas of the bodies, for the OpenAPI document.
std::string key_schema();
std::string created_key_schema();
std::string key_list_schema();
std::string new_key_schema();
std::string key_change_schema();

/// Whose key it is: the name of `KeyInfo::user`; empty = the organisation's own, or of somebody who is gone.
nlohmann::ordered_json json_of(const KeyInfo& key, const std::string& owner, UnixMicros now);

/// `30d`, `90m`: in the largest unit that fits.
std::string duration_text(std::int64_t microseconds);

/// `expires`: RFC 3339, a date, or a duration from `now` such as `30d`.
Result<UnixMicros> expiry_from(std::string_view text, UnixMicros now);

/// A new key, or a change of one. `user` and `team` are as they were written: an id or a name.
struct KeyBody {
    std::string name;  // of a new one
    KeyChange change;
    bool limits = false;  // it sets or lifts a limit
};
/// `invalid_argument` names the field and what it must be; an unknown field is refused.
Result<KeyBody> new_key_from(std::string_view body, UnixMicros now);
Result<KeyBody> key_change_from(std::string_view body, UnixMicros now);

std::string rotation_schema();
Result<Rotation> rotation_from(std::string_view body);

}  // namespace lurus::identity
