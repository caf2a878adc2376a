// `/api/v1/flags`: what is switched on in the running process, where that was said, and the few that can be changed.
#include <nlohmann/json.hpp>

#include "control/state/control_plane.hpp"
#include "core/http/api_route.hpp"
#include "core/http/list_page.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

const ListShape flag_list{.id = {"name"}, .sorts = {"name", "source"}};

constexpr const char* flag_schema =
    R"({"type":"object","required":["name","value","default","source","where","description","applies","pending","changeable"],"properties":{
"name":{"type":"string"},"value":{"description":"in force now"},"default":{},
"source":{"enum":["default","file","environment","command_line","stored"]},
"where":{"type":["string","null"],"description":"position in the file, or variable"},"description":{"type":"string"},
"applies":{"enum":["reload","start"],"description":"when a change of the configuration takes effect"},
"pending":{"description":"the value after the next start, where it differs; else null"},
"changeable":{"type":"boolean","description":"by PATCH"}}})";

constexpr const char* change_schema =
    R"({"type":"object","required":["value"],"additionalProperties":false,"properties":{
"value":{"type":["string","integer","boolean","null"],"description":"null = what the configuration says"}}})";

std::string_view source_of(const std::string& where) {
    if (where.empty()) return "default";
    if (where == "stored") return "stored";
    if (where.starts_with("--")) return "command_line";
    return where.starts_with("LURUS_") ? "environment" : "file";
}

Json shown(const Flag& flag, const config::Config& started_with, const config::Config& now) {
    static const config::Config defaults;
    const Json configured = flag.value(now), in_force = flag.at_start ? flag.value(started_with) : configured;
    const std::string where = where_set(flag.at_start ? started_with : now, flag.name);
    const std::string_view source = source_of(where);
    Json out;
    out["name"] = flag.name;
    out["value"] = in_force;
    out["default"] = flag.name == "server.listen" ? Json::array({"127.0.0.1:18100"}) : flag.value(defaults);
    out["source"] = source;
    out["where"] = source == "default" || source == "stored" ? Json(nullptr) : Json(where);
    out["description"] = flag.description;
    out["applies"] = flag.at_start ? "start" : "reload";
    out["pending"] = configured == in_force ? Json(nullptr) : configured;
    out["changeable"] = flag.set != nullptr;
    return out;
}

ApiResponse no_such(const std::string& name) {
    return problem(404, "there is no flag `" + name + "`; GET /api/v1/flags lists them");
}

}  // namespace

ApiResponse ControlPlane::list_flags(const ApiRequest& request) const {
    std::vector<Json> all;
    {
        const std::scoped_lock lock(mutex_);
        for (const Flag& flag : flags()) all.push_back(shown(flag, start_config_, config_));
    }
    if (const auto source = request.query.find("source"); source != request.query.end())
        std::erase_if(all, [&](const Json& one) { return one["source"] != source->second; });
    const auto page = list_page(std::move(all), flag_list, request.query);
    return page ? json_response(*page) : lurus::problem(page.error());
}

ApiResponse ControlPlane::show_flag(const ApiRequest& request) const {
    const std::string& name = request.params.at("name");
    const Flag* flag = find_flag(name);
    if (flag == nullptr) return no_such(name);
    const std::scoped_lock lock(mutex_);
    ApiResponse response = json_response(shown(*flag, start_config_, config_));
    response.version = flags_->version_of(name);
    return response;
}

ApiResponse ControlPlane::change_flag(const ApiRequest& request) {
    const std::string& name = request.params.at("name");
    const Flag* flag = find_flag(name);
    if (flag == nullptr) return no_such(name);
    const Json body = Json::parse(request.body, nullptr, false);
    if (!body.is_object() || body.size() != 1 || !body.contains("value"))
        return lurus::problem(400, "the body takes `value` and nothing else");
    if (flag->set == nullptr)
        return lurus::problem(409, "`" + name + "` is changed in the configuration only" +
                                       (flag->at_start ? ", and takes effect at the next start" : ""));
    const Json& value = body["value"];
    config::Config tried = config();
    if (!value.is_null()) {
        if (auto fits = flag->set(tried, value); !fits) return lurus::problem(fits.error());
    }
    const std::scoped_lock one(reload_mutex_);
    auto stored = value.is_null() ? flags_->unset(name, request.if_version)
                                  : flags_->set(name, value, clock_.now(), request.if_version);
    if (!stored) return lurus::problem(stored.error());
    config::Config read;
    {
        const std::scoped_lock lock(mutex_);
        read = read_config_;
    }
    if (auto taken = take(std::move(read)); !taken) return lurus::problem(taken.error());
    publish();
    return show_flag(request);
}

std::vector<ApiRoute> ControlPlane::flag_routes() {
    std::vector<ApiRoute> all;
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/flags", "listFlags",
                            "What is switched on in the running process, and where that was said",
                            page_schema(flag_schema), [this](const ApiRequest& r) { return list_flags(r); }));
    all.back().query = list_params(flag_list);
    all.back().query.push_back(ApiParam{"source", R"({"type":"string"})", "only those that were set there"});
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/flags/{name}", "getFlag", "One flag",
                            flag_schema, [this](const ApiRequest& r) { return show_flag(r); }));
    all.back().resource.kind = "Flag";
    all.push_back(api_route(Permission::operate, "PATCH", "/api/v1/flags/{name}", "changeFlag",
                            "Change a flag while it runs; the value is kept and wins over the configuration",
                            flag_schema, [this](const ApiRequest& r) { return change_flag(r); }));
    all.back().request_schema = change_schema;
    all.back().audit.plain = {"value"};
    return all;
}

}  // namespace lurus::control
