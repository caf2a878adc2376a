// Scans any body as JSON and as a form; where a model was found, another can be put in its place and nothing else
// moves.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "core/text/ascii.hpp"
#include "modules/gateway/session/named_models.hpp"
#include "modules/gateway/session/request_scan.hpp"

using namespace lurus::gateway;

namespace {

void require(bool ok) {
    if (!ok) std::abort();
}

// Where there is no doubt, other parsers find the model that we found: also those that take the first of equal names,
// or any letter case.
void same_elsewhere(const Endpoint& endpoint, std::string_view type, std::string_view body, const RequestFacts& facts) {
    NamedModels named;
    read_body_models(endpoint, type, body, named);
    if (!named.doubt.empty() || !facts.model_is_json || !endpoint.model_in_body) return;
    std::size_t models = 0;
    const auto look = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& key) {
        if (depth == 1 && event == nlohmann::json::parse_event_t::key &&
            lurus::iequals(key.get<std::string>(), "model"))
            ++models;
        return true;
    };
    const auto other = nlohmann::json::parse(body, look, false);
    if (other.is_discarded()) return;  // lone surrogates
    require(models <= 1);
    const auto model = other.find("model");
    require((model != other.end() && model->is_string() ? model->get<std::string>() : std::string()) == facts.model);
}

void check(const char* target, std::string_view type, std::string_view body) {
    const Endpoint endpoint = *match_endpoint("POST", target, {}, false).endpoint;
    const RequestFacts facts = scan_request(endpoint, type, body);
    require(facts.model_begin <= facts.model_end && facts.model_end <= body.size());
    require(facts.error_offset <= body.size());
    if (facts.error.empty()) same_elsewhere(endpoint, type, body, facts);
    if (!facts.error.empty() || facts.model_begin == facts.model_end) return;
    std::string other(body.substr(0, facts.model_begin));
    other += facts.model_is_json ? quote_json("an\"other") : "another";
    const std::size_t end = other.size();
    other += body.substr(facts.model_end);
    const RequestFacts again = scan_request(endpoint, type, other);
    require(again.error.empty());
    require(again.model == (facts.model_is_json ? "an\"other" : "another"));
    require(again.model_begin == facts.model_begin && again.model_end == end);
    require(again.stream == facts.stream && again.session == facts.session);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    for (const char* target :
         {"/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1beta/models/m:generateContent"}) {
        check(target, "application/json", body);
    }
    check("/v1/audio/transcriptions", "multipart/form-data; boundary=b", body);
    if (size > 2)
        check("/v1/images/edits",
              std::string("multipart/form-data; boundary=") + std::string(body.substr(2, body.find('\r', 2) - 2)),
              body);
    session_header_rank(body);
    return 0;
}
