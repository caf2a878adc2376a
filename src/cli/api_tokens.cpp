#include "cli/api_tokens.hpp"

#include "core/json/json_value.hpp"

namespace lurus::cli {
namespace {

// A request that is on its way must not meet the end of its token.
constexpr std::int64_t renew_before = 10'000'000;  // microseconds

class OneToken final : public ApiTokens {
public:
    OneToken(Secret token, std::string by) : token_(std::move(token)), by_(std::move(by)) {}
    Result<Secret> token() override { return token_; }
    Result<std::optional<Secret>> instead_of(const Secret&) override { return std::nullopt; }
    [[nodiscard]] ApiAccess access() const override {
        ApiAccess out;
        out.by = by_;
        return out;
    }

private:
    Secret token_;
    std::string by_;
};

class SessionTokens final : public ApiTokens {
public:
    SessionTokens(LoginStore store, Login login, HttpCall server, const Clock& clock)
        : store_(std::move(store)), login_(std::move(login)), server_(std::move(server)), clock_(clock) {}

    Result<Secret> token() override {
        if (is_fresh(login_)) return login_.access_token;
        return renewed(login_.access_token);
    }
    Result<std::optional<Secret>> instead_of(const Secret& refused) override {
        auto other = renewed(refused);
        if (!other) return std::unexpected(other.error());
        return *std::move(other);
    }
    [[nodiscard]] ApiAccess access() const override {
        ApiAccess out;
        out.by = "login";
        out.login = login_;
        return out;
    }

private:
    [[nodiscard]] bool is_fresh(const Login& login) const { return login.access_expires > clock_.now() + renew_before; }
    [[nodiscard]] std::unexpected<Error> over(std::string_view why) const {
        return fail(ErrorCode::unauthenticated, "you are not signed in at " + login_.server + " any more (" +
                                                    std::string(why) + "): run `lurus login`");
    }

    // A refresh token works once, and a second use of it ends the session: whoever holds the lock uses it, the others
    // find what came of that in the file.
    Result<Secret> renewed(const Secret& unfit) {
        const auto lock = store_.lock();
        if (!lock) return std::unexpected(lock.error());
        auto stored = store_.find(login_.server);
        if (!stored) return std::unexpected(stored.error());
        if (!*stored) return over("signed out meanwhile");
        login_ = **std::move(stored);
        if (login_.access_token.reveal() != unfit.reveal() && is_fresh(login_)) return login_.access_token;
        if (auto ok = store_.check_writable(); !ok) return std::unexpected(ok.error());
        return refreshed();
    }

    Result<Secret> refreshed() {
        HttpCall call = server_;
        call.method = "POST";
        call.target = "/api/v1/auth/refresh";
        call.headers = {{"content-type", "application/json"}, {"accept", "application/json"}};
        call.body = dump({{"refresh_token", login_.refresh_token.reveal()}});
        const auto answer = http_exchange(call);
        if (!answer)
            return fail(answer.error().code == ErrorCode::timeout ? ErrorCode::unavailable : answer.error().code,
                        "the server at " + login_.server + " does not answer (" + answer.error().message +
                            "); you are signed in there");
        const Json body = Json::parse(answer->body, nullptr, false);
        if (answer->status == 401) return over(text_of(body, "detail"));
        if (answer->status != 200)
            return fail(ErrorCode::unavailable,
                        "the server at " + login_.server + " did not renew your sign-in: " + text_of(body, "detail"));
        auto next = with_tokens(login_, answer->body, clock_.now());
        if (!next) return std::unexpected(next.error());
        if (auto saved = store_.save(*next); !saved) return std::unexpected(saved.error());
        login_ = *std::move(next);
        return login_.access_token;
    }

    LoginStore store_;
    Login login_;
    HttpCall server_;
    const Clock& clock_;
};

}  // namespace

std::unique_ptr<ApiTokens> one_token(Secret token, std::string by) {
    return std::make_unique<OneToken>(std::move(token), std::move(by));
}

std::unique_ptr<ApiTokens> tokens_of(LoginStore store, Login login, HttpCall server, const Clock& clock) {
    return std::make_unique<SessionTokens>(std::move(store), std::move(login), std::move(server), clock);
}

Result<Login> with_tokens(Login login, std::string_view answer, UnixMicros now) {
    const Json body = Json::parse(answer, nullptr, false);
    login.access_token = Secret(text_of(body, "access_token"));
    login.refresh_token = Secret(text_of(body, "refresh_token"));
    if (login.access_token.empty() || login.refresh_token.empty())
        return fail(ErrorCode::unavailable, "the answer of " + login.server + " holds no tokens: is that lurus?");
    login.access_expires = now + number_of(body, "expires_in").value_or(0) * 1'000'000;
    login.expires = now + number_of(body, "refresh_expires_in").value_or(0) * 1'000'000;
    if (const std::string email = text_of(member(body, "user"), "email"); !email.empty()) login.email = email;
    return login;
}

}  // namespace lurus::cli
