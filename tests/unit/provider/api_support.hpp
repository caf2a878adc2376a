#pragma once
// The module's management API, called as the dispatcher does.

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/provider/support.hpp"

namespace lurus::provider::test {

using nlohmann::json;

struct Api : Fixture {
    struct Answer {
        int status;
        json body;
        std::string text;
    };

    Answer call(const std::string& method, const std::string& pattern, std::map<std::string, std::string> params = {},
                const std::string& body = "", std::map<std::string, std::string> query = {}) {
        for (const ApiRoute& route : providers->api()) {
            if (route.method != method || route.path != pattern) continue;
            ApiRequest request;
            request.method = method;
            request.path = pattern;
            request.params = std::move(params);
            request.query = std::move(query);
            request.body = body;
            const ApiResponse response = route.handler(request);
            if (response.status < 300) CHECK(response.status == route.success);
            if (response.status >= 400) CHECK(response.content_type == "application/problem+json");
            return Answer{response.status, response.body.empty() ? json() : json::parse(response.body), response.body};
        }
        FAIL("no such route");
        return {};
    }
};

}  // namespace lurus::provider::test
