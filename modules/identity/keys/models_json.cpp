#include "modules/identity/keys/models_json.hpp"

#include "core/http/api_body.hpp"
#include "modules/identity/keys/key_text.hpp"

namespace lurus::identity {
namespace {

using nlohmann::json;
using Json = nlohmann::ordered_json;

Result<void> models_of(const json& object, const char* field, std::optional<std::vector<std::string>>& out) {
    auto names = texts_of(object, field);
    if (!names) return std::unexpected(names.error());
    if (*names) {
        if (auto ok = check_models(**names); !ok)
            return fail(ErrorCode::invalid_argument, "`" + std::string(field) + "`: " + ok.error().message);
    }
    out = *std::move(names);
    return {};
}

}  // namespace

std::vector<std::string_view> model_fields() {
    return {"models", "deny_models"};
}

void ModelsChange::apply(ModelRules& rules) const {
    if (models) rules.models = *models;
    if (deny_models) rules.deny_models = *deny_models;
}

Result<ModelsChange> models_change_from(const json& object) {
    ModelsChange change;
    for (const auto& done :
         {models_of(object, "models", change.models), models_of(object, "deny_models", change.deny_models)}) {
        if (!done) return std::unexpected(done.error());
    }
    return change;
}

void add_models(Json& out, const ModelRules& rules) {
    out["models"] = rules.models;
    out["deny_models"] = rules.deny_models;
}

std::string stored_models(const ModelRules& rules) {
    Json out = Json::object();
    if (!rules.models.empty()) out["models"] = rules.models;
    if (!rules.deny_models.empty()) out["deny_models"] = rules.deny_models;
    return out.dump();
}

Result<ModelRules> models_from_stored(std::string_view text) {
    const auto parsed = json::parse(text, nullptr, false);
    if (!parsed.is_object()) return fail(ErrorCode::corrupt, "models are not a JSON object");
    const auto change = models_change_from(parsed);
    if (!change) return fail(ErrorCode::corrupt, change.error().message);
    ModelRules rules;
    change->apply(rules);
    return rules;
}

std::string settable_models_schema() {
    return R"("models":{"type":"array","items":{"type":"string"},"description":"names or globs that all its keys together are for; empty = all"},)"
           R"("deny_models":{"type":"array","items":{"type":"string"},"description":"names or globs that none of its keys may use"})";
}

std::string shown_models_schema() {
    return R"("models":{"type":"array","items":{"type":"string"},"description":"globs; empty = all"},)"
           R"("deny_models":{"type":"array","items":{"type":"string"}})";
}

std::string required_models_schema() {
    return R"("models","deny_models")";
}

}  // namespace lurus::identity
