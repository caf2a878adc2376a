#include "control/api/etag.hpp"

#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"

namespace lurus::control {

std::string etag_of(const ApiResponse& response, const std::vector<std::string>& unversioned) {
    if (response.version.value_or(0) != 0) return '"' + std::to_string(*response.version) + '"';
    std::string versioned = response.body;
    if (!unversioned.empty()) {
        auto json = nlohmann::ordered_json::parse(response.body, nullptr, false);
        if (json.is_object()) {
            for (const auto& name : unversioned) json.erase(name);
            versioned = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
        }
    }
    return '"' + sha256_hex(versioned).substr(0, 32) + '"';
}

bool etag_matches(std::string_view field, std::string_view etag, Comparison comparison) {
    while (!field.empty()) {
        const auto comma = field.find(',');
        std::string_view one = field.substr(0, comma);
        field = comma == std::string_view::npos ? std::string_view() : field.substr(comma + 1);
        while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
        while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
        if (one == "*") return true;
        if (one.starts_with("W/")) {
            if (comparison == Comparison::strong) continue;
            one.remove_prefix(2);
        }
        if (one == etag) return true;
    }
    return false;
}

}  // namespace lurus::control
