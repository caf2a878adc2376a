#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "lurus/identity.hpp"

namespace lurus::test {

class FixedClock final : public Clock {
public:
    UnixMicros now() const override { return time; }
    std::int64_t monotonic_us() const override { return time; }
    UnixMicros time = 1'795'000'000'000'000;
};

class TempFolder {
public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "lurus-identity-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
};

struct Fixture {
    TempFolder folder;
    FixedClock clock;
    std::unique_ptr<Identity> identity = open();

    std::unique_ptr<Identity> open(const std::string& prefix = "cr_") {
        IdentitySettings settings;
        settings.file = folder.path / "lurus.db";
        settings.key_prefix = prefix;
        auto made = make_identity_sqlite(settings, clock);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        return *std::move(made);
    }

    CreatedKey create(const std::string& name) {
        NewKey wanted;
        wanted.name = name;
        auto made = identity->create_key(wanted);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        return *std::move(made);
    }

    ApiResponse call(const std::string& method, const std::string& pattern, const std::string& body = {},
                     const std::string& id = {}) {
        for (const auto& route : identity->api()) {
            if (route.method != method || route.path != pattern) continue;
            ApiRequest request;
            request.method = method;
            request.path = pattern;
            request.params["id"] = id;
            request.body = body;
            request.principal.kind = Principal::Kind::admin_token;
            return route.handler(request);
        }
        FAIL("no route " << method << " " << pattern);
        return {};
    }
};

inline ConfiguredKey configured(const std::string& name, const std::string& value) {
    ConfiguredKey key;
    key.name = name;
    key.value = Secret(value);
    return key;
}

}  // namespace lurus::test
