// Any request line: the match is within the target, and every endpoint can have an error written for it.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/dialect/served_target.hpp"

using namespace lurus;
using namespace lurus::gateway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t space = text.find(' ');
    const std::string_view method = text.substr(0, space);
    const std::string_view given = space == std::string_view::npos ? text : text.substr(space + 1);
    std::string storage;
    const ServedTarget served = served_target(given, storage);
    if (served.refused != nullptr) return 0;
    const std::string_view target = served.target;
    for (unsigned bits = 0; bits < 8; ++bits) {
        const DialectHints hints{
            .anthropic_version = (bits & 1) != 0, .google_key = (bits & 2) != 0, .path = served.dialect};
        const Match match = match_endpoint(method, target, hints, (bits & 4) != 0);
        if (!match.endpoint) continue;
        const Endpoint& endpoint = *match.endpoint;
        if (family_of(endpoint.dialect) != match.family || endpoint.name.empty()) std::abort();
        for (const std::string_view part : {endpoint.path_model, endpoint.resource}) {
            if (part.empty()) continue;
            if (part.data() < target.data() || part.data() + part.size() > target.data() + target.size()) std::abort();
        }
        if (endpoint.websocket && (bits & 4) == 0) std::abort();
        if (stream_error(endpoint, false, static_cast<int>(size), text, Id{}).empty()) std::abort();
        if (keepalive(endpoint, false).empty()) std::abort();
    }
    return 0;
}
