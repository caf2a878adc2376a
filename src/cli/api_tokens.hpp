#pragma once
// What a command shows a running server: one token for good, or those of a session, renewed as they run out.

#include <memory>
#include <optional>
#include <string>

#include "cli/login_store.hpp"
#include "core/http/http_client.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::cli {

/// As whom a command acts, for people.
struct ApiAccess {
    std::string by = "folder";  // `login`, `LURUS_ADMIN_TOKEN`, `admin.token`; `folder`: no server is asked
    std::optional<Login> login;
};

class ApiTokens {
public:
    virtual ~ApiTokens() = default;
    /// `unauthenticated` when there is none any more.
    virtual Result<Secret> token() = 0;
    /// The server did not take `refused`. Empty: there is no other, and its answer stands.
    virtual Result<std::optional<Secret>> instead_of(const Secret& refused) = 0;
    [[nodiscard]] virtual ApiAccess access() const = 0;
};

std::unique_ptr<ApiTokens> one_token(Secret token, std::string by);
/// `server` is how its server is reached.
std::unique_ptr<ApiTokens> tokens_of(LoginStore store, Login login, HttpCall server, const Clock& clock);

/// What the answer to signing in or to refreshing gives.
Result<Login> with_tokens(Login login, std::string_view answer, UnixMicros now);

}  // namespace lurus::cli
