// Enrolling, confirming and removing a second factor.
#include <nlohmann/json.hpp>

#include "core/http/problem.hpp"
#include "modules/signin/service.hpp"
#include "modules/signin/totp.hpp"

namespace lurus::signin {

ApiResponse SignInService::show_totp(const ApiRequest& request) {
    const auto user = person(request);
    if (!user) return problem(user.error());
    const auto factor = store_.totp(user->id);
    if (!factor) return problem(factor.error());
    const bool enabled = *factor && (*factor)->confirmed;
    return json_answer(200, {{"enabled", enabled}, {"recovery_codes", enabled ? (*factor)->recovery_codes : 0}});
}

ApiResponse SignInService::enrol_totp(const ApiRequest& request) {
    const auto body = body_of(request, {"!password"});
    if (!body) return problem(body.error());
    const auto proved = confirmed_person(request, text_in(*body, "password"));
    if (!proved) return problem(proved.error());
    const User& user = proved->user;
    const auto secret = make_totp_secret();
    if (!secret) return problem(secret.error());
    const auto sealed = box_.seal(secret->reveal(), "totp " + user.id);
    if (!sealed) return problem(sealed.error());
    if (auto stored = store_.enrol_totp(user.id, *sealed, clock_.now()); !stored) return problem(stored.error());
    const auto text = totp_secret_text(*secret);
    const auto uri = totp_uri(*secret, user.email);
    if (!text || !uri) return problem(text ? uri.error() : text.error());
    return json_answer(200, {{"secret", std::string(text->reveal())}, {"uri", std::string(uri->reveal())}});
}

ApiResponse SignInService::confirm_totp(const ApiRequest& request) {
    const auto body = body_of(request, {"!code"});
    if (!body) return problem(body.error());
    const auto user = person(request);
    if (!user) return problem(user.error());
    const auto factor = store_.totp(user->id);
    if (!factor) return problem(factor.error());
    if (!*factor || (*factor)->confirmed) return problem(409, "there is no second factor that waits to be confirmed");
    const auto secret = box_.open((*factor)->sealed, "totp " + user->id);
    if (!secret) return problem(secret.error());
    const auto step = totp_step(*secret, text_in(*body, "code"), clock_.now());
    if (!step) return problem(403, "the code is wrong; is the device's clock right?");
    const auto codes = make_recovery_codes();
    if (!codes) return problem(codes.error());
    std::vector<SecretHash> hashes;
    auto shown = nlohmann::ordered_json::array();
    for (const auto& code : *codes) {
        hashes.push_back(recovery_hash(user->id, code.reveal()));
        shown.push_back(std::string(code.reveal()));
    }
    if (auto done = store_.confirm_totp(user->id, (*factor)->version, *step, hashes, clock_.now()); !done)
        return problem(done.error());
    tell("second factor added", request, *user);
    return json_answer(200, {{"recovery_codes", shown}});
}

// The password and the factor itself: a stolen session alone must not be able to take it away.
ApiResponse SignInService::disable_totp(const ApiRequest& request) {
    const auto body = body_of(request, {"!password", "totp", "recovery_code"});
    if (!body) return problem(body.error());
    const auto proved = confirmed_person(request, text_in(*body, "password"));
    if (!proved) return problem(proved.error());
    const User& user = proved->user;
    const auto factor = store_.totp(user.id);
    if (!factor) return problem(factor.error());
    if (auto refused = check_second_factor(user, *factor, *body)) {
        if (refused->status == 401) return problem(403, "the second factor's code is missing, wrong or was used");
        return *refused;
    }
    if (*factor) {
        if (auto done = store_.drop_totp(user.id, (*factor)->version); !done) return problem(done.error());
    }
    tell("second factor removed", request, user);
    return no_content();
}

}  // namespace lurus::signin
