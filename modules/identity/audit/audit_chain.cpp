#include "modules/identity/audit/audit_chain.hpp"

#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"

namespace lurus::identity {
namespace {

// nlohmann::json orders members by name, which makes the text canonical.
nlohmann::json json_of(const AuditEntry& entry, std::string_view previous_hex) {
    nlohmann::json object = {
        {"number", entry.number},  {"time_us", entry.time},
        {"status", entry.status},  {"before", entry.before},
        {"after", entry.after},    {"begun", entry.begun ? nlohmann::json(*entry.begun) : nlohmann::json(nullptr)},
        {"previous", previous_hex}};
    add_event(object, entry);
    return object;
}

std::string text(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string first_hash() {
    return std::string(64, '0');
}

std::string canonical(const AuditEntry& entry, std::string_view previous_hex) {
    return text(json_of(entry, previous_hex));
}

std::string export_line(const AuditEntry& entry, std::string_view previous_hex) {
    auto line = json_of(entry, previous_hex);
    line["hash"] = entry.hash;
    return text(line);
}

std::string chained_hash(const AuditEntry& entry, std::string_view previous_hex) {
    return sha256_hex(canonical(entry, previous_hex));
}

}  // namespace lurus::identity
