#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

constexpr std::string_view tokens_schema =
    R"({"type":"object","required":["expires_in","user"],"properties":{)"
    R"("access_token":{"type":"string"},"token_type":{"type":"string","enum":["Bearer"]},)"
    R"("expires_in":{"type":"integer","description":"seconds"},"refresh_token":{"type":"string","description":"used once"},)"
    R"("refresh_expires_in":{"type":"integer"},"method":{"type":"string","description":"`password`, `ldap` or `oidc:NAME`"},"user":{"type":"object","required":["id","email","name"],"properties":{)"
    R"("id":{"type":"string"},"email":{"type":"string"},"name":{"type":"string"}}}}})";
constexpr std::string_view message_schema =
    R"({"type":"object","required":["message"],"properties":{"message":{"type":"string"}}})";

#define EMAIL R"("email":{"type":"string","format":"email"})"
#define PASSWORD R"("password":{"type":"string","format":"password"})"
#define NEW_PASSWORD R"("new_password":{"type":"string","format":"password"})"
#define TEXT(name) "\"" name "\":{\"type\":\"string\"}"
#define FACTOR TEXT("totp") "," TEXT("recovery_code")
#define ROLE R"("role":{"enum":["viewer","member","admin","owner"]})"
#define COOKIE R"("session":{"type":"boolean","description":"a cookie instead of tokens, for browsers"})"
#define PROBLEM R"("problem":{"type":"string","description":"why the mail was not sent, where one should have been"},)"
#define BODY(required, properties) \
    R"({"type":"object","additionalProperties":false,"required":[)" required R"(],"properties":{)" properties "}}"

struct Row {
    Permission permission;
    const char* method;
    const char* path;
    const char* operation;
    const char* summary;
    std::string_view request;
    std::string_view response;
    int success;
    ApiResponse (SignInService::*handler)(const ApiRequest&);
    std::optional<OutsideLane> (SignInService::*lane)(const ApiRequest&) const = nullptr;  // null = asks nobody
};

constexpr auto anyone = Permission::anyone;
constexpr auto signed_in = Permission::signed_in;

const Row rows[] = {
    {anyone, "POST", "login", "login", "Sign in with a password and, where there is one, a second factor",
     BODY(R"("email","password")", EMAIL "," PASSWORD "," FACTOR "," COOKIE), tokens_schema, 200, &SignInService::login,
     &SignInService::login_lane},
    {anyone, "POST", "refresh", "refreshTokens", "A new pair of tokens for a refresh token, which is used up",
     BODY(R"("refresh_token")", TEXT("refresh_token")), tokens_schema, 200, &SignInService::refresh},
    {signed_in, "POST", "logout", "logout", "End this session, or all of one's own",
     BODY("", R"("all":{"type":"boolean"})"), "", 204, &SignInService::logout},
    {signed_in, "GET", "sessions", "listSessions", "One's own sessions that are live", "",
     R"({"type":"object","required":["data"],"properties":{"data":{"type":"array","items":{"type":"object"}}}})", 200,
     &SignInService::list_sessions},
    {signed_in, "DELETE", "sessions/{id}", "endSession", "End one of one's own sessions", "", "", 204,
     &SignInService::end_session},
    {anyone, "GET", "jwks.json", "getSigningKeys", "The public keys of access tokens (RFC 7517)", "",
     R"({"type":"object","required":["keys"],"properties":{"keys":{"type":"array","items":{"type":"object"}}}})", 200,
     &SignInService::jwks},
    {Permission::operate, "POST", "keys/rotate", "rotateSigningKey", "Sign with a new key from now on", "", "", 204,
     &SignInService::rotate_keys},
    {Permission::change_people, "POST", "service-token", "createServiceToken",
     "A short-lived token of a service account, for less than its role allows",
     BODY(R"("service_account","scope")",
          TEXT("service_account") R"(,"scope":{"type":"array","items":{"type":"string"},"minItems":1},)"
                                  R"("expires_in":{"type":"integer","minimum":1,"maximum":3600})"),
     R"({"type":"object","required":["access_token","token_type","expires_in","scope"],"properties":{)"
     R"("access_token":{"type":"string"},"token_type":{"type":"string"},"expires_in":{"type":"integer"},"scope":{"type":"string"}}})",
     200, &SignInService::service_token},
    {anyone, "GET", "methods", "listSignInMethods", "How one may sign in here, for a page that offers it", "",
     R"({"type":"object","required":["directory","providers","open_signup","reset_by_mail","min_password_length"],)"
     R"("properties":{"directory":{"type":"boolean","description":"an LDAP directory knows passwords as well"},)"
     R"("providers":{"type":"array","items":{"type":"object","required":["name","start"],"properties":{)"
     R"("name":{"type":"string"},"start":{"type":"string","description":"where to send the browser"}}}},)"
     R"("open_signup":{"type":"boolean"},"reset_by_mail":{"type":"boolean"},"min_password_length":{"type":"integer"}}})",
     200, &SignInService::list_methods},
    {anyone, "POST", "links/check", "checkLink", "What a link's token is good for, without using it up",
     BODY(R"("purpose","token")", R"("purpose":{"enum":["setup","invitation","verify","reset"]},)" TEXT("token")),
     R"({"type":"object","required":["purpose"],"properties":{"purpose":{"type":"string"},"email":{"type":"string"},)"
     R"("role":{"type":"string"},"org":{"type":"string","description":"the organisation's name"},)"
     R"("account":{"type":"boolean","description":"who is invited has an account, and keeps their password"}}})",
     200, &SignInService::check_link},
    {anyone, "POST", "setup", "setUp", "Make the first owner with the one-time link that `lurus serve` prints",
     BODY(R"("token","email","password")", TEXT("token") "," EMAIL "," PASSWORD "," TEXT("name") "," COOKIE),
     tokens_schema, 200, &SignInService::set_up},
    {signed_in, "POST", "password", "changePassword", "Change one's own password; every session ends",
     BODY(R"("current_password","new_password")", TEXT("current_password") "," NEW_PASSWORD), "", 204,
     &SignInService::change_password, &SignInService::confirming_lane},
    {anyone, "POST", "password/reset", "askPasswordReset", "Send a link that resets the password",
     BODY(R"("email")", EMAIL), message_schema, 202, &SignInService::ask_reset},
    {Permission::operate, "POST", "password/reset-link", "createPasswordReset",
     "A link that resets somebody's password; without mail the answer holds it",
     R"({"type":"object","additionalProperties":false,"minProperties":1,"maxProperties":1,"properties":{)" EMAIL
     R"(,"user":{"type":"string","description":"address or id"}}})",
     R"({"type":"object","required":["email","expires","mailed"],"properties":{"email":{"type":"string"},)"
     R"("expires":{"type":"string","format":"date-time"},"mailed":{"type":"boolean"},)" PROBLEM
     R"("link":{"type":"string"},"token":{"type":"string"}}})",
     201, &SignInService::make_reset_link, &SignInService::mail_lane},
    {anyone, "POST", "password/reset/confirm", "resetPassword", "A new password for a link's token; every session ends",
     BODY(R"("token","new_password")", TEXT("token") "," NEW_PASSWORD), "", 204, &SignInService::confirm_reset},
    {Permission::operate, "POST", "password/import", "importPassword",
     "Make a user with the bcrypt or Argon2id hash of another system",
     BODY(R"("email","password_hash")", EMAIL "," TEXT("password_hash") "," ROLE),
     R"({"type":"object","required":["id","email","role"],"properties":{"id":{"type":"string"},"email":{"type":"string"},"role":{"type":"string"}}})",
     201, &SignInService::import_password},
    {anyone, "POST", "register", "register", "Sign up, where that is open; a mail's link finishes it",
     BODY(R"("email","password")", EMAIL "," PASSWORD "," TEXT("name")), message_schema, 202,
     &SignInService::register_user},
    {anyone, "POST", "verify", "verifyAddress", "Verify an address with a link's token",
     BODY(R"("token")", TEXT("token")), "", 204, &SignInService::verify_address},
    {Permission::change_people, "POST", "invitations", "invite",
     "Invite somebody; without mail the answer holds the link", BODY(R"("email")", EMAIL "," ROLE),
     R"({"type":"object","required":["email","role","org","org_name","expires","mailed"],"properties":{"email":{"type":"string"},)"
     R"("role":{"type":"string"},"org":{"type":"string"},"org_name":{"type":"string"},"expires":{"type":"string","format":"date-time"},)"
     R"("mailed":{"type":"boolean"},)" PROBLEM R"("link":{"type":"string"},"token":{"type":"string"}}})",
     201, &SignInService::invite, &SignInService::mail_lane},
    {anyone, "POST", "invitations/accept", "acceptInvitation",
     "Join with an invitation's token; 204 for who has an account already",
     BODY(R"("token")", TEXT("token") "," PASSWORD "," TEXT("name") "," COOKIE), tokens_schema, 200,
     &SignInService::accept},
    {anyone, "GET", "oidc/{name}/start", "startOidc", "Send the browser to an OpenID Connect provider", "",
     R"({"type":"object","required":["location"],"properties":{"location":{"type":"string"},)"
     R"("page":{"type":"string","description":"with `challenge`: what to open in a browser"}}})",
     303, &SignInService::start_oidc, &SignInService::oidc_lane},
    {anyone, "GET", "oidc/{name}/callback", "finishOidc",
     "Where the provider sends the browser back; a session cookie, with `tokens` at the start a pair of tokens, with "
     "`challenge` a page with a code",
     "", tokens_schema, 200, &SignInService::finish_oidc, &SignInService::oidc_lane},
    {anyone, "POST", "code", "redeemSignInCode",
     "A pair of tokens for the code that a browser showed; once, for who has the verifier of its `challenge`",
     BODY(R"("code","verifier")", TEXT("code") "," TEXT("verifier")), tokens_schema, 200, &SignInService::redeem_code},
    {Permission::operate, "GET", "checks", "checkSignIn",
     "Ask the directory, the identity providers and the mail server whether people could sign in now", "",
     R"({"type":"object","required":["data"],"properties":{"data":{"type":"array","items":{"type":"object",)"
     R"("required":["kind","name","address","problem","fix"],"properties":{"kind":{"enum":["ldap","oidc","mail"]},)"
     R"("name":{"type":"string"},"address":{"type":"string"},)"
     R"("problem":{"type":["string","null"],"description":"why nobody can"},"fix":{"type":["string","null"]}}}}}})",
     200, &SignInService::check_outside, &SignInService::checks_lane},
    {signed_in, "GET", "totp", "getSecondFactor", "Whether there is a second factor", "",
     R"({"type":"object","required":["enabled","recovery_codes"],"properties":{"enabled":{"type":"boolean"},)"
     R"("recovery_codes":{"type":"integer","description":"unused ones"}}})",
     200, &SignInService::show_totp},
    {signed_in, "POST", "totp", "enrolSecondFactor", "Begin with a second factor; it counts once it is confirmed",
     BODY(R"("password")", PASSWORD),
     R"({"type":"object","required":["secret","uri"],"properties":{"secret":{"type":"string"},"uri":{"type":"string"}}})",
     200, &SignInService::enrol_totp, &SignInService::confirming_lane},
    {signed_in, "POST", "totp/confirm", "confirmSecondFactor", "Confirm it with a code; shows the recovery codes once",
     BODY(R"("code")", TEXT("code")),
     R"({"type":"object","required":["recovery_codes"],"properties":{"recovery_codes":{"type":"array","items":{"type":"string"}}}})",
     200, &SignInService::confirm_totp},
    {Permission::change_people, "POST", "totp/reset", "resetSecondFactor",
     "Remove somebody else's second factor, which they have lost, and end their sessions; they are told",
     BODY(R"("user")", R"("user":{"type":"string","description":"address or id"})"),
     R"({"type":"object","required":["user","email","mailed"],"properties":{"user":{"type":"string"},"email":{"type":"string"},)"
     R"("mailed":{"type":"boolean","description":"a mail tells them; false: there is no mail here"}}})",
     200, &SignInService::reset_totp},
    {signed_in, "POST", "totp/disable", "removeSecondFactor", "Remove the second factor",
     BODY(R"("password")", PASSWORD "," FACTOR), "", 204, &SignInService::disable_totp,
     &SignInService::confirming_lane},
};

#undef EMAIL
#undef PASSWORD
#undef NEW_PASSWORD
#undef TEXT
#undef FACTOR
#undef ROLE
#undef COOKIE
#undef PROBLEM
#undef BODY

}  // namespace

std::vector<ApiRoute> sign_in_routes(SignInService& service) {
    std::vector<ApiRoute> routes;
    for (const Row& row : rows) {
        ApiRoute route(row.permission);
        route.method = row.method;
        route.path = std::string("/api/v1/auth/") + row.path;
        route.operation_id = row.operation;
        route.summary = row.summary;
        route.request_schema = row.request;
        route.response_schema = row.response;
        route.success = row.success;
        route.calls_outside = row.lane != nullptr;
        if (row.lane != nullptr) {
            route.outside_lane = [&service, lane = row.lane](const ApiRequest& request) {
                return (service.*lane)(request);
            };
        }
        route.audit.answer = false;
        if (row.handler == &SignInService::list_sessions) {
            route.person_export.part = "sessions";
            route.person_export.without = {"current"};
        }
        if (row.handler == &SignInService::start_oidc || row.handler == &SignInService::finish_oidc)
            route.page_title = "Signing in did not work";
        if (row.handler == &SignInService::start_oidc) {
            route.query.push_back(
                {"tokens", R"({"type":"string","enum":["true"]})", "answer with tokens instead of a cookie"});
            route.query.push_back({"challenge", R"({"type":"string","pattern":"^[0-9a-f]{64}$"})",
                                   "SHA-256 of a verifier: end in a page that shows a code, for a command"});
        }
        // An identity provider writes it, and adds what it likes.
        route.foreign_query = row.handler == &SignInService::finish_oidc;
        route.handler = [&service, handler = row.handler](const ApiRequest& request) {
            return (service.*handler)(request);
        };
        routes.push_back(std::move(route));
    }
    return routes;
}

}  // namespace lurus::signin
