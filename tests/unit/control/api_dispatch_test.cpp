#include "control/api/dispatcher.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "core/http/api_route.hpp"
#include "core/http/problem.hpp"

using namespace lurus;
using namespace lurus::control;

namespace {

ApiRoute route(std::string method, std::string path) {
    ApiRoute out(path == openapi_path ? Permission::anyone : Permission::change_keys);
    out.method = method;
    out.path = path;
    for (const char* name : {"a", "b", "flag", "e", "user"}) out.query.push_back({name, R"({"type":"string"})", ""});
    out.handler = [=](const ApiRequest& request) {
        nlohmann::json body{{"route", method + " " + path},    {"path", request.path},
                            {"params", request.params},        {"query", request.query},
                            {"actor", request.principal.name}, {"body", request.body}};
        ApiResponse response;
        response.body = body.dump();
        return response;
    };
    return out;
}

ApiDispatcher made() {
    std::vector<ApiRoute> routes{route("GET", "/api/v1/keys"),        route("POST", "/api/v1/keys"),
                                 route("GET", "/api/v1/keys/{id}"),   route("DELETE", "/api/v1/keys/{id}"),
                                 route("GET", "/api/v1/keys/count"),  route("POST", "/api/v1/providers/{name}/test"),
                                 route("GET", "/api/v1/openapi.json")};
    ApiRoute broken = route("GET", "/api/v1/broken");
    broken.handler = [](const ApiRequest&) -> ApiResponse { throw std::runtime_error("handler met 'sk-inside'"); };
    routes.push_back(broken);
    ApiRoute pieces = route("GET", "/api/v1/pieces");
    pieces.foreign_query = true;
    pieces.handler = [](const ApiRequest& request) {
        ApiResponse response;
        response.stream = [left = 3, broken = request.query.contains("broken")]() mutable -> Result<ApiPiece> {
            if (left == 1 && broken) throw std::runtime_error("source met 'sk-inside'");
            return left-- > 0 ? ApiPiece("piece ") : ApiPiece();
        };
        return response;
    };
    routes.push_back(pieces);
    ApiRoute odd = route("GET", "/api/v1/odd");
    odd.handler = [](const ApiRequest&) -> ApiResponse { throw 3; };
    routes.push_back(odd);
    return ApiDispatcher(std::move(routes), 100);
}

ApiResponse ask(const std::string& method, const std::string& target, const std::string& body = "") {
    static const ApiDispatcher dispatcher = made();
    ApiRequest request;
    request.method = method;
    request.body = body;
    request.principal = admin_principal("test");
    return dispatcher.dispatch(request, target);
}

nlohmann::json json_of(const ApiResponse& response) {
    return nlohmann::json::parse(response.body);
}

std::string header(const ApiResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (key == name) return value;
    }
    return "";
}

}  // namespace

TEST_CASE("a body in pieces is whole for who cannot take pieces, and what it throws is an error without its text") {
    const auto whole = whole_response(ask("GET", "/api/v1/pieces"));
    REQUIRE(whole.has_value());
    CHECK(whole->body == "piece piece piece ");
    CHECK_FALSE(whole->stream);
    std::ostringstream log;
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("capture", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
    const auto broken = whole_response(ask("GET", "/api/v1/pieces?broken=1"));
    spdlog::set_default_logger(before);
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().code == ErrorCode::internal);
    CHECK(log.str().find("/api/v1/pieces failed") != std::string::npos);
    CHECK((log.str() + broken.error().message).find("sk-inside") == std::string::npos);
}

TEST_CASE("a problem names its subject where the error does") {
    const auto named = json_of(problem(Error(ErrorCode::conflict, "it is used", ErrorSubject("provider", "ant"))));
    CHECK(named["subject"] == nlohmann::json{{"kind", "provider"}, {"name", "ant"}});
    CHECK_FALSE(json_of(problem(Error(ErrorCode::conflict, "it is used"))).contains("subject"));
    CHECK(about(Error(ErrorCode::conflict, "m", ErrorSubject("key", "a")), "route", "b").subject->kind == "key");
}

TEST_CASE("a target finds its route") {
    CHECK(json_of(ask("GET", "/api/v1/keys"))["route"] == "GET /api/v1/keys");
    CHECK(json_of(ask("GET", "/api/v1/keys/"))["route"] == "GET /api/v1/keys");
    CHECK(json_of(ask("HEAD", "/api/v1/keys"))["route"] == "GET /api/v1/keys");
    CHECK(json_of(ask("POST", "/api/v1/keys", "{}"))["body"] == "{}");
    CHECK(json_of(ask("DELETE", "/api/v1/keys/abc"))["params"]["id"] == "abc");
    CHECK(json_of(ask("POST", "/api/v1/providers/a/test"))["params"]["name"] == "a");
    SUBCASE("a word wins over a parameter") {
        CHECK(json_of(ask("GET", "/api/v1/keys/count"))["route"] == "GET /api/v1/keys/count");
        CHECK(ask("DELETE", "/api/v1/keys/count").status == 405);
    }
    SUBCASE("escapes are decoded after the path is split") {
        const auto body = json_of(ask("GET", "/api/v1/keys/deep%2Fseek%20%C3%A9%25?a=1%262&b=x+y&a=3&flag&e="));
        CHECK(body["params"]["id"] == "deep/seek \u00e9%");
        CHECK(body["query"]["a"] == "3");
        CHECK(body["query"]["b"] == "x y");
        CHECK(body["query"]["flag"] == "");
        CHECK(body["query"]["e"] == "");
        CHECK(json_of(ask("GET", "/api/v1/keys/%7Bid%7D"))["params"]["id"] == "{id}");
    }
}

TEST_CASE("a parameter that a route does not have is refused, named with the nearest that it has") {
    const auto refused = [](const std::string& target, const std::string& method = "GET") {
        const auto response = ask(method, target);
        CHECK_MESSAGE(response.status == 400, target);
        return response.status == 400 ? json_of(response)["detail"].get<std::string>() : std::string();
    };
    CHECK(refused("/api/v1/keys?usr=x") ==
          "GET /api/v1/keys has no query parameter `usr` (did you mean `user`?); it takes `a`, `b`, `flag`, `e`, "
          "`user`, `org`");
    CHECK(refused("/api/v1/keys?USER=x").contains("did you mean `user`?"));
    CHECK(refused("/api/v1/keys?a=1&nothing=x&ogr=y").contains("`nothing`, `ogr` (did you mean `org`?)"));
    CHECK(refused("/api/v1/keys?=x").contains("no query parameter ``"));
    CHECK(refused("/api/v1/keys?" + std::string(500, 'x')).contains("`" + std::string(60, 'x') + "`"));
    CHECK(refused("/api/v1/keys/k?force=1", "DELETE").contains("DELETE /api/v1/keys/{id}"));
    CHECK(refused("/api/v1/openapi.json?org=x").contains("`org`"));  // nobody acts in an organisation there
    CHECK(ask("GET", "/api/v1/keys?org=x&user=y").status == 200);
    CHECK(ask("GET", "/api/v1/pieces?anything=1").status == 200);
}

TEST_CASE("what there is not is a problem document") {
    for (const auto& [method, target, status] :
         std::vector<std::tuple<std::string, std::string, int>>{{"GET", "/api/v1/nothing", 404},
                                                                {"GET", "/api/v1", 404},
                                                                {"GET", "/api/v1//keys", 404},
                                                                {"GET", "/api/v1/keys//", 404},
                                                                {"GET", "/api/v1/keys/a/b", 404},
                                                                {"PUT", "/api/v1/keys", 405},
                                                                {"get", "/api/v1/keys", 405},
                                                                {"GET", "/api/v1/keys/%zz", 400},
                                                                {"GET", "/api/v1/keys/%00", 400},
                                                                {"GET", "/api/v1/keys/%", 400},
                                                                {"GET", "/api/v1/keys?a=%f", 400},
                                                                {"GET", "api/v1/keys", 400},
                                                                {"GET", "", 400}}) {
        CAPTURE(target);
        const auto response = ask(method, target);
        CHECK(response.status == status);
        CHECK(response.content_type == "application/problem+json");
        CHECK(json_of(response)["status"] == status);
        CHECK_FALSE(json_of(response)["detail"].get<std::string>().empty());
    }
    CHECK(header(ask("PUT", "/api/v1/keys"), "allow") == "GET, POST");
    CHECK(ask("POST", "/api/v1/keys", std::string(101, ' ')).status == 413);
    CHECK(ask("POST", "/api/v1/keys", std::string(100, ' ')).status == 200);
}

TEST_CASE("an exception becomes a 500 that tells nothing") {
    std::ostringstream log;
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("capture", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
    for (const char* target : {"/api/v1/broken", "/api/v1/odd"}) {
        const auto response = ask("GET", target);
        CHECK(response.status == 500);
        CHECK(response.body.find("sk-inside") == std::string::npos);
    }
    spdlog::set_default_logger(before);
    CHECK(log.str().find("GET /api/v1/broken failed: handler met ...") != std::string::npos);
    CHECK(log.str().find("GET /api/v1/odd failed") != std::string::npos);
    CHECK(log.str().find("sk-inside") == std::string::npos);
}

TEST_CASE("only the admin token opens the door") {
    const ApiDispatcher dispatcher = made();
    ApiGate gate;
    gate.admin_token = Secret("0123456789abcdef0123456789abcdef");
    const auto with = [&](const std::string& authorization, const std::string& target = "/api/v1/keys",
                          const std::string& method = "GET") {
        ApiCall call;
        call.request.method = method;
        call.request.principal = admin_principal("somebody");
        call.target = target;
        call.authorization = authorization;
        return dispatcher.handle(call, gate);
    };
    for (const char* wrong :
         {"", "Bearer", "Bearer ", "Bearer 0123456789abcdef0123456789abcde", "Basic 0123456789abcdef0123456789abcdef",
          "0123456789abcdef0123456789abcdef", "Bearer 0123456789abcdef0123456789abcdef0"}) {
        CAPTURE(wrong);
        const auto response = with(wrong);
        CHECK(response.status == 401);
        CHECK(header(response, "www-authenticate") == "Bearer realm=\"lurus\"");
        CHECK(response.body.find("0123456789abcdef") == std::string::npos);
    }
    const auto good = with("bearer 0123456789abcdef0123456789abcdef");
    CHECK(good.status == 200);
    CHECK(json_of(good)["actor"] == "admin token");
    CHECK(header(good, "cache-control") == "no-store");
    CHECK(header(good, "x-content-type-options") == "nosniff");
    CHECK(header(good, "access-control-allow-origin").empty());
    CHECK(with("", "/api/v1/nothing").status == 401);
    CHECK(with("", "/api/v1/openapi.json").status == 200);
    CHECK(with("", "/api/v1/openapi.json", "DELETE").status == 401);
    CHECK(with("", "/api/v1/openapi.json/../keys").status == 401);

    ApiCall call;
    call.request.method = "GET";
    call.target = "/api/v1/keys";
    call.authorization = "Bearer ";
    CHECK(dispatcher.handle(call, ApiGate()).status == 401);
}

namespace {

Principal of_role(Role role, std::string_view org = default_org) {
    Principal who;
    who.kind = Principal::Kind::user;
    who.org = org;
    who.role = role;
    return who;
}

}  // namespace

TEST_CASE("a role may do what its permissions say, and nothing else") {
    const auto may = [](const Principal& who) {
        std::string names;
        for (int i = 0; i < permission_count; ++i) {
            if (who.may(static_cast<Permission>(i))) names += std::string(name_of(static_cast<Permission>(i))) + " ";
        }
        return names;
    };
    const std::string viewer = "anyone signed_in read_models read_records read_keys ";
    const std::string people = "read_people change_people read_limits change_limits read_audit ";
    CHECK(may(Principal()) == "anyone ");
    CHECK(may(of_role(Role::viewer)) == viewer + "read_organisation ");
    CHECK(may(of_role(Role::member)) == viewer + "change_keys read_organisation ");
    CHECK(may(of_role(Role::admin, "other")) == viewer + "change_keys " + people + "read_organisation ");
    CHECK(may(of_role(Role::admin)) == viewer + "change_keys " + people + "read_organisation read_installation ");
    CHECK(may(of_role(Role::owner, "other")) ==
          viewer + "change_keys " + people + "read_organisation change_organisation ");
    CHECK(may(of_role(Role::owner)) ==
          viewer + "change_keys " + people + "read_organisation change_organisation read_installation operate ");
    CHECK(may(of_role(Role::owner, "")) == "anyone signed_in ");
    Principal narrowed = of_role(Role::owner);
    narrowed.scope = bit_of(Permission::read_keys);
    CHECK(may(narrowed) == "anyone read_keys ");
    for (int i = 0; i < permission_count; ++i) {
        CHECK(permission_from(name_of(static_cast<Permission>(i))) == static_cast<Permission>(i));
        CHECK(admin_principal("").may(static_cast<Permission>(i)));
    }
}

TEST_CASE("what a principal may not do is refused before the handler") {
    const ApiDispatcher dispatcher = made();
    ApiGate gate;
    Result<Principal> found = of_role(Role::viewer);
    gate.source = [&](const ApiRequest&, std::string_view) { return found; };
    std::string asked_for = "none";
    gate.in_organisation = [&](Principal who, std::string_view org) -> Result<Principal> {
        asked_for = org;
        if (org == "foreign") return fail(ErrorCode::not_found, "there is no such organisation");
        return who;
    };
    ApiCall call;
    call.request.method = "POST";
    call.target = "/api/v1/keys";
    call.authorization = "Bearer something";
    CHECK(dispatcher.handle(call, gate).status == 403);
    found = of_role(Role::member);
    CHECK(dispatcher.handle(call, gate).status == 200);
    CHECK(asked_for.empty());
    call.target = "/api/v1/keys?org=foreign";
    CHECK(dispatcher.handle(call, gate).status == 404);
    call.target = "/api/v1/keys";
    found = fail(ErrorCode::unavailable, "the database is away");
    CHECK(dispatcher.handle(call, gate).status == 503);
    found = fail(ErrorCode::unauthenticated, "this session is over");
    CHECK(dispatcher.handle(call, gate).status == 401);
    found = Principal();
    CHECK(dispatcher.handle(call, gate).status == 401);
}

TEST_CASE("a browser's change comes from the server's own origin") {
    const ApiDispatcher dispatcher = made();
    ApiGate gate;
    Principal who = of_role(Role::member);
    who.by_cookie = true;
    gate.source = [&](const ApiRequest&, std::string_view) -> Result<Principal> { return who; };
    const auto post = [&](std::map<std::string, std::string> headers, const std::string& method = "POST") {
        ApiCall call;
        call.request.method = method;
        call.request.headers = std::move(headers);
        call.request.headers["host"] = "lurus.example:8443";
        call.target = "/api/v1/keys";
        return dispatcher.handle(call, gate).status;
    };
    CHECK(post({{"origin", "https://lurus.example:8443"}}) == 200);
    CHECK(post({{"sec-fetch-site", "same-origin"}}) == 200);
    CHECK(post({}) == 403);
    CHECK(post({{"origin", "null"}}) == 403);
    CHECK(post({{"origin", "https://evil.example"}}) == 403);
    CHECK(post({{"origin", "https://lurus.example"}}) == 403);
    CHECK(post({{"sec-fetch-site", "cross-site"}}) == 403);
    CHECK(post({{"sec-fetch-site", "same-site"}, {"origin", "https://lurus.example:8443"}}) == 403);
    CHECK(post({{"sec-fetch-site", "same-origin"}, {"origin", "https://evil.example"}}) == 403);
    CHECK(post({}, "GET") == 200);
    who.by_cookie = false;
    CHECK(post({}) == 200);
}

TEST_CASE("a body that is not here yet is judged by its head: who sends it, whether they may, how long it may be") {
    std::vector<ApiRoute> routes{route("POST", "/api/v1/keys"), route("PUT", "/api/v1/lists")};
    routes.back().max_body_bytes = 5 << 20;
    ApiRoute open = route("POST", "/api/v1/login");
    open.permission = Permission::anyone;
    routes.push_back(open);
    ApiRoute hungry = route("POST", "/api/v1/hungry");
    hungry.handler = [](const ApiRequest&) -> ApiResponse { throw std::bad_alloc(); };
    routes.push_back(hungry);
    const ApiDispatcher dispatcher(std::move(routes));
    ApiGate gate;
    gate.admin_token = Secret("the-token");
    int counted = 0;
    gate.rate = [&](std::string_view) {
        ++counted;
        return std::optional<std::int64_t>();
    };
    ApiCall call;
    call.request.remote_address = "192.0.2.1";
    const auto judge = [&](const char* method, const char* target, const char* authorization) {
        call.request.method = method;
        call.target = target;
        call.authorization = authorization;
        return dispatcher.judge(call, gate);
    };
    const auto refused = [&](const char* method, const char* target, const char* authorization) {
        const auto verdict = judge(method, target, authorization);
        return verdict.refusal ? verdict.refusal->status : 0;
    };
    CHECK(refused("POST", "/api/v1/keys", "") == 401);
    CHECK(refused("POST", "/api/v1/keys", "Bearer wrong") == 401);
    CHECK(refused("POST", "/api/v1/nowhere", "") == 401);
    CHECK(counted == 3);
    CHECK(refused("POST", "/api/v1/nowhere", "Bearer the-token") == 404);
    CHECK(refused("DELETE", "/api/v1/keys", "Bearer the-token") == 405);
    CHECK(judge("POST", "/api/v1/keys", "Bearer the-token").max_body_bytes == 1 << 20);
    CHECK(judge("PUT", "/api/v1/lists", "Bearer the-token").max_body_bytes == 5 << 20);
    CHECK(judge("POST", "/api/v1/login", "").max_body_bytes == 64 << 10);

    // What was judged is not counted a second time.
    counted = 0;
    call.judged = true;
    CHECK(dispatcher.handle(call, gate).status == 200);
    CHECK(counted == 0);
    call.judged = false;
    CHECK(dispatcher.handle(call, gate).status == 200);
    CHECK(counted == 1);
    call.target = "/api/v1/keys";
    call.authorization = "Bearer the-token";
    call.request.body = std::string((1 << 20) + 1, ' ');
    CHECK(dispatcher.handle(call, gate).status == 413);

    call.request.body.clear();
    call.target = "/api/v1/hungry";
    call.authorization = "Bearer the-token";
    const ApiResponse hungry_answer = dispatcher.handle(call, gate);
    CHECK(hungry_answer.status == 503);
    CHECK(header(hungry_answer, "retry-after") == "5");
}
