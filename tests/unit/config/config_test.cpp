#include "config/config.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/scratch.hpp"

namespace config_test {

using namespace lurus;
using namespace lurus::config;
namespace fs = std::filesystem;

namespace {

struct Place {
    test::Scratch scratch;
    Environment environment;

    Place() {
        environment.working_dir = scratch.dir() / "work";
        environment.home = scratch.dir() / "home";
        environment.folders.system_config = scratch.dir() / "etc";
        environment.folders.system_data = scratch.dir() / "var";
        fs::create_directories(environment.working_dir);
    }
    fs::path file(std::string_view text) { return scratch.write("work/lurus.toml", text); }
    Result<Config> load(const ConfigFlags& flags = {}) { return load_config(flags, environment); }
    Config good(std::string_view text) {
        file(text);
        auto loaded = load();
        REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
        return *loaded;
    }
    /// The error without the file's name in front: `3:1: ...`.
    std::string bad(std::string_view text) {
        const std::string prefix = file(text).string() + ":";
        auto loaded = load();
        REQUIRE(!loaded.has_value());
        CHECK(loaded.error().code == ErrorCode::invalid_argument);
        std::string message = loaded.error().message;
        for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix))
            message.erase(at, prefix.size());
        return message;
    }
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("without a file everything has its default") {
    Place place;
    auto config = place.load();
    REQUIRE(config.has_value());
    CHECK(config->file.empty());
    CHECK(config->data_dir == place.environment.home / ".local/share/lurus");
    REQUIRE(config->gateway.listeners.size() == 1);
    CHECK(config->gateway.listeners[0].address == "127.0.0.1:18100");
    CHECK_FALSE(config->gateway.listeners[0].open);
    CHECK(config->gateway.threads == 0);
    CHECK(config->gateway.log_enabled);
    CHECK(config->demo);
    CHECK(config->key_prefix == "cr_");
    CHECK(config->warnings.empty());
}

TEST_CASE("every key of every table is read") {
    Place place;
    const Config c = place.good(R"(
data_dir = "data"
demo = false
[server]
listen = ["127.0.0.1:1", "[::1]:2", "unix:/tmp/l.sock"]
threads = 3
open = true
max_body = "1MiB"
max_upload = "3GiB"
max_header = 4096
body_memory = "3MiB"
body_wait = "7s"
cors_origins = ["https://App.example.com/", "http://localhost:*", "null", "vscode-webview://*"]
allowed_hosts = ["Host.docker.internal"]
max_connections = 7
header_timeout = "1s"
body_timeout = "2s"
idle_timeout = "3s"
write_timeout = "4s"
heartbeat = "0s"
drain_timeout = "500ms"
tls = { certificate = "a.crt", private_key = "/k/a.key" }
[[server.listener]]
address = "0.0.0.0:3"
tls = { certificate = "~/b.crt", private_key = "b.key" }
[log]
enabled = false
bodies = "errors"
bodies_keys = ["ci"]
bodies_cap = "2kB"
retention_days = 30
refused_per_minute = 5
level = "debug"
[billing]
durability = "strict"
[keys]
prefix = "team-"
[[provider]]
name = "one"
kind = "openai-compatible"
base_url = "http://127.0.0.1:9"
api_key_file = "secrets/one"
models = "m1"
headers = { "x-a" = "b" }
api_version = "2025-01-01"
connect_timeout = "1s"
first_byte_timeout = "2m"
idle_timeout = "3s"
on_client_gone = "drain"
ask_usage = false
tls_verify = false
ca_file = "ca.pem"
disabled = true
[[provider]]
name = "two"
kind = "anthropic"
api_key = "sk-ant-0123456789abcdef"
[[provider]]
name = "three"
kind = "openai"
api_key_env = "THREE"
models = ["*"]
[[route]]
model = "gpt-*"
to = ["three/*", "one/m1"]
[[route]]
model = "fast"
to = "two"
[default]
anthropic = "two"
gemini = ["one/g", "three"]
[[key]]
name = "ci"
value = "cr_0123456789abcdef0123"
models = ["claude-*"]
dialects = ["claude", "gemini"]
expires = 2027-01-02T03:04:05+01:00
disabled = true
note = "for tests"
[[key]]
name = "all"
value = "cr_0123456789abcdef0124"
dialects = "all"
expires = 2027-01-02
)");
    const fs::path work = place.environment.working_dir;
    CHECK(c.data_dir == work / "data");
    CHECK_FALSE(c.demo);
    const auto& g = c.gateway;
    REQUIRE(g.listeners.size() == 4);
    CHECK(g.listeners[0].address == "127.0.0.1:1");
    CHECK(g.listeners[0].open);
    CHECK(g.listeners[0].certificate_file == (work / "a.crt").string());
    CHECK(g.listeners[0].private_key_file == "/k/a.key");
    CHECK(g.listeners[1].address == "[::1]:2");
    CHECK(g.listeners[2].address == "unix:/tmp/l.sock");
    CHECK(g.listeners[2].certificate_file.empty());
    CHECK(g.listeners[3].address == "0.0.0.0:3");
    CHECK_FALSE(g.listeners[3].open);
    CHECK(g.listeners[3].certificate_file == (place.environment.home / "b.crt").string());
    CHECK(g.threads == 3);
    CHECK(g.max_body_bytes == 1 << 20);
    CHECK(g.max_upload_bytes == 3ll << 30);
    CHECK(g.max_header_bytes == 4096);
    CHECK(g.max_connections == 7);
    CHECK(g.body_memory_bytes == 3 << 20);
    CHECK(g.body_wait_ms == 7000);
    CHECK(g.cors_origins ==
          std::vector<std::string>{"https://app.example.com", "http://localhost:*", "null", "vscode-webview://*"});
    CHECK(g.allowed_hosts == std::vector<std::string>{"host.docker.internal"});
    CHECK(g.log_refused_per_minute == 5);
    CHECK(g.header_timeout_ms == 1000);
    CHECK(g.body_timeout_ms == 2000);
    CHECK(g.idle_timeout_ms == 3000);
    CHECK(g.write_timeout_ms == 4000);
    CHECK(g.heartbeat_ms == 0);
    CHECK(g.drain_timeout_ms == 500);
    CHECK_FALSE(g.log_enabled);
    CHECK(g.log_bodies == GatewaySettings::Bodies::errors);
    CHECK(g.log_bodies_keys == std::vector<std::string>{"ci"});
    CHECK(g.log_bodies_cap == 2000);
    CHECK(c.log_retention_days == 30);
    CHECK(c.log_level == "debug");
    CHECK(c.log_strict);
    CHECK(c.key_prefix == "team-");
    REQUIRE(c.providers.size() == 3);
    const auto& p = c.providers[0];
    CHECK(p.name == "one");
    CHECK(p.kind == "openai-compatible");
    CHECK(p.base_url == "http://127.0.0.1:9");
    CHECK(p.api_key_file == (work / "secrets/one").string());
    CHECK(p.models == std::vector<std::string>{"m1"});
    CHECK(p.headers.at("x-a") == "b");
    CHECK(p.api_version == "2025-01-01");
    CHECK(p.connect_timeout_ms == 1000);
    CHECK(p.first_byte_timeout_ms == 120'000);
    CHECK(p.idle_timeout_ms == 3000);
    CHECK(p.on_client_gone == "drain");
    CHECK(p.ask_usage == false);
    CHECK(p.tls_verify == false);
    CHECK(p.ca_file == (work / "ca.pem").string());
    CHECK(p.disabled);
    CHECK(c.providers[1].api_key.reveal() == "sk-ant-0123456789abcdef");
    CHECK_FALSE(c.providers[1].ask_usage.has_value());
    CHECK_FALSE(c.providers[1].tls_verify.has_value());
    CHECK(c.providers[2].api_key_env == "THREE");
    REQUIRE(c.routes.size() == 4);
    CHECK(c.routes[0].model == "gpt-*");
    CHECK(c.routes[0].to == std::vector<std::string>{"three/*", "one/m1"});
    CHECK(c.routes[1].to == std::vector<std::string>{"two/*"});
    CHECK(c.routes[2].family == Family::anthropic);
    CHECK(c.routes[2].model == "*");
    CHECK(c.routes[3].to == std::vector<std::string>{"one/g", "three/*"});
    REQUIRE(c.keys.size() == 2);
    CHECK(c.keys[0].value.reveal() == "cr_0123456789abcdef0123");
    CHECK(c.keys[0].families == std::vector<Family>{Family::anthropic, Family::gemini});
    CHECK(c.keys[0].models == std::vector<std::string>{"claude-*"});
    CHECK(c.keys[0].expires == parse_time("2027-01-02T02:04:05Z"));
    CHECK(c.keys[0].disabled);
    CHECK(c.keys[0].note == "for tests");
    CHECK(c.keys[1].families.empty());
    CHECK(c.keys[1].expires == parse_time("2027-01-02"));
    CHECK_MESSAGE(c.positions.at("provider two").ends_with("lurus.toml:54:1"), c.positions.at("provider two"));

    const std::string shown = to_json(c);
    CHECK(nlohmann::json::accept(shown));
    CHECK_FALSE(has(shown, "sk-ant-0123456789abcdef"));
    CHECK_FALSE(has(shown, "cr_0123456789abcdef0123"));
    CHECK(has(shown, "THREE"));
}

TEST_CASE("mistakes name line, column and what to write") {
    Place place;
    CHECK(place.bad("[server]\nlisten = 5\n") ==
          "2:10: [server] listen must be a string or an array of strings, not an integer");
    CHECK(place.bad("[server]\nthreads = \"4\"\n") == "2:11: [server] threads must be an integer, not a string");
    CHECK(place.bad("[server]\nthreads = 5000\n") == "2:11: [server] threads must be 0 to 1024, not 5000");
    CHECK(place.bad("[server]\nopen = 1\n") == "2:8: [server] open must be true or false, not an integer");
    CHECK(place.bad("[server]\n  lissten = \":1\"\n") ==
          "2:3: [server] lissten is not an option; did you mean listen?");
    CHECK(place.bad("[servers]\n") == "1:2: servers is not an option; did you mean server?");
    CHECK(place.bad("[log]\nbodys = \"all\"\n") == "2:1: [log] bodys is not an option; did you mean bodies?");
    CHECK(place.bad("[log]\nbodies = \"some\"\n") ==
          "2:10: [log] bodies must be one of none, errors, all, not \"some\"");
    CHECK(place.bad("[server]\nheader_timeout = 15\n") ==
          "2:18: [server] header_timeout must be a duration such as \"500ms\", \"15s\" or \"2m\", not an integer");
    CHECK(has(place.bad("[server]\nmax_body = \"12 parsecs\"\n"), "2:12: [server] max_body must be a size"));
    CHECK(has(place.bad("[server]\nmax_body = \"99999999999999999999\"\n"), "max_body must be a size"));
    CHECK(has(place.bad("[server]\nmax_body = \"9223372036854775807GiB\"\n"), "max_body must be a size"));
    CHECK(has(place.bad("[server]\nlisten = \"18100\"\n"), "2:10: \"18100\" is not an address"));
    CHECK(has(place.bad("[server]\nlisten = \"::1:18100\"\n"), "is not an address"));
    CHECK(has(place.bad("[server]\nlisten = \"127.0.0.1:99999\"\n"), "is not an address"));
    CHECK(has(place.bad("[server]\nlisten = []\n"), "at least one address"));
    CHECK(has(place.bad("[server]\nlisten = [\"127.0.0.1:1\", \"localhost:1\"]\n"), "listed twice"));
    CHECK(has(place.bad("[server]\nlisten = \"0.0.0.0:1\"\nopen = true\n"), "loopback addresses only"));
    CHECK(has(place.bad("[server.tls]\ncertificate = \"a\"\n"), "needs both certificate and private_key"));
    CHECK(has(place.bad("server = 3\n"), "1:10: server must be a table ([server]), not an integer"));
    CHECK(has(place.bad("[provider]\nname = \"x\"\n"), "write [[provider]] for each"));
    CHECK(place.bad("[[provider]]\nname = \"x\"\nkind = \"openai\"\nbase-url = \"u\"\n") ==
          "4:1: [[provider]] base-url is not an option; did you mean base_url?");
    CHECK(has(place.bad("[[provider]]\nkind = \"openai\"\n"), "1:1: [[provider]] name is missing"));
    CHECK(has(place.bad("[[provider]]\nname = \"x\"\n"), "[[provider]] kind is missing"));
    CHECK(has(place.bad("[[provider]]\nname = \"a/b\"\nkind = \"openai\"\n"), "2:8: [[provider]] name must be"));
    CHECK(has(place.bad("[[provider]]\nname = \"x\"\nkind = \"openai\"\napi_key = \"k\"\napi_key_env = \"K\"\n"),
              "one of api_key"));
    CHECK(has(place.bad("[[provider]]\nname = \"x\"\nkind = \"openai\"\nheaders = { \"a\" = \"b\\nc\" }\n"),
              "not a header"));
    CHECK(has(place.bad("[[route]]\nto = [\"a/b\"]\n"), "[[route]] model is missing"));
    CHECK(has(place.bad("[[route]]\nmodel = \"m\"\n"), "[[route]] to is missing"));
    CHECK(has(place.bad("[[route]]\nmodel = \"m\"\nto = []\n"), "at least one"));
    CHECK(has(place.bad("[[route]]\nmodel = \"m\"\nto = [\"/b\"]\n"), "must name"));
    CHECK(has(place.bad("[[key]]\nname = \"k\"\n"), "value is missing"));
    CHECK(has(place.bad("[[key]]\nname = \"k\"\nvalue = \"0123456789abcdef\"\ndialects = [\"cobol\"]\n"), "cobol"));
    CHECK(has(place.bad("[[key]]\nname = \"k\"\nvalue = \"0123456789abcdef\"\nexpires = \"soon\"\n"),
              "4:11: [[key]] expires must be"));
    CHECK(has(place.bad("[[key]]\nname = \"k\"\nvalue = \"0123456789abcdef\"\nexpires = 2027-01-01T00:00:00\n"),
              "its zone"));

    SUBCASE("two of a name point at each other") {
        const auto message =
            place.bad("[[provider]]\nname = \"x\"\nkind = \"openai\"\n[[provider]]\nname = \"x\"\nkind = \"openai\"\n");
        CHECK(message == "5:8: [[provider]] name \"x\" is taken by the provider at 1:1");
    }
    SUBCASE("all mistakes are told at once") {
        const auto message = place.bad("[server]\nthreads = -1\n[log]\nlevel = \"loud\"\n[keys]\nprefix = \"a b\"\n");
        CHECK(std::ranges::count(message, '\n') == 2);
    }
    SUBCASE("syntax") {
        CHECK(has(place.bad("[server]\nlisten = \n"), "2:10: "));
        CHECK(has(place.bad("[server\n"), "1:"));
    }
    SUBCASE("a secret is not repeated") {
        for (const char* text : {"[[provider]]\nname = \"x\"\nkind = \"openai\"\napi_key = sk-verysecret\n",
                                 "[[provider]]\nname = \"x\"\nkind = \"openai\"\napi_key = [\"sk-verysecret\"]\n",
                                 "[[provider]]\nname = \"x\"\napi_key = \"sk-verysecret\n",
                                 "[[key]]\nname = \"k\"\nvalue = \"sk-verysecret k\"\n", "sk-verysecret\n",
                                 "api_key = sk_verysecret!\n"}) {
            CHECK_FALSE(has(place.bad(text), "verysecret"));
        }
    }
}

TEST_CASE("flags win over variables, variables over the file") {
    Place place;
    place.file(
        "data_dir = \"filedata\"\n[server]\nlisten = \"127.0.0.1:1\"\nthreads = 1\n[log]\nlevel = \"warn\"\nenabled = "
        "true\n");
    auto& variables = place.environment.variables;
    auto config = place.load();
    REQUIRE(config);
    CHECK(config->gateway.listeners[0].address == "127.0.0.1:1");
    CHECK(config->data_dir == place.environment.working_dir / "filedata");

    variables = {{"LURUS_LISTEN", "127.0.0.1:2, [::1]:2"},
                 {"LURUS_THREADS", "2"},
                 {"LURUS_LOG_LEVEL", "error"},
                 {"LURUS_LOG_ENABLED", "off"},
                 {"LURUS_DATA_DIR", "envdata"},
                 {"LURUS_MAX_BODY", "2MiB"},
                 {"LURUS_BILLING_DURABILITY", "strict"},
                 {"LURUS_KEYS_PREFIX", "x_"},
                 {"LURUS_DEMO", "false"},
                 {"LURUS_DEFAULT_ANTHROPIC", "one"},
                 {"LURUS_MASTER_KEY", "mastery"},
                 {"LURUS_LOG_BODIES", "all"},
                 {"LURUS_HEARTBEAT", "3s"},
                 {"LURUS_TLS_CERTIFICATE", "c"},
                 {"LURUS_TLS_PRIVATE_KEY", "k"},
                 {"LURUS_LOG_RETENTION_DAYS", "9"},
                 {"LURUS_LOG_BODIES_KEYS", "a,b"},
                 {"LURUS_SERVER_IDLE_TIMEOUT", "7s"}};
    config = place.load();
    REQUIRE_MESSAGE(config, config.error().message);
    REQUIRE(config->gateway.listeners.size() == 2);
    CHECK(config->gateway.listeners[1].address == "[::1]:2");
    CHECK(config->gateway.listeners[1].certificate_file == "c");
    CHECK(config->gateway.threads == 2);
    CHECK(config->gateway.max_body_bytes == 2 << 20);
    CHECK(config->gateway.heartbeat_ms == 3000);
    CHECK(config->gateway.idle_timeout_ms == 7000);
    CHECK(config->log_level == "error");
    CHECK_FALSE(config->gateway.log_enabled);
    CHECK(config->gateway.log_bodies == GatewaySettings::Bodies::all);
    CHECK(config->gateway.log_bodies_keys == std::vector<std::string>{"a", "b"});
    CHECK(config->log_retention_days == 9);
    CHECK(config->log_strict);
    CHECK(config->key_prefix == "x_");
    CHECK_FALSE(config->demo);
    CHECK(config->routes.at(0).to == std::vector<std::string>{"one/*"});
    CHECK(config->master_key.reveal() == "mastery");
    CHECK(config->data_dir == place.environment.working_dir / "envdata");
    CHECK_FALSE(has(to_json(*config), "mastery"));

    config = place.load(ConfigFlags{.config_file = {}, .data_dir = "flagdata", .listen = {"127.0.0.1:3"}});
    REQUIRE(config);
    REQUIRE(config->gateway.listeners.size() == 1);
    CHECK(config->gateway.listeners[0].address == "127.0.0.1:3");
    CHECK(config->data_dir == place.environment.working_dir / "flagdata");

    variables = {{"LURUS_THREADS", "many"}};
    config = place.load();
    REQUIRE(!config);
    CHECK(config.error().message == "LURUS_THREADS: [server] threads must be an integer, not \"many\"");

    variables = {{"LURUS_THREAD", "2"}, {"LURUS_SOMETHING_ELSE", "1"}};
    config = place.load();
    REQUIRE(config);
    REQUIRE(config->warnings.size() == 1);
    CHECK(config->warnings[0] == "LURUS_THREAD is no variable of this program; did you mean LURUS_THREADS?");
}

TEST_CASE("a listening flag replaces the file's listeners, also the separate ones") {
    Place place;
    place.file("[[server.listener]]\naddress = \"127.0.0.1:1\"\n");
    auto config = place.load();
    REQUIRE(config);
    REQUIRE(config->gateway.listeners.size() == 1);
    CHECK(config->gateway.listeners[0].address == "127.0.0.1:1");
    config = place.load(ConfigFlags{.config_file = {}, .data_dir = {}, .listen = {"127.0.0.1:0"}});
    REQUIRE(config);
    REQUIRE(config->gateway.listeners.size() == 1);
    CHECK(config->gateway.listeners[0].address == "127.0.0.1:0");
    config = place.load(ConfigFlags{.config_file = {}, .data_dir = {}, .listen = {"nonsense"}});
    REQUIRE(!config);
    CHECK(has(config.error().message, "--listen: \"nonsense\" is not an address"));
}

TEST_CASE("where the file and the data folder are looked for") {
    Place place;
    place.scratch.write("etc/lurus.toml", "[server]\nlisten = \"127.0.0.1:3\"\n");
    CHECK(place.load()->gateway.listeners[0].address == "127.0.0.1:3");
    place.scratch.write("home/.config/lurus/lurus.toml", "[server]\nlisten = \"127.0.0.1:2\"\n");
    CHECK(place.load()->gateway.listeners[0].address == "127.0.0.1:2");
    place.environment.variables["XDG_CONFIG_HOME"] = (place.scratch.dir() / "xdg").string();
    CHECK(place.load()->gateway.listeners[0].address == "127.0.0.1:3");
    place.file("[server]\nlisten = \"127.0.0.1:1\"\n");
    CHECK(place.load()->gateway.listeners[0].address == "127.0.0.1:1");
    place.scratch.write("work/other.toml", "[server]\nlisten = \"127.0.0.1:4\"\n");
    place.environment.variables["LURUS_CONFIG"] = "other.toml";
    CHECK(place.load()->gateway.listeners[0].address == "127.0.0.1:4");
    auto missing = place.load(ConfigFlags{.config_file = "none.toml", .data_dir = {}, .listen = {}});
    REQUIRE(!missing);
    CHECK(missing.error().code == ErrorCode::not_found);

    place.environment.variables["XDG_DATA_HOME"] = "/x/data";
    CHECK(place.load()->data_dir == "/x/data/lurus");
    place.environment.variables.erase("XDG_DATA_HOME");
    place.environment.home.clear();
    CHECK(place.load()->data_dir == place.environment.folders.system_data);
}

TEST_CASE("the annotated file is the default configuration and names every option") {
    Place place;
    const std::string text(default_config_text());
    REQUIRE(!text.empty());
    const Config plain = place.load().value();
    Config annotated = place.good(text);
    annotated.file.clear();
    CHECK(to_json(annotated) == to_json(plain));

    // With the options uncommented it is still right: every name in it is an option, every value has the right type.
    std::istringstream lines(text);
    std::string uncommented, line;
    while (std::getline(lines, line)) {
        const bool option =
            line.starts_with("#[") || (line.starts_with("#") && line.size() > 1 && line[1] >= 'a' && line[1] <= 'z');
        const bool second_source = line.starts_with("#api_key_env") || line.starts_with("#api_key_file");
        if (!option || second_source) continue;
        uncommented += line.substr(1) + "\n";
        if (line.starts_with("#demo")) uncommented += "[server]\n";
        if (line.starts_with("#tls =")) uncommented += "[log]\n";
        if (line.starts_with("#level")) uncommented += "[billing]\n";
        if (line.starts_with("#durability")) uncommented += "[keys]\n";
    }
    const Config full = place.good(uncommented);
    CHECK(full.gateway.max_body_bytes == plain.gateway.max_body_bytes);
    CHECK(full.gateway.max_upload_bytes == plain.gateway.max_upload_bytes);
    CHECK(full.gateway.max_header_bytes == plain.gateway.max_header_bytes);
    CHECK(full.gateway.max_connections == plain.gateway.max_connections);
    CHECK(full.gateway.header_timeout_ms == plain.gateway.header_timeout_ms);
    CHECK(full.gateway.body_timeout_ms == plain.gateway.body_timeout_ms);
    CHECK(full.gateway.idle_timeout_ms == plain.gateway.idle_timeout_ms);
    CHECK(full.gateway.write_timeout_ms == plain.gateway.write_timeout_ms);
    CHECK(full.gateway.heartbeat_ms == plain.gateway.heartbeat_ms);
    CHECK(full.gateway.drain_timeout_ms == plain.gateway.drain_timeout_ms);
    CHECK(full.gateway.log_bodies_cap == plain.gateway.log_bodies_cap);
    CHECK(full.gateway.body_memory_bytes == plain.gateway.body_memory_bytes);
    CHECK(full.gateway.body_wait_ms == plain.gateway.body_wait_ms);
    CHECK(full.gateway.cors_origins == plain.gateway.cors_origins);
    CHECK(full.gateway.allowed_hosts == plain.gateway.allowed_hosts);
    CHECK(full.gateway.log_refused_per_minute == plain.gateway.log_refused_per_minute);
    CHECK(full.data_dir == plain.data_dir);
    const Provider preset;
    CHECK(full.providers.at(0).connect_timeout_ms == preset.connect_timeout_ms);
    CHECK(full.providers.at(0).first_byte_timeout_ms == preset.first_byte_timeout_ms);
    CHECK(full.providers.at(0).idle_timeout_ms == preset.idle_timeout_ms);
}

TEST_CASE("mistakes about web pages and bodies' memory") {
    Place place;
    for (const char* origin : {"app.example.com", "https://a.b/c", "https://", "https://a*b", "http://x:port", "*.x"}) {
        CHECK(has(place.bad("[server]\ncors_origins = [\"" + std::string(origin) + "\"]\n"), "which is no origin"));
    }
    CHECK(has(place.bad("[server]\nallowed_hosts = [\"http://x\"]\n"), "without scheme and port"));
    CHECK(has(place.bad("[server]\nmax_body = \"2MiB\"\nbody_memory = \"1MiB\"\n"), "less than max_body"));
    CHECK(place.good("[server]\nopen = true\ncors_origins = [\"*\"]\n").warnings.size() == 1);
    CHECK(place.good("[server]\ncors_origins = [\"*\"]\n").warnings.empty());
}

TEST_CASE("rules and limits of keys and of everybody") {
    Place place;
    const Config c = place.good(R"(
[server]
trusted_proxies = ["10.0.0.0/8", "unix"]
[[key]]
name = "ci"
value = "cr_0123456789abcdef0123"
deny_models = ["*opus*"]
ips = ["192.0.2.0/24"]
user_agents = "claude-cli/*"
groups = ["vip", "team-a"]
dialects = ["claude", "gemini"]
rpm = 60
tpm = 100000
itpm = 90000
otpm = 8000
concurrency = 3
budget = "10 USD/day"
window = "bucket"
expires = "2027-12-31T23:59:59+01:00"
[limits.key]
rpm = 1000
[limits.user]
budget = "5 USD/week"
[limits.team]
rpm = 2000
[limits.org]
budget = "90 USD/month"
[limits.ip]
concurrency = 20
[[limits.model]]
model = "*opus*"
tpm = 1
)");
    const KeyRules& rules = c.keys.at(0).rules;
    CHECK(rules.deny_models == std::vector<std::string>{"*opus*"});
    CHECK(rules.ips.at(0).text() == "192.0.2.0/24");
    CHECK(rules.user_agents == std::vector<std::string>{"claude-cli/*"});
    CHECK(rules.groups.names() == std::vector<std::string>{"vip", "team-a"});
    CHECK(rules.limits.rpm == 60);
    CHECK(rules.limits.tpm == 100'000);
    CHECK(rules.limits.itpm == 90'000);
    CHECK(rules.limits.otpm == 8000);
    CHECK(rules.limits.concurrency == 3);
    CHECK(rules.limits.budget->text() == "10 USD/day");
    CHECK(rules.limits.window == WindowKind::bucket);
    CHECK(c.keys.at(0).families == std::vector<Family>{Family::anthropic, Family::gemini});
    CHECK(c.gateway.trust_unix);
    CHECK(c.gateway.trusted_proxies.at(0).text() == "10.0.0.0/8");
    CHECK(c.gateway.limits.key.rpm == 1000);
    CHECK(c.gateway.limits.user.budget->text() == "5 USD/week");
    CHECK(c.gateway.limits.team.rpm == 2000);
    CHECK(c.gateway.limits.org.budget->text() == "90 USD/month");
    CHECK(c.gateway.limits.ip.concurrency == 20);
    CHECK(c.gateway.limits.models.at(0).model == "*opus*");
    CHECK(c.gateway.limits.models.at(0).limits.tpm == 1);
    const auto shown = nlohmann::json::parse(to_json(c));
    CHECK(shown["key"][0]["budget"] == "10 USD/day");
    CHECK(shown["limits"]["user"]["budget"] == "5 USD/week");
    CHECK(shown["limits"]["org"]["budget"] == "90 USD/month");
    CHECK(shown["server"]["trusted_proxies"].size() == 2);
}

TEST_CASE("fields of heads that pass or do not, both ways") {
    Place place;
    const Config config = place.good(R"([headers]
drop_from_clients = ["X-Team-*"]
pass_from_clients = ["referer"]
drop_from_vendors = ["openai-organization"]
pass_from_vendors = ["cf-ray"]
)");
    const HeaderSettings& headers = config.gateway.headers;
    CHECK(headers.from_clients.drops("x-team-name"));
    CHECK(headers.from_clients.drops("cookie"));
    CHECK_FALSE(headers.from_clients.drops("Referer"));
    CHECK(headers.from_vendors.drops("OpenAI-Organization"));
    CHECK(headers.from_vendors.drops("set-cookie"));
    CHECK_FALSE(headers.from_vendors.drops("CF-Ray"));
    const auto shown = nlohmann::json::parse(to_json(config));
    CHECK(shown["headers"]["drop_from_clients"] == nlohmann::json::array({"X-Team-*"}));
    CHECK(shown["headers"]["pass_from_vendors"] == nlohmann::json::array({"cf-ray"}));
    CHECK(has(place.bad("[headers]\ndrop_from_clients = [\"a b\"]\n"), "2:21: [headers] drop_from_clients"));
    CHECK(has(place.bad("[headers]\ndrop = []\n"), "drop is not an option"));
}

TEST_CASE("rules and limits that mean nothing are mistakes with their place") {
    Place place;
    const std::string text = place.bad(R"([server]
trusted_proxies = ["everybody"]
[[key]]
name = "ci"
value = "cr_0123456789abcdef0123"
ips = ["10.0.0.1/8"]
rpm = 0
budget = "ten"
window = "fixed"
[limits.ip]
budget = "1 USD/day"
[[limits.model]]
model = "a"
[[limits.model]]
rpm = 5
)");
    CHECK(has(text, "2:19: [server] trusted_proxies"));
    CHECK(has(text, "6:7: [[key]] ips"));
    CHECK(has(text, "7:7: [[key]] rpm"));
    CHECK(has(text, "8:10: [[key]] budget"));
    CHECK(has(text, "9:10: [[key]] window"));
    CHECK(has(text, "11:1: [limits.ip] budget is not an option"));
    CHECK(has(text, "\"a\" is given no limit"));
    CHECK(has(text, "[[limits.model]] model is missing"));
}

}  // namespace config_test
