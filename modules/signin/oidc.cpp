#include "modules/signin/oidc.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/crypto/random_text.hpp"
#include "core/crypto/sha256.hpp"
#include "core/http/http_client.hpp"
#include "core/http/url.hpp"
#include "core/text/base64.hpp"

namespace lurus::signin {
namespace {

using nlohmann::json;

constexpr std::int64_t documents_live = 3600'000'000;  // microseconds
constexpr std::int64_t documents_rest = 60'000'000;    // before an unknown key makes us read them again
constexpr int longest_call_ms = 60'000;                // the limit is what counts
constexpr std::size_t max_document = 1 << 20;

std::string answer_text(const json& object, std::string_view name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

bool is_loopback(const Url& url) {
    return url.host == "localhost" || url.host == "::1" || url.host.starts_with("127.");
}

/// Tokens and secrets go there: over TLS, or to this machine.
Result<HttpCall> call_to(const std::string& url, const std::string& ca_file, const OutsideLimit& limit) {
    auto parsed = Url::parse(url.substr(0, url.find('?')));
    if (!parsed) return fail(ErrorCode::unavailable, "the provider names an address that cannot be read");
    if (!parsed->tls && !is_loopback(*parsed))
        return fail(ErrorCode::unavailable, "the provider names " + parsed->authority() + " without TLS");
    HttpCall call;
    call.url = *parsed;
    const auto path = url.find('/', url.find("://") + 3);
    call.target = path == std::string::npos ? "/" : url.substr(path);
    call.headers = {{"accept", "application/json"}};
    call.connect_timeout_ms = call.timeout_ms = longest_call_ms;
    call.max_body_bytes = max_document;
    call.ca_file = ca_file;
    call.limit = limit;
    return call;
}

/// `timeout`: nobody answered; `unavailable` and `unauthenticated` by the answer's status.
Result<std::string> answered(const HttpCall& call, std::string_view what) {
    auto answer = http_exchange(call);
    if (!answer) return fail(ErrorCode::timeout, std::string(what) + ": " + answer.error().message);
    if (answer->status == 200) return std::move(answer->body);
    // RFC 6749 §5.2: the error's code is fit to show, a description may not be.
    const auto body = json::parse(answer->body, nullptr, false);
    const std::string code = body.is_object() ? answer_text(body, "error").substr(0, 60) : std::string();
    return fail(answer->status < 500 ? ErrorCode::unauthenticated : ErrorCode::unavailable,
                std::string(what) + " answered " + std::to_string(answer->status) + (code.empty() ? "" : " " + code));
}

std::string form(const std::vector<std::pair<std::string_view, std::string>>& fields) {
    std::string out;
    for (const auto& [name, value] : fields)
        out += (out.empty() ? "" : "&") + std::string(name) + "=" + percent_encode(value);
    return out;
}

}  // namespace

Result<std::string> OidcClient::fetch(const std::string& url, const std::string& bearer,
                                      const OutsideLimit& limit) const {
    auto call = call_to(url, settings_.ca_file, limit);
    if (!call) return std::unexpected(call.error());
    if (!bearer.empty()) call->headers.emplace_back("authorization", "Bearer " + bearer);
    return answered(*call, url);
}

Result<OidcClient::DocumentsPtr> OidcClient::documents(UnixMicros not_before, const OutsideLimit& limit) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (documents_ && clock_.now() - documents_->read < documents_live && documents_->read >= not_before)
            return documents_;
        if (!reading_) break;
        if (!changed_.wait_until(lock, limit.stop, limit.until, [this] { return !reading_; }))
            return fail(ErrorCode::timeout, settings_.issuer + ": its documents did not come in time");
    }
    if (limit.over()) return fail(ErrorCode::timeout, settings_.issuer + ": there is no time left to ask it");
    if (auto known = no_documents_.before_try(clock_.monotonic_us())) return std::unexpected(*std::move(known));
    reading_ = true;
    lock.unlock();
    auto next = documents_read(limit);
    lock.lock();
    reading_ = false;
    changed_.notify_all();
    if (next) documents_ = *next;
    return next;
}

Result<OidcClient::DocumentsPtr> OidcClient::documents_read(const OutsideLimit& limit) {
    Result<DocumentsPtr> next = fail(ErrorCode::internal, "");
    try {
        next = read_documents(limit);
    } catch (const std::exception& e) {  // whoever waits for it must not wait for ever
        next = fail(ErrorCode::internal, settings_.issuer + ": " + e.what());
    }
    if (next) {
        no_documents_.succeeded();
    } else if (limit.stop.stop_requested()) {
        no_documents_.undecided();
    } else {
        spdlog::error("nobody can sign in with the provider {}: {}", settings_.name, next.error().message);
        no_documents_.failed(clock_.monotonic_us(), next.error());
    }
    return next;
}

std::optional<Error> OidcClient::trouble() const {
    const auto read = read_documents(limit());
    return read ? std::nullopt : std::optional(read.error());
}

Result<OidcClient::DocumentsPtr> OidcClient::read_documents(const OutsideLimit& limit) const {
    const UnixMicros now = clock_.now();
    std::string issuer = settings_.issuer;
    while (issuer.ends_with('/')) issuer.pop_back();
    const auto text = fetch(issuer + "/.well-known/openid-configuration", "", limit);
    if (!text) return std::unexpected(text.error());
    const auto found = json::parse(*text, nullptr, false);
    if (!found.is_object() || answer_text(found, "issuer") != settings_.issuer)
        return fail(ErrorCode::unavailable,
                    "the discovery document of " + settings_.issuer + " names another issuer: " +
                        (found.is_object() ? shown_names({answer_text(found, "issuer")}) : "it is no object"));
    auto next = std::make_shared<Documents>();
    next->authorization = answer_text(found, "authorization_endpoint");
    next->token = answer_text(found, "token_endpoint");
    next->userinfo = answer_text(found, "userinfo_endpoint");
    next->jwks_uri = answer_text(found, "jwks_uri");
    if (next->authorization.empty() || next->token.empty() || next->jwks_uri.empty())
        return fail(ErrorCode::unavailable, "the discovery document of " + settings_.issuer + " lacks an endpoint");
    const auto methods = found.find("token_endpoint_auth_methods_supported");
    next->basic = methods == found.end() || std::ranges::find(*methods, json("client_secret_basic")) != methods->end();
    const auto keys = fetch(next->jwks_uri, "", limit);
    if (!keys) return std::unexpected(keys.error());
    const auto set = json::parse(*keys, nullptr, false);
    if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array())
        return fail(ErrorCode::unavailable, "the keys of " + settings_.issuer + " are no key set");
    for (const auto& entry : set["keys"]) {
        auto key = Jwk::parse(entry.dump());
        if (key) next->keys.push_back(*std::move(key));  // of a kind that we do not know: another will do
    }
    next->read = now;
    return next;
}

Result<OidcRequest> OidcClient::begin(const std::string& redirect_uri) {
    // Whoever is sent there now could not come back.
    if (auto recent = no_answer_.recent(clock_.monotonic_us())) return std::unexpected(*std::move(recent));
    const auto known = documents(0, limit());
    if (!known) return std::unexpected(known.error());
    OidcRequest request;
    for (std::string* text : {&request.state, &request.nonce, &request.verifier}) {
        const auto made = make_key("");
        if (!made) return std::unexpected(made.error());
        *text = made->reveal();
    }
    const auto digest = sha256(request.verifier);
    const std::string challenge =
        base64url(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
    std::string scope;
    for (const auto& name : settings_.scopes) scope += (scope.empty() ? "" : " ") + name;
    const std::string& endpoint = (*known)->authorization;
    request.url = endpoint + (endpoint.find('?') == std::string::npos ? "?" : "&") +
                  form({{"response_type", "code"},
                        {"client_id", settings_.client_id},
                        {"redirect_uri", redirect_uri},
                        {"scope", scope},
                        {"state", request.state},
                        {"nonce", request.nonce},
                        {"code_challenge", challenge},
                        {"code_challenge_method", "S256"}});
    return request;
}

Result<std::string> OidcClient::exchange(const Documents& known, const std::string& redirect_uri,
                                         const std::string& code, const std::string& verifier,
                                         const OutsideLimit& limit) const {
    auto call = call_to(known.token, settings_.ca_file, limit);
    if (!call) return std::unexpected(call.error());
    std::vector<std::pair<std::string_view, std::string>> fields = {{"grant_type", "authorization_code"},
                                                                    {"code", code},
                                                                    {"redirect_uri", redirect_uri},
                                                                    {"code_verifier", verifier}};
    const std::string secret(settings_.client_secret.reveal());
    if (!secret.empty() && known.basic) {
        call->headers.emplace_back(
            "authorization", "Basic " + base64(percent_encode(settings_.client_id) + ":" + percent_encode(secret)));
    } else {
        fields.emplace_back("client_id", settings_.client_id);
        if (!secret.empty()) fields.emplace_back("client_secret", secret);
    }
    call->method = "POST";
    call->headers.emplace_back("content-type", "application/x-www-form-urlencoded");
    call->body = form(fields);
    return answered(*call, "the token endpoint of " + settings_.issuer);
}

Result<std::string> OidcClient::verified_payload(std::string_view token, const OutsideLimit& limit) {
    const auto header = jwt_header(token);
    if (!header) return std::unexpected(header.error());
    UnixMicros not_before = 0;
    for (int round = 0; round < 2; ++round) {
        const auto known = documents(not_before, limit);
        if (!known) return std::unexpected(known.error());
        for (const auto& key : (*known)->keys) {
            const bool named = header->kid.empty() ? (*known)->keys.size() == 1 : key.kid() == header->kid;
            if (!named) continue;
            return jwt_verify(token, key, foreign_algorithms);
        }
        // The provider may have rotated its keys since.
        if (clock_.now() - (*known)->read < documents_rest) break;
        not_before = clock_.now();
    }
    return fail(ErrorCode::unauthenticated, "the provider's id_token is signed with a key that it does not publish");
}

// An answer that refuses is one person's; only silence is everybody's.
Result<std::string> OidcClient::remembered(Result<std::string> answer, const OutsideLimit& limit) {
    if (limit.stop.stop_requested()) {
        no_answer_.undecided();
    } else if (answer || answer.error().code != ErrorCode::timeout) {
        no_answer_.succeeded();
    } else {
        no_answer_.failed(clock_.monotonic_us(), answer.error());
    }
    return answer;
}

Result<OidcPerson> OidcClient::finish(const std::string& redirect_uri, const std::string& code,
                                      const OidcRequest& request) {
    const OutsideLimit limit = this->limit();
    const auto known = documents(0, limit);
    if (!known) return std::unexpected(known.error());
    if (auto before = no_answer_.before_try(clock_.monotonic_us())) return std::unexpected(*std::move(before));
    const auto text = remembered(exchange(**known, redirect_uri, code, request.verifier, limit), limit);
    if (!text) return std::unexpected(text.error());
    const auto tokens = json::parse(*text, nullptr, false);
    if (!tokens.is_object()) return fail(ErrorCode::unauthenticated, "the provider's answer holds no tokens");
    const auto payload = verified_payload(answer_text(tokens, "id_token"), limit);
    if (!payload) return std::unexpected(payload.error());
    auto person = person_from_claims(*payload, settings_, request.nonce, clock_.now());
    if (!person) return person;
    const bool wants_groups = !settings_.roles.empty() && person->groups.empty();
    const bool complete = !person->email.empty() && person->email_judged && !wants_groups;
    if (complete || (*known)->userinfo.empty()) return person;
    // OpenID Connect Core §5.4: with a code, claims of scopes may be at the UserInfo endpoint only.
    const auto more = remembered(fetch((*known)->userinfo, answer_text(tokens, "access_token"), limit), limit);
    // Whoever is known here already needs no more than who they are.
    if (!more && !person->email.empty() && !wants_groups) return person;
    if (!more) return std::unexpected(more.error());
    const auto claims = json::parse(*more, nullptr, false);
    if (!claims.is_object() || answer_text(claims, "sub") != person->subject)
        return fail(ErrorCode::unauthenticated, "the provider's user information is about somebody else");
    return person_from_claims(merged_claims(*payload, *more), settings_, request.nonce, clock_.now());
}

}  // namespace lurus::signin
