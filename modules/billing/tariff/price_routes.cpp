#include <algorithm>

#include "core/http/api_body.hpp"
#include "core/http/api_route.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "core/text/ascii.hpp"
#include "core/text/glob.hpp"
#include "modules/billing/tariff/model_name.hpp"
#include "modules/billing/tariff/price_json.hpp"
#include "modules/billing/tariff/prices.hpp"

namespace lurus::billing {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_named = 100;  // of the models that an import skips

bool is_asked(const Tariff& tariff, const std::string& model, const std::string& vendor) {
    if (!vendor.empty() && tariff.vendor != vendor) return false;
    if (model.empty() || glob_match(model, tariff.model) || glob_match(model, tariff.vendor + "/" + tariff.model))
        return true;
    return std::ranges::any_of(tariff.aliases, [&](const auto& alias) { return glob_match(model, alias); });
}

ApiResponse list(Prices& prices, const ApiRequest& request) {
    const auto page = page_from(request.query);
    if (!page) return problem(page.error());
    const auto model = lower_case(query_of(request, "model").value_or(""));
    const auto vendor = query_of(request, "provider").value_or("");
    const auto after = page->cursor.empty() ? query_of(request, "after").value_or("") : page->cursor;
    const auto split = after.find('/');
    if (!after.empty() && split == after.npos) return problem(wrong_cursor());
    const auto last_shown = std::pair(std::string_view(after).substr(0, split),
                                      std::string_view(after).substr(after.empty() ? 0 : split + 1));

    const auto table = prices.table();
    auto found = table->current(prices.clock().now());
    std::erase_if(found, [&](const Tariff* tariff) {
        const std::pair<std::string_view, std::string_view> place(tariff->vendor, tariff->model);
        return (!after.empty() && place <= last_shown) || !is_asked(*tariff, model, vendor);
    });
    const auto shown = [](const Tariff* tariff) {
        auto one = json_of(*tariff);
        one["applies"] = true;
        return one;
    };
    return page_answer(found, page->limit, shown, [](const Tariff* last) { return last->vendor + "/" + last->model; });
}

ApiResponse show(Prices& prices, const ApiRequest& request) {
    const auto& model = request.params.at("model");
    const auto table = prices.table();
    const UnixMicros now = prices.clock().now();
    Json body;
    body["model"] = model;
    body["data"] = Json::array();
    for (const Tariff* tariff : table->all_named(model)) {
        auto one = json_of(*tariff);
        one["applies"] = table->winner(tariff->vendor, tariff->model, now) == tariff;
        body["data"].push_back(std::move(one));
    }
    if (body["data"].empty()) {
        return problem(404,
                       "there is no price for `" + model + "`; `lurus prices list` shows the models that have one");
    }
    ApiResponse response = json_response(body);
    response.version = table->version_of_all_named(model);
    return response;
}

ApiResponse import_list(Prices& prices, const ApiRequest& request) {
    UnixMicros from = prices.clock().now();
    if (const auto text = query_of(request, "effective_from").value_or(""); !text.empty()) {
        const auto time = parse_time(text);
        if (!time) return problem(400, "`effective_from` must be a time such as `2027-01-31T00:00:00Z` or a date");
        from = *time;
    }
    const auto counts = prices.take_import(request.body, from);
    if (!counts) return problem(counts.error());
    Json body;
    body["models"] = counts->models;
    body["changed"] = counts->changed;
    body["withdrawn"] = counts->withdrawn;
    body["skipped"] = counts->skipped.size();
    body["skipped_models"] = Json::array();
    for (const SkippedModel& one : counts->skipped) {
        if (body["skipped_models"].size() == most_named) break;
        body["skipped_models"].push_back(Json{{"model", one.model}, {"reason", one.reason}});
    }
    body["effective_from"] = format_time(from);
    return json_response(body);
}

std::string why_unpriced(const TariffTable& table, const PriceQuery& query, const Usage& usage) {
    if (!usage.known()) return "the usage is not known";
    const Tariff* tariff = table.find(query);
    if (tariff == nullptr)
        return "no price for this model at a provider of kind `" + std::string(query.provider_kind) + "`";
    if (!has_service(*tariff, usage)) {
        return tariff->label + " has no price for the service tier `" + usage.service_tier + "`";
    }
    return tariff->label + " has no price for one of the usage's classes";
}

ApiResponse quote(Prices& prices, const ApiRequest& request) {
    const auto wanted = quote_from(request.body, prices.clock().now());
    if (!wanted) return problem(wanted.error());
    PriceQuery query;
    query.provider_kind = wanted->provider_kind;
    query.provider = wanted->provider;
    query.upstream_model = wanted->model;
    query.time = wanted->time;
    const auto table = prices.table();
    const auto cost = table->price(query, wanted->usage);
    Json body;
    body["model"] = wanted->model;
    body["priced"] = cost.has_value();
    if (cost) {
        body.update(json_of(*cost));
    } else {
        body["reason"] = why_unpriced(*table, query, wanted->usage);
        body["tariff"] = nullptr;
        body["cost_nano_usd"] = nullptr;
        body["lines"] = Json::array();
    }
    return json_response(body);
}

ApiResponse put(Prices& prices, const ApiRequest& request) {
    auto tariff = own_price_from(request.body, request.params.at("model"), prices.clock().now());
    if (!tariff) return problem(tariff.error());
    auto body = json_of(*tariff);
    body["applies"] = tariff->applies_at(prices.clock().now());
    const auto version = prices.put_override(*std::move(tariff), request.if_version);
    if (!version) return problem(version.error());
    ApiResponse response = json_response(body);
    response.version = *version;
    return response;
}

ApiResponse remove(Prices& prices, const ApiRequest& request) {
    const auto vendor = query_of(request, "vendor").value_or("");
    const auto provider = query_of(request, "provider").value_or("");
    if (vendor.empty() == provider.empty()) return problem(400, "say one of `vendor` and `provider`");
    if (const auto text = query_of(request, "from").value_or(""); !text.empty()) {
        const auto from = parse_time(text);
        if (!from) return problem(400, "`from` must be a time such as `2027-01-31T00:00:00Z` or a date");
        const auto origin = query_of(request, "origin").value_or("override");
        if (origin != "override" && origin != "import") return problem(400, "`origin` must be `override` or `import`");
        const auto withdrawn = prices.withdraw(origin == "import" ? Origin::imported : Origin::own,
                                               vendor.empty() ? vendor_of_provider(provider) : vendor,
                                               lower_case(request.params.at("model")), *from, request.if_version);
        if (!withdrawn) return problem(withdrawn.error());
        ApiResponse response;
        response.status = 204;
        return response;
    }
    const auto done = prices.remove_override(vendor.empty() ? vendor_of_provider(provider) : vendor,
                                             lower_case(request.params.at("model")), request.if_version);
    if (!done) return problem(done.error());
    ApiResponse response;
    response.status = 204;
    return response;
}

using Handler = ApiResponse (*)(Prices&, const ApiRequest&);

std::function<ApiResponse(const ApiRequest&)> of(Prices& prices, Handler handler) {
    return [&prices, handler](const ApiRequest& request) { return handler(prices, request); };
}

}  // namespace

std::vector<ApiRoute> price_routes(Prices& prices) {
    const std::string text = R"({"type":"string"})";
    std::vector<ApiRoute> routes;
    routes.push_back(api_route(Permission::read_models, "GET", "/api/v1/prices", "listPrices",
                               "The prices that hold now, by vendor and model", price_list_schema(), of(prices, list)));
    routes.back().query = {{"model", text, "glob over the model, its aliases, or vendor/model"},
                           {"provider", text, "the vendor, such as `anthropic`"},
                           {"after", text, "the same as `cursor`"}};
    std::ranges::copy(page_params(), std::back_inserter(routes.back().query));
    routes.push_back(api_route(Permission::operate, "POST", "/api/v1/prices/import", "importPrices",
                               "Take LiteLLM's or genai-prices' list; its prices win from their date on",
                               import_result_schema(), of(prices, import_list)));
    routes.back().max_body_bytes = 16 << 20;  // a list of every model that there is
    routes.back().query = {
        {"effective_from", R"({"type":"string","format":"date-time"})", "from when they hold; default: now"}};
    routes.back().request_schema =
        R"({"type":["object","array"],"description":"LiteLLM's model_prices_and_context_window.json or genai-prices' data.json"})";
    routes.push_back(api_route(Permission::read_models, "POST", "/api/v1/prices/quote", "quotePrice",
                               "What a usage costs, line by line", quote_schema(), of(prices, quote)));
    routes.back().request_schema = quote_request_schema();
    routes.push_back(api_route(Permission::read_models, "GET", "/api/v1/prices/{model}", "getPrice",
                               "All prices of a model: every vendor, date and origin", price_schema(),
                               of(prices, show)));
    routes.back().resource.kind = "Price";
    routes.back().resource.names = {"model"};
    routes.push_back(api_route(Permission::operate, "PUT", "/api/v1/prices/{model}", "putPrice",
                               "Set a price of your own; it wins over all others", R"({"type":"object"})",
                               of(prices, put)));
    routes.back().request_schema = own_price_schema();
    routes.push_back(api_route(Permission::operate, "DELETE", "/api/v1/prices/{model}", "deletePrice",
                               "Remove a price of your own, or withdraw an announced one", "", of(prices, remove)));
    routes.back().query = {
        {"vendor", text, "whose model"},
        {"provider", text, "the name of one provider"},
        {"from", R"({"type":"string","format":"date-time"})", "only the price that is announced from then on"},
        {"origin", R"({"enum":["override","import"]})", "with `from`: whose announcement; default: override"}};
    routes.back().success = 204;
    return routes;
}

}  // namespace lurus::billing
