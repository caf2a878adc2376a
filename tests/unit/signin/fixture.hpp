#pragma once

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "../in_force.hpp"
#include "../stores.hpp"
#include "clock.hpp"
#include "modules/identity/people/directory.hpp"
#include "modules/signin/service.hpp"

namespace lurus::test {

using nlohmann::json;

inline const std::string good_password = "blue tractor on a hill";

/// Base32 back to bytes, as an authenticator app does.
inline Secret secret_of(const std::string& text) {
    std::string out;
    unsigned held = 0, bits = 0;
    for (const char c : text) {
        held = held << 5 | static_cast<unsigned>(c >= 'A' ? c - 'A' : c - '2' + 26);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(held >> bits & 0xFF);
        }
    }
    return Secret(out);
}

/// The service over real stores, driven through its routes as the dispatcher would.
struct SignInFixture {
    TempFolder folder;
    SetClock clock;
    IdentityStores stores{folder.path / "lurus.db"};
    std::unique_ptr<CredentialStore> credentials = make_credential_store(*stores.database);
    std::unique_ptr<identity::Directory> users = std::make_unique<identity::Directory>(*stores.people, clock);
    std::unique_ptr<signin::SignInService> service;
    std::vector<SignInEvent> events;
    AuthSettings settings;

    SignInFixture() {
        settings.mail.sink = (folder.path / "mail").string();
        settings.mail.from = "Lurus <lurus@example.com>";
        restart();
    }

    void restart() {
        service.reset();
        auto box = SecretBox::from_file(folder.path);
        REQUIRE(box.has_value());
        service =
            std::make_unique<signin::SignInService>(*credentials, *std::move(box), *users, clock,
                                                    signin::Argon2Cost{.memory_kib = 64, .passes = 1, .lanes = 1});
        service->set_address("http://127.0.0.1:18100");
        service->on_event([this](const SignInEvent& event) { events.push_back(event); });
        configure();
    }
    void configure(const std::vector<ConfiguredUser>& fixed = {}) {
        const auto done = test::in_force(service->prepare(settings, fixed));
        REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
    }

    User add(const std::string& email, Role role = Role::member) {
        configure({{email, Secret(good_password), role}});
        return *users->find_by_email(email);
    }

    /// What the gate and the dispatcher do, in small.
    ApiResponse call(const std::string& method, const std::string& path, const json& body = json::object(),
                     const std::string& bearer = {}, const std::string& cookie = {},
                     const std::string& address = "192.0.2.1") {
        for (const auto& route : service->api()) {
            if (route.method != method || route.path != "/api/v1/auth/" + path) continue;
            ApiRequest request;
            request.method = method;
            request.path = route.path;
            request.body = method == "GET" ? std::string() : body.dump();
            request.remote_address = address;
            if (!cookie.empty()) request.headers["cookie"] = cookie;
            request.headers["user-agent"] = "test";
            return as(route, request, bearer);
        }
        FAIL("no route " << method << " " << path);
        return {};
    }
    ApiResponse as(const ApiRoute& route, ApiRequest request, const std::string& bearer) {
        ApiResponse refused;
        refused.status = 401;
        if (!route.is_public()) {
            auto who = service->principal(request, bearer);
            if (who && who->kind != Principal::Kind::anonymous) who = users->in_organisation(*who, "");
            if (!who || who->kind == Principal::Kind::anonymous) return refused;
            request.principal = *who;
            refused.status = 403;
            if (!who->may(route.permission)) return refused;
        }
        return route.handler(request);
    }

    ApiResponse login(const std::string& email, const std::string& password, json more = json::object()) {
        more["email"] = email;
        more["password"] = password;
        return call("POST", "login", more);
    }
    json tokens(const std::string& email) {
        const auto answer = login(email, good_password);
        REQUIRE_MESSAGE(answer.status == 200, answer.body);
        return json::parse(answer.body);
    }
    bool accepted(const std::string& bearer) { return call("GET", "sessions", {}, bearer).status == 200; }

    /// The mails so far to this address, oldest first.
    std::vector<std::string> mails(const std::string& to) {
        service->settle();
        std::set<std::filesystem::path> files;
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(settings.mail.sink, none)) files.insert(entry);
        std::vector<std::string> out;
        for (const auto& file : files) {
            std::ifstream in(file, std::ios::binary);
            std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
            if (text.find("To: <" + to + ">") != std::string::npos) out.push_back(std::move(text));
        }
        return out;
    }
    static std::string token_in(const std::string& mail) {
        const auto at = mail.find("#token=");
        REQUIRE(at != std::string::npos);
        return mail.substr(at + 7, mail.find('\r', at) - at - 7);
    }
    [[nodiscard]] bool noted(const std::string& what) const {
        return std::ranges::any_of(events, [&](const SignInEvent& event) { return event.what == what; });
    }
};

}  // namespace lurus::test
