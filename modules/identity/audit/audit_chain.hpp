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

/// The hash before the first entry.
std::string first_hash();

std::vector<ApiRoute> audit_routes(Audit& audit);

}  // namespace lurus::identity
