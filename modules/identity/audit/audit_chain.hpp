#pragma once
// How an entry of the audit is written out, and how one entry holds the one before it.

#include <string>
#include <string_view>
#include <vector>

#include "lurus/audit.hpp"
#include "lurus/store/audit.hpp"

namespace lurus::identity {

/// One line of JSON, members by name, without the hash: what the hash is made of, together with `previous`.
std::string canonical(const AuditEntry& entry, std::string_view previous_hex);
/// The same with the hash: a line of the export, which anybody can check.
std::string export_line(const AuditEntry& entry, std::string_view previous_hex);
/// SHA-256 of `canonical`, as hex.
std::string chained_hash(const AuditEntry& entry, std::string_view previous_hex);

/// Adds who did what, and from where, to a JSON object.
template <class Json>
void add_event(Json& object, const AuditEntry& entry) {
    object["org"] = entry.org;
    object["actor_kind"] = entry.actor_kind;
    object["actor"] = entry.actor;
    object["actor_name"] = entry.actor_name;
    object["remote_address"] = entry.remote_address;
    object["user_agent"] = entry.user_agent;
    object["action"] = entry.action;
    object["target"] = entry.target;
}

/// The hash before the first entry.
std::string first_hash();

std::vector<ApiRoute> audit_routes(Audit& audit);

}  // namespace lurus::identity
