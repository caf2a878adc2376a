#include "cli/cli.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "cli/cmd_logs.hpp"
#include "cli/cmd_render.hpp"
#include "cli/doctor.hpp"
#include "tests/unit/scratch.hpp"

namespace cli_test {

using namespace lurus;
using namespace lurus::cli;
using namespace lurus::config;
using Json = lurus::Json;

namespace {

struct Asked {
    std::string method, path, body;
    std::map<std::string, std::string> query;
};

/// Answers from a script; what is not in it is a 404.
class FakeApi final : public ApiClient {
public:
    std::map<std::string, ApiResponse>* answers;
    std::vector<Asked>* asked;

    FakeApi(std::map<std::string, ApiResponse>* a, std::vector<Asked>* b) : answers(a), asked(b) {}
    Result<ApiResponse> call(std::string_view method, std::string_view path,
                             const std::map<std::string, std::string>& query, std::string_view body) override {
        asked->push_back({std::string(method), std::string(path), std::string(body), query});
        std::string key = std::string(method) + " " + std::string(path);
        if (auto after = query.find("after_id"); after != query.end()) key += "?after_id=" + after->second;
        auto it = answers->find(key);
        if (it != answers->end()) return it->second;
        return ApiResponse{
            404,
            R"({"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such thing: look elsewhere"})"};
    }
    Result<ApiResponse> stream(std::string_view path, const std::map<std::string, std::string>& query,
                               const std::function<bool(std::string_view)>& take) override {
        auto response = call("GET", path, query, {});
        if (response && response->status == 200) take(std::exchange(response->body, {}));
        return response;
    }
    std::string server_url() const override { return "http://127.0.0.1:18100"; }
};

struct Shell {
    test::Scratch scratch;
    std::ostringstream out, err;
    std::map<std::string, ApiResponse> answers;
    std::vector<Asked> asked;
    bool away = false;

    int run(std::vector<std::string> words) {
        out.str("");
        err.str("");
        asked.clear();
        Cli cli(
            out, err,
            [this](const Config&) -> Result<std::unique_ptr<ApiClient>> {
                if (away)
                    return fail(ErrorCode::unavailable, "the server does not answer: start it with `lurus serve`");
                return std::make_unique<FakeApi>(&answers, &asked);
            },
            system_clock());
        words.insert(words.begin(), "lurus");
        words.insert(words.end(),
                     {"--data-dir", scratch.dir().string(), "--config", scratch.write("lurus.toml", "").string()});
        std::vector<const char*> argv;
        for (const auto& word : words) argv.push_back(word.c_str());
        return run_cli(static_cast<int>(argv.size()), argv.data(), cli);
    }
};

const char* const record =
    R"json({"trace_id":"0193a7f2c1d47c2e9b1f0a6d5e4c3b2a","id":7,"time":"2026-11-21T09:00:00.000000Z","dialect":"anthropic",
"upstream_dialect":"anthropic","operation":"messages","model":"fast","upstream_model":"claude-x","route":"fast","provider":"anthropic","account":"default",
"key":"laptop","user":null,"client":"claude-cli/2.1 (external)","session":null,"stream":true,"status":200,"end":"complete","error":null,"ttfb_us":250000,
"duration_us":1250000,"bytes_in":1000,"bytes_out":2000,"attempts":[{"provider":"other","account":"default","upstream_model":"claude-x","because":"route",
"outcome":"status_529","status":529,"started_us":0,"duration_us":90000,"usage":{},"cost_nano_usd":null},{"provider":"anthropic","account":"default",
"upstream_model":"claude-x","because":"fallback 2","outcome":"ok","status":200,"started_us":91000,"duration_us":1159000,"usage":{"input":10,"output":20},
"cost_nano_usd":1234000}],"usage":{"input":10,"cache_read":12000,"cache_write_5m":null,"cache_write_1h":null,"output":20,"reasoning":null},
"usage_raw":{"input_tokens":10},"cost_nano_usd":1234000,"tariff":"anthropic/claude-x@2026-01-01"
})json";

std::string logs_page(const std::string& records) {
    return "{\"data\":[" + records + "],\"next_before_id\":null}";
}

}  // namespace

TEST_CASE("usage errors are exit 2, one line, and point at the right help") {
    Shell shell;
    CHECK(shell.run({"lgos"}) == exit_usage);
    CHECK(shell.err.str() == "lurus: unknown command 'lgos', did you mean 'logs'?: see `lurus --help`\n");
    CHECK(shell.run({"key", "mint"}) == exit_usage);
    CHECK(shell.err.str().find("see `lurus key --help`") != std::string::npos);
    CHECK(shell.run({"key", "create"}) == exit_usage);
    CHECK(shell.err.str().find("--name") != std::string::npos);
    CHECK(shell.run({"usage", "--by", "moon"}) == exit_usage);
    CHECK(shell.run({"logs", "--since", "soon"}) == exit_usage);
    CHECK(shell.run({"logs", "--limit", "-5"}) == exit_usage);
    CHECK(shell.run({"key"}) == exit_usage);
    CHECK(shell.run({"trace", "xyz"}) == exit_usage);
    CHECK(shell.out.str().empty());
}

TEST_CASE("help is exit 0 on standard output") {
    Shell shell;
    CHECK(shell.run({"--help"}) == exit_ok);
    CHECK(shell.out.str().find("Examples:") != std::string::npos);
    CHECK(shell.run({"key", "create", "-h"}) == exit_ok);
    CHECK(shell.out.str().find("lurus key create --name laptop") != std::string::npos);
    CHECK(shell.out.str().find("--json") != std::string::npos);
    CHECK(shell.err.str().empty());
}

TEST_CASE("failures become exit codes and one line") {
    Shell shell;
    CHECK(shell.run({"key", "revoke", "nobody"}) == exit_not_found);
    CHECK(shell.err.str() == "lurus: there is no such thing: look elsewhere\n");
    shell.answers["POST /api/v1/keys"] = {409, R"({"detail":"the name is taken"})"};
    CHECK(shell.run({"key", "create", "--name", "x"}) == exit_conflict);
    shell.answers["POST /api/v1/keys"] = {500, "oops"};
    CHECK(shell.run({"key", "create", "--name", "x"}) == exit_failed);
    CHECK(shell.err.str() == "lurus: the server answered 500\n");
    shell.answers["GET /api/v1/keys"] = {200, "<html>"};
    CHECK(shell.run({"key", "list"}) == exit_failed);
    shell.away = true;
    CHECK(shell.run({"key", "list"}) == exit_unreachable);
}

TEST_CASE("each mistake of a configuration is a line; other failures are one, whatever they quote") {
    const Failure failure = failure_of(Error(ErrorCode::invalid_argument, "a:1:1: x\na:2:2: y\na:3:3: z"));
    CHECK(failure.exit == exit_usage);
    CHECK(failure.message == "a:1:1: x");
    CHECK(failure.more == std::vector<std::string>{"a:2:2: y", "a:3:3: z"});
    Shell shell;
    Cli cli(shell.out, shell.err, {}, system_clock());
    CHECK(cli.report(failure) == exit_usage);
    CHECK(shell.err.str() == "lurus: a:1:1: x\nlurus: a:2:2: y\nlurus: a:3:3: z\n");
    CHECK(failure_of(Error(ErrorCode::unavailable, "said: a\nb")).more.empty());
}

TEST_CASE("key create --json prints the whole answer on one line, wherever --json stands") {
    Shell shell;
    shell.answers["POST /api/v1/keys"] = {201, R"({"key":"cr_abc","id":"0f","name":"ci"})"};
    for (auto words : {std::vector<std::string>{"key", "create", "--name", "ci", "--json"},
                       {"--json", "key", "create", "--name", "ci"},
                       {"key", "--json", "create", "--name", "ci"}}) {
        CHECK(shell.run(words) == exit_ok);
        CHECK(shell.out.str() == "{\"key\":\"cr_abc\",\"id\":\"0f\",\"name\":\"ci\"}\n");
    }
    CHECK(shell.run({"key", "create", "--name", "ci", "--model", "a*", "--model", "b", "--family", "openai",
                     "--expires", "30d"}) == exit_ok);
    auto body = Json::parse(shell.asked.at(0).body);
    CHECK(body["models"] == Json({"a*", "b"}));
    CHECK(body["families"] == Json({"openai"}));
    CHECK(body["expires"] == "30d");
    CHECK(shell.out.str().find("cr_abc") != std::string::npos);
}

TEST_CASE("names go into paths encoded, and may be commands' names") {
    Shell shell;
    shell.answers["DELETE /api/v1/routes/a%2Fb%20%2A"] = {204, ""};
    CHECK(shell.run({"route", "remove", "a/b *"}) == exit_ok);
    shell.answers["DELETE /api/v1/providers/list"] = {204, ""};
    CHECK(shell.run({"provider", "remove", "list"}) == exit_ok);
}

TEST_CASE("logs --json: one record a line, newest first, unchanged") {
    Shell shell;
    shell.answers["GET /api/v1/logs"] = {200, logs_page(std::string(record) + ",{\"trace_id\":\"aa\",\"id\":6}")};
    CHECK(shell.run({"logs", "--json", "--limit", "2", "--key", "laptop", "--end", "complete"}) == exit_ok);
    std::string text = shell.out.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    CHECK(Json::parse(text.substr(0, text.find('\n'))) == Json::parse(record));
    CHECK(shell.asked.at(0).query.at("limit") == "2");
    CHECK(shell.asked.at(0).query.at("key") == "laptop");
    CHECK(shell.asked.at(0).query.at("end") == "complete");
    CHECK(!shell.asked.at(0).query.contains("model"));
    CHECK(shell.run({"logs", "--limit", "0"}) == exit_ok);
    CHECK(shell.asked.empty());
}

TEST_CASE("logs: pages until the limit") {
    Shell shell;
    shell.answers["GET /api/v1/logs"] = {200, R"({"data":[{"id":9},{"id":8}],"next_before_id":8})"};
    CHECK(shell.run({"logs", "--json", "-n", "5"}) == exit_ok);
    REQUIRE(shell.asked.size() == 3);
    CHECK(shell.asked[0].query.at("limit") == "5");
    CHECK(shell.asked[1].query.at("limit") == "3");
    CHECK(shell.asked[1].query.at("before_id") == "8");
    CHECK(shell.asked[2].query.at("limit") == "1");
}

TEST_CASE("a log's row: unknown is never zero, failures stand out") {
    LocalTime now{2026, 11, 21, 9, 0, 0};
    auto text = [&](const char* patch) {
        Json r = Json::parse(record);
        r.merge_patch(Json::parse(patch));
        Table table = log_table();
        table.add(log_row(r, now));
        return table.render({});
    };
    CHECK(text("{}").find("fast → claude-x") != std::string::npos);
    CHECK(text("{}").find("$0.001234") != std::string::npos);
    CHECK(text("{}").find("12.0k") != std::string::npos);
    CHECK(text("{}").find("250ms") != std::string::npos);
    CHECK(text("{\"cost_nano_usd\":null}").find("unpriced") != std::string::npos);
    std::string failed =
        text("{\"cost_nano_usd\":null,\"status\":502,\"end\":\"error\",\"usage\":null,\"ttfb_us\":null}");
    CHECK(failed.find("unpriced") == std::string::npos);
    CHECK(failed.find("502") != std::string::npos);
    CHECK(failed.find("–") != std::string::npos);
    CHECK(text("{\"end\":\"upstream_cut\"}").find("200 cut") != std::string::npos);
    CHECK(text("{\"end\":\"client_gone\"}").find("200 gone") != std::string::npos);
    CHECK(text("{\"client\":\"x\\u001b[2Jy\"}").find('\x1b') == std::string::npos);
    CHECK_NOTHROW(text("{\"time\":5,\"status\":\"x\",\"usage\":[],\"model\":null}"));
}

TEST_CASE("the live tail starts at the newest and moves its cursor") {
    Shell shell;
    Cli cli(
        shell.out, shell.err,
        [&](const Config&) -> Result<std::unique_ptr<ApiClient>> {
            return std::make_unique<FakeApi>(&shell.answers, &shell.asked);
        },
        system_clock());
    cli.json = true;
    cli.flags.data_dir = shell.scratch.dir();
    shell.answers["GET /api/v1/logs"] = {200, R"({"data":[{"id":9},{"id":8}],"next_before_id":null})"};
    shell.answers["GET /api/v1/logs?after_id=9"] = {200, R"({"data":[{"id":10},{"id":11}],"next_before_id":null})"};
    shell.answers["GET /api/v1/logs?after_id=11"] = {200, R"({"data":[],"next_before_id":null})"};
    LogTail tail(cli, {});
    REQUIRE(tail.start(10));
    CHECK(shell.out.str() == "{\"id\":8}\n{\"id\":9}\n");
    REQUIRE(tail.poll());
    REQUIRE(tail.poll());
    CHECK(shell.out.str() == "{\"id\":8}\n{\"id\":9}\n{\"id\":10}\n{\"id\":11}\n");
}

TEST_CASE("usage: unpriced shows as such; the total is below") {
    Json usage = Json::parse(R"({"data":[
      {"group":"m1","requests":10,"errors":1,"unpriced":0,"input":12345,"cache_read":0,"cache_write_5m":1,"cache_write_1h":2,"output":7,"reasoning":0,"cost_nano_usd":5000000,"avg_duration_us":1200000},
      {"group":null,"requests":2,"errors":0,"unpriced":2,"input":1,"cache_read":0,"cache_write_5m":0,"cache_write_1h":0,"output":1,"reasoning":0,"cost_nano_usd":0,"avg_duration_us":null}],
      "total":{"requests":12,"errors":1,"unpriced":2,"input":12346,"cache_read":0,"cache_write_5m":1,"cache_write_1h":2,"output":8,"reasoning":0,"cost_nano_usd":5000000,"avg_duration_us":1000000}})");
    std::string text = render_usage(usage, "model", {});
    CHECK(text.starts_with("MODEL"));
    CHECK(text.find("(unknown)") != std::string::npos);
    CHECK(text.find("unpriced") != std::string::npos);
    CHECK(text.find("$0.005000") != std::string::npos);
    CHECK(text.find("$0.000000") == std::string::npos);
    CHECK(text.find("total") != std::string::npos);
    CHECK(render_usage(Json::parse(R"({"data":[],"total":{}})"), "key", {}) == "No requests in that time.\n");
}

TEST_CASE("trace: attempts with their reasons, timings, usage, cost and its lines") {
    Json quote = Json::parse(
        R"({"tariff":"anthropic/claude-x@2026-01-01","cost_nano_usd":1234000,"lines":[{"what":"input","units":10,"pico_usd":3000000,"cost_nano_usd":30000}]})");
    std::string text = render_trace(Json::parse(record), quote, {});
    for (const char* part :
         {"0193a7f2c1d47c2e9b1f0a6d5e4c3b2a", "fallback 2", "status_529", "+91ms", "first byte 250ms", "$0.001234000",
          "cache read", "{\"input_tokens\":10}", "$3.00/M", "$0.000030000"}) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
    // A price that changed since does not explain the cost.
    quote["cost_nano_usd"] = 999;
    CHECK(render_trace(Json::parse(record), quote, {}).find("$3.00/M") == std::string::npos);
    Json bare =
        Json::parse(R"({"trace_id":"aa","status":0,"end":"error","error":"refused","usage":{},"cost_nano_usd":null})");
    std::string failed = render_trace(bare, {}, {});
    CHECK(failed.find("the vendor did not say") != std::string::npos);
    CHECK(failed.find("$0") == std::string::npos);
}

TEST_CASE("prices: per class, tier and service; what has no price is no zero") {
    Json price = Json::parse(
        R"({"vendor":"anthropic","model":"m","aliases":[],"origin":"builtin","from":"2026-01-01T00:00:00Z","until":null,"applies":true,
      "source":"https://x","checked":null,"rates":{"standard":[{"above_input_tokens":0,"pico_usd":{"input":3000000,"output":15000000,"web_search":10000000000}},
      {"above_input_tokens":200000,"pico_usd":{"input":6000000}}],"batch":[{"above_input_tokens":0,"pico_usd":{"input":1500000}}]}})");
    std::string text = render_price(price, {});
    CHECK(text.find("INPUT  OUTPUT  WEB SEARCH") != std::string::npos);
    CHECK(text.find("standard              $3.00  $15.00   $0.010000\n") != std::string::npos);
    CHECK(text.find("standard        200k  $6.00       –           –\n") != std::string::npos);
    CHECK(text.find("batch                 $1.50       –           –\n") != std::string::npos);
    std::string list = render_prices(Json::array({price}), {});
    CHECK(list.find("$3.00") != std::string::npos);
    CHECK(list.find("–") != std::string::npos);
    CHECK(list.find("$0.00") == std::string::npos);
}

TEST_CASE("trace last takes the newest") {
    Shell shell;
    shell.answers["GET /api/v1/logs"] = {200, logs_page(record)};
    shell.answers["GET /api/v1/traces/0193a7f2c1d47c2e9b1f0a6d5e4c3b2a"] = {200, logs_page(record)};
    CHECK(shell.run({"trace", "last"}) == exit_ok);
    CHECK(shell.out.str().find("fallback 2") != std::string::npos);
    CHECK(shell.run({"trace", "0193a7f2-c1d4-7c2e-9b1f-0a6d5e4c3b2b"}) == exit_not_found);
}

TEST_CASE("provider add: a key on the command line is refused, sources exclude each other") {
    Shell shell;
    shell.answers["POST /api/v1/providers"] = {201, R"({"name":"a","problem":null})"};
    CHECK(shell.run({"provider", "add", "a", "--kind", "anthropic", "--api-key", "sk-secret"}) == exit_usage);
    CHECK(shell.asked.empty());
    CHECK(shell.err.str().find("sk-secret") == std::string::npos);
    CHECK(shell.run({"provider", "add", "a", "--kind", "anthropic", "--api-key-env", "A", "--api-key-file", "B"}) ==
          exit_usage);
    CHECK(shell.run({"provider", "add", "a", "--kind", "openai-compatible", "--base-url", "http://x/v1",
                     "--api-key-env", "V", "--model", "*", "--header", "X-A: b c"}) == exit_ok);
    CHECK(
        Json::parse(shell.asked.at(0).body) ==
        Json::parse(
            R"({"name":"a","kind":"openai-compatible","base_url":"http://x/v1","api_key_env":"V","models":["*"],"headers":{"X-A":"b c"}})"));
    CHECK(shell.run({"provider", "add", "a", "--kind", "x", "--header", "nonsense"}) == exit_usage);
}

TEST_CASE("provider test: exit 1 when it failed") {
    Shell shell;
    shell.answers["POST /api/v1/providers/a/test"] = {
        200, R"({"ok":false,"status":401,"latency_us":5000,"detail":"wrong key"})"};
    CHECK(shell.run({"provider", "test", "a"}) == exit_failed);
    CHECK(shell.out.str() == "✗ a failed with 401 in 5ms: wrong key\n");
    shell.answers["POST /api/v1/providers/a/test"] = {200, R"({"ok":true,"status":200,"latency_us":5000,"detail":""})"};
    CHECK(shell.run({"provider", "test", "a"}) == exit_ok);
}

TEST_CASE("doctor: data folder, secrets' modes, clock") {
    test::Scratch scratch;
    namespace fs = std::filesystem;
    auto find = [](const std::vector<Finding>& all, const std::string& what) {
        for (const auto& f : all) {
            if (f.what == what) return f.level;
        }
        FAIL("no finding " << what);
        return Finding::Level::good;
    };
    fs::path key = scratch.write("master.key", "x");
    fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
    auto good = check_data_folder(scratch.dir());
    CHECK(find(good, "data folder") == Finding::Level::good);
    CHECK(find(good, "master.key") == Finding::Level::good);
    CHECK(!fs::exists(scratch.dir() / ".doctor"));
    fs::permissions(key, fs::perms::others_read, fs::perm_options::add);
    CHECK(find(check_data_folder(scratch.dir()), "master.key") == Finding::Level::broken);
    CHECK(find(check_data_folder(key), "data folder") == Finding::Level::broken);

    CHECK(check_clock(0).level == Finding::Level::broken);
    CHECK(check_clock(1'795'251'600'000'000).level == Finding::Level::good);
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
    CHECK(!parse_http_date("Sunday"));
    CHECK(check_clock_against(784111777'000'000, "Sun, 06 Nov 1994 08:49:37 GMT", "x").level == Finding::Level::good);
    CHECK(check_clock_against(784112777'000'000, "Sun, 06 Nov 1994 08:49:37 GMT", "x").level == Finding::Level::broken);
    CHECK(render_findings({{Finding::Level::broken, "a", "b", "c"}}, {}).find("✗ a                b\n") !=
          std::string::npos);
}

}  // namespace cli_test
