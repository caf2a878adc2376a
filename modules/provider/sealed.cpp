#include "modules/provider/sealed.hpp"

#include <nlohmann/json.hpp>

namespace lurus::provider {
namespace {

using nlohmann::json;

std::string bound_to(const ProviderSpec& spec) {
    return "provider:" + spec.name;
}

std::unexpected<Error> unreadable() {
    return fail(ErrorCode::corrupt, "the stored secret is not what was written");
}

}  // namespace

Result<std::string> seal_secrets(const Result<SecretBox>& box, ProviderSpec& spec) {
    json part = json::object();
    if (!spec.api_key.empty()) part["api_key"] = std::string(spec.api_key.reveal());
    if (!spec.headers.empty()) part["headers"] = spec.headers;
    if (part.empty()) return std::string();
    if (!box) {
        return fail(box.error().code,
                    "provider '" + spec.name + "': its credential cannot be stored: " + box.error().message);
    }
    const Secret plain(part.dump(-1, ' ', false, json::error_handler_t::replace));
    auto sealed = box->seal(plain.reveal(), bound_to(spec));
    if (sealed) {
        spec.api_key = Secret();
        spec.headers.clear();
    }
    return sealed;
}

Result<void> open_secrets(const Result<SecretBox>& box, std::string_view sealed, ProviderSpec& spec) {
    if (!box) return std::unexpected(box.error());
    const auto plain = box->open(sealed, bound_to(spec));
    if (!plain) return std::unexpected(plain.error());
    const json part = json::parse(plain->reveal(), nullptr, false);
    if (!part.is_object()) return unreadable();
    try {
        spec.api_key = Secret(part.value("api_key", std::string()));
        if (part.contains("headers")) spec.headers = part["headers"].get<std::map<std::string, std::string>>();
    } catch (const json::exception&) {
        return unreadable();
    }
    return {};
}

}  // namespace lurus::provider
