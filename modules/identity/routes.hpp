#pragma once
// The management API over keys and people. What routes refer to must outlive them.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lurus/api.hpp"
#include "modules/identity/keys/keys.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::identity {

std::vector<ApiRoute> key_routes(Keys& keys, Directory& directory);
std::vector<ApiRoute> org_routes(Directory& directory);
/// Members and service accounts, which differ in who they are and in nothing else.
std::vector<ApiRoute> member_routes(Directory& directory);
std::vector<ApiRoute> team_routes(Directory& directory, Keys& keys);
std::vector<ApiRoute> user_routes(Directory& directory, Keys& keys);
std::vector<ApiRoute> me_routes(Directory& directory, Keys& keys);

/// All that is kept of a person here, for themselves: who they are, where they belong, their keys.
Result<nlohmann::ordered_json> export_of(Directory& directory, Keys& keys, const User& user);

/// With the row's version, which `If-Match` names.
ApiResponse versioned_answer(int status, const nlohmann::ordered_json& body, std::int64_t version);

nlohmann::ordered_json json_of(const Member& member);
nlohmann::ordered_json json_of(const User& user);
std::string member_schema();
std::string user_schema();

/// `invalid_argument` unless absent or a role; `permission_denied` above the principal's own.
Result<std::optional<Role>> role_from(const nlohmann::json& body, const Principal& principal);

}  // namespace lurus::identity
