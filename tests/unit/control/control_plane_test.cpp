// The modules together over a real data folder, without a gateway.
#include "control/state/control_plane.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "app/wiring.hpp"
#include "cli/api_client.hpp"
#include "control/api/openapi.hpp"
#include "core/http/api_route.hpp"
#include "core/os/files.hpp"
#include "tests/unit/scratch.hpp"
#include "tests/unit/world.hpp"

namespace control_plane_test {

using namespace lurus;
using namespace lurus::app;
using namespace lurus::cli;
using namespace lurus::config;
using namespace lurus::control;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Folder {
    test::Scratch scratch;
    Environment environment;

    std::shared_ptr<spdlog::logger> before = spdlog::default_logger();

    Folder() {
        if (before->name() != "capture") spdlog::set_default_logger(std::make_shared<spdlog::logger>("quiet"));
        environment.working_dir = scratch.dir();
        environment.folders.system_config = scratch.dir() / "none";
        environment.folders.system_data = scratch.dir() / "data";
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { spdlog::set_default_logger(before); }
    ConfigLoader loader() const {
        return [e = environment] { return load_config({}, e); };
    }
    std::unique_ptr<ControlPlane> open(Use use = Use::server, const Clock& clock = system_clock()) const {
        auto config = load_config({}, environment);
        REQUIRE_MESSAGE(config.has_value(), config.error().message);
        auto plane = open_control_plane(*config, use, loader(), clock);
        REQUIRE_MESSAGE(plane.has_value(), plane.error().message);
        return std::move(*plane);
    }
};

Json ask(const ControlPlane& plane, const std::string& method, const std::string& target, int status = 200,
         const Json& body = nullptr) {
    const auto response = plane.local(method, target, body.is_null() ? "" : body.dump());
    CHECK_MESSAGE(response.status == status, response.body);
    return response.body.empty() ? Json() : Json::parse(response.body);
}

constexpr const char* config_text = R"(
[[provider]]
name = "one"
kind = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"
api_key = "sk-configured-secret-0001"
models = ["m-one"]
[[key]]
name = "ci"
value = "cr_configured_secret_0002"
)";

}  // namespace

TEST_CASE("the folder is made for its owner only and belongs to one server") {
    Folder folder;
    auto plane = folder.open();
    const fs::path dir = folder.scratch.dir() / "data";
    CHECK((fs::status(dir).permissions() & fs::perms::all) == fs::perms::owner_all);
    const auto token = read_file(dir / "admin.token");
    REQUIRE(token.has_value());
    CHECK(token->size() >= 32);
    CHECK((fs::status(dir / "admin.token").permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));

    auto config = load_config({}, folder.environment);
    auto second = open_control_plane(*config, Use::server, folder.loader(), system_clock());
    REQUIRE(!second.has_value());
    CHECK(second.error().code == ErrorCode::conflict);
    CHECK(second.error().message.find("already") != std::string::npos);

    plane.reset();
    plane = folder.open();
    CHECK(read_file(dir / "admin.token") == *token);
}

TEST_CASE("a change is published") {
    Folder folder;
    auto plane = folder.open();
    int published = 0;
    std::shared_ptr<const GatewaySnapshot> last;
    plane->on_publish([&](std::shared_ptr<const GatewaySnapshot> snapshot) {
        ++published;
        last = std::move(snapshot);
    });
    CHECK(published == 1);
    const Json made = ask(*plane, "POST", "/api/v1/keys", 201, {{"name", "laptop"}});
    CHECK(published == 2);
    const auto* key = last->keys->find(made["key"].get<std::string>());
    REQUIRE(key != nullptr);
    CHECK(key->name == "laptop");
    ask(*plane, "DELETE", "/api/v1/keys/laptop", 204);
    CHECK(published == 3);
    CHECK(last->keys->find(made["key"].get<std::string>()) == nullptr);
}

TEST_CASE("what budgets have used up is read anew when the clock is set") {
    constexpr std::int64_t day = 86'400'000'000;
    const Folder folder;
    folder.scratch.write("lurus.toml", std::string(config_text) + "[limits.key]\nbudget = \"1 USD/day\"\n");
    test::SetClock clock;
    const auto plane = folder.open(Use::server, clock);
    const auto spend = [&](std::int64_t nano) {
        RequestRecord record;
        record.time = clock.now();
        record.key = "ci";
        const RecordIds ids = plane->snapshot()->keys->all().front().record_ids;
        record.key_id = ids.key;
        record.org_id = ids.org;
        record.cost = Money{nano};
        plane->log().append(std::move(record), 0, nullptr);
        REQUIRE(plane->log().flush(10'000));
    };
    const auto spent = [&] {
        const auto table = plane->snapshot()->spent;
        REQUIRE(table);
        REQUIRE(table->size() == 1);
        return table->begin()->second;
    };
    const auto today = Budget::parse("1 USD/day")->begin(clock.now());
    CHECK(spent().amount.nano_usd == 0);
    spend(700);
    plane->watch_clock();
    CHECK(spent().amount.nano_usd == 0);  // who counts goes on from it

    clock.ahead = day;
    plane->watch_clock();
    CHECK(spent().since == today + day);
    CHECK(spent().amount.nano_usd == 0);
    spend(50);

    clock.ahead = 0;
    plane->watch_clock();
    CHECK(spent().since == today);
    CHECK(spent().amount.nano_usd == 750);
}

TEST_CASE("a reload takes a good file and refuses a bad one") {
    Folder folder;
    folder.environment.variables["NOBODY"] = "a password that is long enough";
    folder.scratch.write("lurus.toml", "[log]\nlevel = \"info\"\n");
    auto plane = folder.open();
    std::shared_ptr<const GatewaySnapshot> last;
    plane->on_publish([&](std::shared_ptr<const GatewaySnapshot> snapshot) { last = std::move(snapshot); });

    folder.scratch.write("lurus.toml", config_text);
    auto done = plane->reload();
    REQUIRE_MESSAGE(done.has_value(), done.error().message);
    CHECK(done->needs_restart.empty());
    REQUIRE(last->keys->find("cr_configured_secret_0002") != nullptr);
    CHECK(last->catalog->resolve(Family::openai, "m-one").has_value());

    SUBCASE("with a mistake") {
        const auto file = folder.scratch.write("lurus.toml", "[server]\n\nthreads = many\n");
        const Json problem = ask(*plane, "POST", "/api/v1/reload", 400);
        CHECK(problem["detail"].get<std::string>().find(file.string() + ":3:") == 0);
        CHECK(plane->problem().find(file.string() + ":3:") == 0);
        REQUIRE(last->problems.size() == 1);
        CHECK(last->problems[0].find(file.string() + ":3:") != std::string::npos);
        CHECK(ask(*plane, "GET", "/api/v1/status")["config"]["problem"].get<std::string>().find(":3:") !=
              std::string::npos);
        CHECK(last->keys->find("cr_configured_secret_0002") != nullptr);
        CHECK(last->catalog->resolve(Family::openai, "m-one").has_value());
        folder.scratch.write("lurus.toml", config_text);
        CHECK(plane->reload().has_value());
        CHECK(last->problems.empty());
        CHECK(ask(*plane, "GET", "/api/v1/status")["config"]["problem"].is_null());
    }
    SUBCASE("with what only the modules refuse, the whole file is refused, and the place is named") {
        REQUIRE(plane->identity()
                    .create_key(NewKey{.name = "stored", .note = {}, .models = {}, .families = {}, .expires = {}})
                    .has_value());
        const auto file = folder.scratch.write("lurus.toml",
                                               "[[provider]]\nname = \"two\"\nkind = \"openai-compatible\"\nbase_url = "
                                               "\"http://127.0.0.1:9/v1\"\nmodels = [\"m-two\"]\n"
                                               "[[key]]\nname = \"stored\"\nvalue = \"cr_configured_secret_0003\"\n");
        const auto refused = plane->reload();
        REQUIRE(!refused.has_value());
        CHECK_MESSAGE(refused.error().message.find(file.string() + ":6:1: ") == 0, refused.error().message);
        CHECK(last->catalog->resolve(Family::openai, "m-one").has_value());
        CHECK(last->keys->find("cr_configured_secret_0002") != nullptr);
        CHECK(last->keys->find("cr_configured_secret_0003") == nullptr);
        const auto& providers = last->catalog->providers();
        CHECK(std::ranges::none_of(providers, [](const auto& p) { return p->name == "two"; }));
    }
    SUBCASE("with what only the last module refuses, nothing of it is in force for a moment") {
        const auto catalog = last->catalog;
        const auto keys = last->keys;
        const auto tariffs = last->tariffs;
        std::vector<std::shared_ptr<const GatewaySnapshot>> published;
        plane->on_publish([&](std::shared_ptr<const GatewaySnapshot> next) { published.push_back(std::move(next)); });
        const auto file = folder.scratch.write("lurus.toml",
                                               "[server]\nheartbeat = \"1s\"\n"
                                               "[[provider]]\nname = \"two\"\nkind = \"openai-compatible\"\nbase_url = "
                                               "\"http://127.0.0.1:9/v1\"\nmodels = [\"m-two\"]\n"
                                               "[[key]]\nname = \"next\"\nvalue = \"cr_configured_secret_0003\"\n"
                                               "[[user]]\nemail = \"nobody@example.com\"\npassword_env = \"NOBODY\"\n");
        const auto refused = plane->reload();
        REQUIRE(!refused.has_value());
        CHECK_MESSAGE(refused.error().message.find(file.string() + ":11:1: ") == 0, refused.error().message);
        REQUIRE(published.size() == 2);  // the one there was, and the same with the reason
        for (const auto& snapshot : published) {
            CHECK(snapshot->catalog == catalog);
            CHECK(snapshot->keys == keys);
            CHECK(snapshot->tariffs == tariffs);
            CHECK(snapshot->settings.heartbeat_ms == 15'000);
        }
        CHECK(published.back()->problems.size() == 1);
    }
    SUBCASE("an unknown preset is refused with its place") {
        const auto file = folder.scratch.write("lurus.toml", "\n[[provider]]\nname = \"p\"\nkind = \"opnai\"\n");
        const auto refused = plane->reload();
        REQUIRE(!refused.has_value());
        CHECK_MESSAGE(refused.error().message.find(file.string() + ":2:1: ") == 0, refused.error().message);
    }
    SUBCASE("of two things of one name the one that is wrong is named") {
        const auto file =
            folder.scratch.write("lurus.toml",
                                 "[[provider]]\nname = \"same\"\nkind = \"openai-compatible\"\nbase_url = "
                                 "\"http://127.0.0.1:9/v1\"\nmodels = [\"m\"]\n"
                                 "[[route]]\nmodel = \"same\"\nto = [\"nowhere/x\"]\n");
        const auto refused = plane->reload();
        REQUIRE(!refused.has_value());
        CHECK_MESSAGE(refused.error().message.find(file.string() + ":6:1: ") == 0, refused.error().message);
        REQUIRE(refused.error().subject.has_value());
        CHECK(refused.error().subject->kind == "route");
        CHECK(ask(*plane, "POST", "/api/v1/reload", 400)["subject"] == Json{{"kind", "route"}, {"name", "same"}});
    }
    SUBCASE("start-only options are told, and stay as they were") {
        folder.scratch.write(
            "lurus.toml",
            "[server]\nlisten = \"127.0.0.1:1\"\nthreads = 7\nheartbeat = \"1s\"\n[keys]\nprefix = \"x\"\n");
        const Json answer = ask(*plane, "POST", "/api/v1/reload");
        CHECK(answer["needs_restart"].size() == 3);
        CHECK(last->settings.threads == 0);
        CHECK(last->settings.listeners.at(0).address == "127.0.0.1:18100");
        CHECK(last->settings.heartbeat_ms == 1000);
        CHECK(ask(*plane, "GET", "/api/v1/status")["config"]["needs_restart"].size() == 3);
        folder.scratch.write("lurus.toml", "");
        CHECK(ask(*plane, "POST", "/api/v1/reload")["needs_restart"].empty());
    }
    spdlog::set_level(spdlog::level::info);
}

TEST_CASE("a command works on the folder itself when no server holds it") {
    Folder folder;
    {
        auto plane = folder.open(Use::command);
        CHECK_FALSE(fs::exists(folder.scratch.dir() / "data/admin.token"));
        CHECK(ask(*plane, "GET", "/api/v1/status")["running"] == false);
        ask(*plane, "POST", "/api/v1/reload", 409);
        auto server = folder.open();  // a command does not keep a server from starting
        CHECK(ask(*server, "GET", "/api/v1/status")["running"] == true);
    }
    auto config = load_config({}, folder.environment);
    config->chosen = true;  // whoever runs this may be signed in somewhere
    auto api = open_api(*config, open_folder);
    REQUIRE_MESSAGE(api.has_value(), api.error().message);
    CHECK((*api)->server_url().empty());
    auto made = (*api)->call("POST", "/api/v1/keys", {}, R"({"name":"cli"})");
    REQUIRE(made.has_value());
    CHECK(made->status == 201);
    auto listed = (*api)->call("GET", "/api/v1/keys");
    REQUIRE(listed.has_value());
    CHECK(Json::parse(listed->body)["data"].size() == 1);
}

TEST_CASE("the OpenAPI document and the route table say the same") {
    Folder folder;
    auto plane = folder.open();
    const Json doc = ask(*plane, "GET", "/api/v1/openapi.json");
    CHECK(doc["openapi"] == "3.1.0");
    CHECK(doc["info"]["title"].is_string());
    CHECK(doc["info"]["version"].is_string());
    REQUIRE(doc["servers"].is_array());
    CHECK(doc["servers"][0]["url"] == "/");
    CHECK(doc["components"]["securitySchemes"]["admin_token"]["scheme"] == "bearer");
    CHECK(doc["security"] == Json::parse(R"([{"admin_token":[]},{"access_token":[]},{"session":[]}])"));
    for (const auto& way : doc["security"]) CHECK(doc["components"]["securitySchemes"].contains(way.begin().key()));

    std::set<std::string> operations;
    std::size_t documented = 0;
    for (const auto& [path, methods] : doc["paths"].items()) documented += methods.size();
    const auto& routes = plane->dispatcher().routes();
    CHECK(documented == routes.size());
    CHECK(routes.size() > 15);
    for (const auto& route : routes) {
        CAPTURE(route.path);
        std::string method = route.method;
        for (char& c : method) c = static_cast<char>(std::tolower(c));
        CHECK(route.path.starts_with("/api/v1/"));
        REQUIRE(doc["paths"][route.path].contains(method));
        const Json& operation = doc["paths"][route.path][method];
        CHECK(operation["operationId"] == route.operation_id);
        CHECK_FALSE(route.operation_id.empty());
        CHECK_FALSE(route.summary.empty());
        CHECK(operations.insert(route.operation_id).second);
        CHECK(operation["tags"].is_array());
        CHECK(operation["responses"].contains(std::to_string(route.success)));
        CHECK(operation["responses"]["default"]["$ref"] == "#/components/responses/Problem");
        CHECK(operation["responses"][std::to_string(route.success)]["description"].is_string());
        for (const auto* schema : {&route.request_schema, &route.response_schema}) {
            if (!schema->empty()) CHECK_MESSAGE(Json::accept(*schema), *schema);
        }
        CHECK((route.success == 204) == route.response_schema.empty());
        CHECK(operation.contains("requestBody") == !route.request_schema.empty());

        std::set<std::string> in_path, given;
        for (auto at = route.path.find('{'); at != std::string::npos; at = route.path.find('{', at + 1)) {
            in_path.insert(route.path.substr(at + 1, route.path.find('}', at) - at - 1));
        }
        std::size_t in_query = 0;
        for (const auto& said : operation.value("parameters", Json::array())) {
            const bool shared = said.contains("$ref");  // what every route of its kind takes
            const Json parameter =
                shared ? doc.at(Json::json_pointer(said["$ref"].get<std::string>().substr(1))) : said;
            if (parameter["in"] == "path") {
                given.insert(parameter["name"].get<std::string>());
                CHECK(parameter["required"] == true);
            } else if (!shared) {
                CHECK(parameter["in"] == "query");
                ++in_query;
            }
            CHECK(parameter["schema"].is_object());
            CHECK_FALSE(parameter["schema"].empty());
        }
        CHECK(in_path == given);
        CHECK(in_query == route.query.size());
        // Every documented operation reaches its handler: nothing shadows it.
        CHECK(plane->local("TRACE", route.path, "").status == 405);
    }
    CHECK(doc["components"]["responses"]["Problem"]["content"].contains("application/problem+json"));
    CHECK(doc["components"]["schemas"]["Problem"]["properties"]["detail"]["type"] == "string");
}

TEST_CASE("no secret is in the log, the answers or the status") {
    std::ostringstream log;
    auto before = spdlog::default_logger();
    auto logger = std::make_shared<spdlog::logger>("capture", std::make_shared<spdlog::sinks::ostream_sink_mt>(log));
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(logger);
    Folder folder;
    folder.scratch.write("lurus.toml", config_text);
    folder.environment.variables["LURUS_MASTER_KEY"] = std::string(64, '7');
    std::string answers;
    std::string token;
    {
        auto plane = folder.open();
        token = read_file(folder.scratch.dir() / "data/admin.token")->substr(0, 64);
        CHECK(plane->reload().has_value());
        folder.scratch.write("lurus.toml", std::string(config_text) +
                                               "\n[[provider]]\nname = \"bad\"\napi_key = sk-configured-secret-0001\n");
        CHECK_FALSE(plane->reload().has_value());
        for (const auto& route : plane->dispatcher().routes()) {
            if (route.method == "GET" && route.path.find('{') == std::string::npos)
                answers += whole_response(plane->local("GET", route.path, "")).value().body;
        }
        ask(*plane, "POST", "/api/v1/providers", 201,
            {{"name", "stored"},
             {"kind", "openai"},
             {"api_key", "sk-stored-secret-0004"},
             {"base_url", "http://127.0.0.1:9"}});
        answers += plane->local("GET", "/api/v1/providers", "").body;
        answers += plane->local("POST", "/api/v1/providers/stored/test", "{}").body;
        ApiCall call;
        call.request.method = "GET";
        call.target = "/api/v1/status";
        call.authorization = "Bearer " + token;
        CHECK(plane->handle(call).status == 200);
        answers += plane->handle(call).body;
    }
    spdlog::set_default_logger(before);
    CHECK(log.str().find("configuration refused") != std::string::npos);
    for (const std::string& text : {log.str(), answers}) {
        for (const std::string& secret : {std::string("sk-configured-secret"), std::string("cr_configured_secret"),
                                          std::string("sk-stored-secret"), std::string(64, '7'), token}) {
            CHECK(text.find(secret) == std::string::npos);
        }
    }
}

}  // namespace control_plane_test
