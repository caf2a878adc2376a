#pragma once
// JSON of the management API. No credential ever goes out.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/provider.hpp"
#include "lurus/store/providers.hpp"
#include "modules/provider/catalog/catalog.hpp"
#include "modules/provider/vendors/presets.hpp"

namespace lurus::provider {

/// What is known of a provider's fetched list; `fetched` 0 = never.
struct ListState {
    UnixMicros fetched = 0;
    std::size_t models = 0;
};

nlohmann::ordered_json to_json(const Provider& provider, const ListState& list);
nlohmann::ordered_json to_json(const RouteSpec& route, std::string_view source);
nlohmann::ordered_json to_json(const Preset& preset);
nlohmann::ordered_json to_json(const std::vector<StoredModelList::Model>& models);

/// `invalid_argument` names the field.
Result<ProviderSpec> provider_from_json(std::string_view body);
/// `before` with what the body names; null takes a value away. The credential and the headers stay where the body gives
/// none, unless they would go to another address then.
Result<ProviderSpec> changed_provider(const ProviderSpec& before, std::string_view body);
Result<RouteSpec> route_from_json(std::string_view body);
Result<RouteSpec> changed_route(const RouteSpec& before, std::string_view body);

/// What a route is called in paths: its model, or `default:openai`.
std::string route_id(const RouteSpec& route);

struct TestRequest {
    std::string model;
    std::optional<Family> family;
};
/// An empty body asks for nothing in particular.
Result<TestRequest> test_request_from_json(std::string_view body);

// JSON Schema texts.
extern const char* const provider_schema;
extern const char* const provider_spec_schema;
extern const char* const provider_change_schema;
extern const char* const route_schema;
extern const char* const route_spec_schema;
extern const char* const route_change_schema;
extern const char* const preset_schema;
extern const char* const model_list_schema;
extern const char* const test_request_schema;
extern const char* const test_result_schema;

}  // namespace lurus::provider
