// What the recordings of real vendors cost under the names that they were asked with, by the built-in prices. Those
// without a price are kept here with the reason: a new one has to be explained.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "modules/billing/tariff/price_file.hpp"
#include "modules/billing/tariff/tariff_table.hpp"
#include "tests/golden/replay.hpp"
#include "tests/golden/wire.hpp"

using namespace lurus;
using nlohmann::json;

namespace {

const std::map<std::string, std::string, std::less<>> without_price = {
#include "tests/golden/without_price.inc"
};

// The kind of provider that one would configure for the recording's host.
std::string_view kind_of(const std::string& url, const std::string& protocol) {
    constexpr std::pair<std::string_view, std::string_view> hosts[] = {{"azure.com", "azure-openai"},
                                                                       {"anthropic.com", "anthropic"},
                                                                       {"googleapis.com", "gemini"},
                                                                       {"openai.com", "openai"},
                                                                       {"deepseek.com", "deepseek"},
                                                                       {"groq.com", "groq"},
                                                                       {"mistral.ai", "mistral"},
                                                                       {"x.ai", "xai"},
                                                                       {"z.ai", "zhipu"},
                                                                       {"openrouter.ai", "openrouter"},
                                                                       {"ollama.com", "ollama"}};
    for (const auto& [host, kind] : hosts) {
        if (url.find(host) != std::string::npos) return kind;
    }
    if (protocol == "anthropic-messages") return "anthropic";
    if (protocol == "gemini") return "gemini";
    return protocol == "openai-responses" ? "openai" : "openai-compatible";
}

// As it stands in the path, else in the request, else in the answer.
std::string model_of(const std::string& url, const std::string& request, const std::string& answer) {
    for (const std::string_view folder : {"/deployments/", "/models/"}) {
        const std::size_t at = url.find(folder);
        if (at == std::string::npos) continue;
        const std::string rest = url.substr(at + folder.size());
        const std::string name = rest.substr(0, rest.find_first_of("/:?"));
        if (name != "chat") return name;
    }
    const json asked = json::parse(request, nullptr, false);
    if (asked.is_object() && asked.contains("model") && asked["model"].is_string()) return asked["model"];
    for (const std::string_view key : {"\"modelVersion\"", "\"model\""}) {
        std::size_t at = answer.find(key);
        if (at == std::string::npos) continue;
        at = answer.find('"', answer.find(':', at)) + 1;
        return answer.substr(at, answer.find('"', at) - at);
    }
    return {};
}

std::string priced_how(const billing::TariffTable& table, const PriceQuery& query, const Usage& usage) {
    bool known = true;
    std::string unpriced;
    const auto take = [&](PriceQuery one, const Usage& part) {
        const auto cost = table.price(one, part);
        known = known && cost.has_value();
        if (cost) {
            for (const auto what : cost->unpriced) unpriced = what;
        }
    };
    if (usage.parts.empty()) take(query, usage);
    for (const UsagePart& part : usage.parts) {
        PriceQuery one = query;
        if (!part.model.empty()) one.upstream_model = part.model;
        take(one, part.usage);
    }
    if (!known) return std::string(query.upstream_model) + " at " + std::string(query.provider_kind);
    return unpriced;
}

}  // namespace

TEST_CASE("recordings: all have a price under their real names but those that are listed with a reason") {
    const auto folder = golden::wire_folder();
    if (!std::filesystem::is_directory(folder)) {
        MESSAGE("recordings skipped: no folder ", folder.string());
        return;
    }
    auto prices = billing::read_price_file(golden::read_file(LURUS_SOURCE_DIR "/config/prices.json"));
    REQUIRE_MESSAGE(prices.has_value(), (prices ? "" : prices.error().message));
    const billing::TariffTable table(std::make_shared<const std::vector<billing::Tariff>>(*std::move(prices)), {});
    std::map<std::string, std::string, std::less<>> found;
    int priced = 0;
    for (const auto& path : golden::recordings(folder)) {
        const json meta = json::parse(golden::read_file(path.string()));
        golden::Case one;
        one.target = golden::target_of(meta);
        one.status = meta["response"]["status"];
        if (one.target.empty() || one.status != 200) continue;
        one.name = std::filesystem::relative(path, folder).generic_string();
        one.name.resize(one.name.size() - std::string_view(".meta.json").size());
        const json type = meta["response"].value("content_type", json());
        one.content_type = type.is_string() ? type.get<std::string>() : std::string();
        one.body = golden::read_file((path.parent_path() / meta["response"]["body_file"].get<std::string>()).string());
        const golden::Seen seen = golden::replay(one);
        if (!seen.usage.known()) continue;
        const json request = meta.value("request", json());
        const std::string url = request.is_object() && request.contains("url") && request["url"].is_string()
                                    ? request["url"].get<std::string>()
                                    : std::string();
        std::string asked = path.string();
        asked.replace(asked.size() - std::string_view("meta.json").size(), std::string::npos, "request.json");
        const std::string model =
            model_of(url, std::filesystem::exists(asked) ? golden::read_file(asked) : std::string(), one.body);
        PriceQuery query;
        query.provider_kind = kind_of(url, meta["protocol"]);
        query.upstream_model = model;
        query.time = *parse_time("2026-11-30T12:00:00Z");
        std::string why = priced_how(table, query, seen.usage);
        if (why.empty())
            ++priced;
        else
            found.emplace(one.name, std::move(why));
    }
    for (const auto& [name, why] : found) {
        CHECK_MESSAGE(without_price.contains(name), name << " has no price: " << why);
    }
    for (const auto& [name, reason] : without_price) {
        CHECK_MESSAGE(found.contains(name), name << " has a price by now; it was listed for: " << reason);
    }
    CHECK(priced > 100);
}
