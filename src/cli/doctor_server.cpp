#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/cmd_connect.hpp"
#include "cli/doctor.hpp"
#include "core/http/http_client.hpp"
#include "core/os/server_file.hpp"

namespace lurus::cli {
namespace {

using Level = Finding::Level;

HttpCall call_to(const Url& url, std::string target) {
    HttpCall call;
    call.url = url;
    call.target = std::move(target);
    call.connect_timeout_ms = 2000;
    call.timeout_ms = 5000;
    call.tls_verify = false;  // it is asked who it is, nothing is entrusted to it
    return call;
}

/// Who is on a port that our data folder's server does not hold.
Finding check_port(const ListenerSettings& listener) {
    std::string address = listener.address;
    auto url = Url::parse(reachable_url(url_of(address, !listener.certificate_file.empty())));
    if (!url) return {Level::broken, "port", address + ": " + url.error().message, "correct server.listen"};
    std::string owner = port_owner(url->port);
    auto health = http_exchange(call_to(*url, "/health"));
    if (!health && owner.empty() && health.error().code == ErrorCode::unavailable) {
        return {Level::warning, "server", "not running; " + address + " is free", "lurus serve"};
    }
    Json body = health ? Json::parse(health->body, nullptr, false) : Json();
    std::string who = owner.empty() ? "another program" : owner;
    if (!text_of(body, "status").empty() && (owner.empty() || owner.find("lurus") != std::string::npos)) {
        return {Level::broken, "port",
                fmt::format("a lurus server of another {} answers at {}",
                            owner.empty() ? "user" : "data folder: " + who, address),
                "to use it, ask whoever runs it for a key: lurus connect claude --url " +
                    reachable_url(url_of(address, !listener.certificate_file.empty())) +
                    " --key KEY; for a server of your own, give --data-dir or another --listen"};
    }
    return {Level::broken, "port", fmt::format("{} is taken by {}", address, who),
            "stop it, or set server.listen to another port"};
}

std::vector<Finding> findings_of(const Json& status) {
    std::vector<Finding> out;
    auto up = number_of(status, "uptime_seconds").value_or(0);
    out.push_back({Level::good, "server",
                   fmt::format("lurus {} on {} for {}", text_of(status, "version"), joined(member(status, "addresses")),
                               format_duration(up * 1'000'000)),
                   ""});
    const Json& config = member(status, "config");
    for (std::string problem = text_of(config, "problem"); !problem.empty();
         problem.erase(0, std::min(problem.size(), problem.find('\n', 1)))) {
        if (problem.front() == '\n') problem.erase(0, 1);
        out.push_back({Level::broken, "server",
                       "goes on with its old configuration: " + problem.substr(0, problem.find('\n')),
                       "correct the file: lurus config check"});
    }
    if (std::string options = joined(member(config, "needs_restart")); !options.empty()) {
        out.push_back({Level::warning, "server", "changed since the start: " + options, "restart it"});
    }
    for (const Json& problem : member(config, "files"))
        out.push_back({Level::broken, "files", problem.get<std::string>(), "put it right; it is read again by itself"});
    // What only the one who uses a file can tell: that it is not the one at its place any more.
    for (const Json& database : member(status, "databases")) {
        if (std::string problem = text_of(database, "problem"); problem.find(" is damaged") != std::string::npos)
            out.push_back({Level::broken, "database", problem,
                           "stop lurus serve, touch neither the file nor its -wal and -shm, then: lurus doctor"});
        else if (!problem.empty())
            out.push_back(
                {Level::broken, "database", problem, "until then changes are refused, what is known is served"});
        else
            out.push_back({Level::good, "database", text_of(database, "file") + " is whole and can be changed", ""});
    }
    const Json& log = member(status, "log");
    auto queued = number_of(log, "queued").value_or(0), unsafe = number_of(log, "released_unsafe").value_or(0);
    if (!flag_of(log, "enabled"))
        out.push_back({Level::warning, "log", "switched off: nothing is recorded", "set log.enabled = true"});
    else if (!flag_of(log, "healthy"))
        out.push_back({Level::broken, "log", text_of(log, "problem"),
                       fmt::format("{} records wait in memory: make the data folder writable", queued)});
    else if (unsafe > 0)
        out.push_back({Level::warning, "log",
                       fmt::format("{} answers were let go before their record was safe", unsafe),
                       "the disk was too slow or full: see `lurus serve`'s log"});
    else
        out.push_back({Level::good, "log",
                       fmt::format("{} records written since the start, {} waiting",
                                   number_of(log, "committed").value_or(0), queued),
                       ""});
    return out;
}

}  // namespace

std::vector<Finding> check_server(Cli& cli, const config::Config& config) {
    auto api = cli.api();
    if (!api) return {{Level::broken, "server", api.error().message, "look at `lurus serve`'s output"}};
    if (!(*api)->server_url().empty()) {
        auto status = cli.get("/api/v1/status", {{"check", "true"}});
        if (!status) return {{Level::broken, "server", status.error().message, "restart it"}};
        return findings_of(*status);
    }
    std::vector<Finding> out;
    for (const auto& listener : config.gateway.listeners) {
        if (!listener.address.starts_with("unix:")) out.push_back(check_port(listener));
    }
    if (out.empty()) out.push_back({Level::warning, "server", "not running", "lurus serve"});
    return out;
}

std::vector<Finding> check_providers(Cli& cli, bool probe) {
    auto providers = cli.get("/api/v1/providers");
    if (!providers) return {{Level::broken, "providers", providers.error().message, ""}};
    std::vector<Finding> out;
    bool clock_compared = false;
    for (const auto& p : list_of(*providers)) {
        std::string name = text_of(p, "name"), what = "provider " + name, problem = text_of(p, "problem");
        if (flag_of(p, "disabled")) {
            out.push_back({Level::warning, what, "disabled", "remove `disabled` where it is declared"});
        } else if (!problem.empty()) {
            out.push_back({Level::broken, what, problem, "correct it, or: lurus provider remove " + name});
        } else if (!probe) {
            out.push_back({Level::good, what,
                           text_of(p, "kind") + ", credential " + text_of(member(p, "credential"), "source"), ""});
        } else {
            auto answer = cli.call("POST", "/api/v1/providers/" + percent_encode(name) + "/test", {}, Json::object());
            bool ok = answer && flag_of(*answer, "ok");
            std::string said = answer ? text_of(*answer, "detail") : answer.error().message;
            auto took = answer ? number_of(*answer, "latency_us") : std::nullopt;
            if (ok)
                out.push_back({Level::good, what, took ? "answered in " + format_duration(*took) : "answered", ""});
            else
                out.push_back(
                    {Level::broken, what, said.empty() ? "it did not answer" : said, "lurus provider test " + name});
        }
        const Json& endpoints = member(p, "endpoints");
        auto url = Url::parse(endpoints.empty() ? std::string() : text_of(*endpoints.begin(), "base_url"));
        if (probe && !clock_compared && url && url->tls) {
            if (auto answer = http_exchange(call_to(*url, "/"))) {
                out.push_back(check_clock_against(cli.clock.now(), answer->header("date"), url->host));
                clock_compared = true;
            }
        }
    }
    if (out.empty())
        out.push_back({Level::warning, "providers", "none", "lurus provider add NAME --kind KIND --api-key-env VAR"});
    return out;
}

namespace {

/// Active keys that expire within 30 days, the first ones by name; empty = none.
std::string expiring(const Json& keys, UnixMicros now) {
    constexpr UnixMicros thirty_days = 30LL * 24 * 3600 * 1'000'000;
    constexpr std::size_t shown = 5;
    std::vector<std::pair<UnixMicros, std::string>> soon;
    for (const auto& key : keys) {
        const UnixMicros expires = parse_time(text_of(key, "expires")).value_or(0);
        if (text_of(key, "status") == "active" && expires > now && expires - now <= thirty_days)
            soon.emplace_back(expires, text_of(key, "name"));
    }
    std::ranges::sort(soon);
    std::string out;
    for (const auto& [expires, name] : soon | std::views::take(shown))
        out += (out.empty() ? "" : ", ") + name + " (" + format_time(expires).substr(0, 10) + ")";
    return soon.size() > shown ? out + fmt::format(" and {} more", soon.size() - shown) : out;
}

}  // namespace

std::vector<Finding> check_keys(Cli& cli) {
    auto keys = all_pages(cli, "/api/v1/keys", {});
    if (!keys) return {{Level::broken, "keys", keys.error().message, ""}};
    std::int64_t active = 0;
    for (const auto& key : list_of(*keys)) active += text_of(key, "status") == "active" ? 1 : 0;
    auto api = cli.api();
    if (list_of(*keys).empty() && api && (*api)->server_url().empty()) {
        return {{Level::good, "keys", "none yet: the first start makes one", ""}};
    }
    if (active == 0) return {{Level::warning, "keys", "none is active", "lurus key create --name NAME"}};
    std::vector<Finding> out{{Level::good, "keys", fmt::format("{} active", active), ""}};
    const std::string soon = expiring(list_of(*keys), cli.clock.now());
    if (!soon.empty())
        out.push_back({Level::warning, "keys", "within 30 days expire " + soon, "lurus key edit NAME --expires 90d"});
    return out;
}

namespace {

std::optional<Finding> check_client(const connect::Client& client, const std::string& ours, bool running,
                                    const connect::ClientHome& home) {
    connect::ClientState state = connect::inspect_client(client, home);
    bool installed = program_exists(client.program);
    if (!installed && !state.configured) return std::nullopt;
    std::string connect = "lurus connect " + client.id;
    if (!state.problem.empty()) return Finding{Level::warning, client.title, state.problem, "correct the file"};
    if (state.url.empty()) return Finding{Level::good, client.title, "not connected (" + connect + " would)", ""};
    if (!running && state.url != ours) return Finding{Level::good, client.title, "uses " + state.url, ""};
    if (state.url != ours)
        return Finding{Level::good, client.title, "uses " + state.url + ", which is not this server", ""};
    auto url = Url::parse(state.url);
    if (!url) return Finding{Level::broken, client.title, state.url + ": " + url.error().message, connect};
    HttpCall call = call_to(*url, "/v1/models");
    call.headers = {{"authorization", "Bearer " + state.key}};
    auto answer = http_exchange(call);
    if (!answer && !running) return Finding{Level::good, client.title, "uses " + state.url, ""};
    if (!answer) return Finding{Level::broken, client.title, "uses " + state.url + ", which does not answer", connect};
    if (answer->status == 401 || answer->status == 403)
        return Finding{Level::broken, client.title, "its key is not accepted any more", connect};
    return Finding{Level::good, client.title, "uses " + state.url + " with a key that works", ""};
}

}  // namespace

std::vector<Finding> check_clients(Cli& cli, const config::Config& config, const connect::ClientHome& home) {
    auto api = cli.api();
    bool running = api && !(*api)->server_url().empty();
    std::string ours = running ? reachable_url((*api)->server_url()) : configured_url(config);
    std::vector<Finding> out;
    for (const auto& client : connect::known_clients()) {
        auto finding = check_client(client, ours, running, home);
        if (!finding) continue;
        bool connected = finding->detail.starts_with("uses ");
        out.push_back(std::move(*finding));
        if (!connected) continue;
        for (const auto& warning : connect::environment_warnings(client, home))
            out.push_back({Level::warning, client.title, warning, std::string(connect::unset_for_good(home))});
    }
    return out;
}

}  // namespace lurus::cli
