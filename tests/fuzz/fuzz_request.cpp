// Scans any body as JSON and as a form; where a model was found, another can be put in its place and nothing else
// moves.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "modules/gateway/session/request_scan.hpp"

using namespace lurus::gateway;

namespace {

void require(bool ok) {
    if (!ok) std::abort();
}

void check(const char* target, std::string_view type, std::string_view body) {
    const Endpoint endpoint = *match_endpoint("POST", target, {}, false).endpoint;
    const RequestFacts facts = scan_request(endpoint, type, body);
    require(facts.model_begin <= facts.model_end && facts.model_end <= body.size());
    require(facts.error_offset <= body.size());
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
