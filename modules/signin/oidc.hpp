#pragma once
// The relying party's side of OpenID Connect: authorization code with PKCE, state and nonce.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/outside.hpp"
#include "lurus/signin.hpp"
#include "modules/signin/jose.hpp"
#include "modules/signin/remembered_failure.hpp"

namespace lurus::signin {

/// What one sign-in at a provider waits with. The state is what the browser brings back.
struct OidcRequest {
    std::string state, nonce, verifier;
    std::string url;  // where to send the browser
};

/// Whom the provider vouches for.
struct OidcPerson {
    std::string subject, email, name;
    bool email_verified = false;
    bool email_judged = false;  // whether the address is verified was said, or need not be
    std::vector<std::string> groups;
    std::string groups_said;  // the same for the audit, or why there are none
};

/// One provider. Any thread; blocks while it asks the provider, until its timeout at most. Its documents are kept for
/// an hour; several that want them at once share one try, and its failure is everybody's for some seconds.
class OidcClient {
public:
    /// `outside` may be null.
    OidcClient(OidcSettings settings, const Clock& clock, const OutsideCalls* outside)
        : settings_(std::move(settings)), clock_(clock), outside_(outside) {}

    [[nodiscard]] const OidcSettings& settings() const { return settings_; }
    /// Reads the documents now, whatever was before: what keeps people from signing in, if anything does.
    [[nodiscard]] std::optional<Error> trouble() const;
    Result<OidcRequest> begin(const std::string& redirect_uri);
    /// `unauthenticated` when what the provider says does not hold.
    Result<OidcPerson> finish(const std::string& redirect_uri, const std::string& code, const OidcRequest& request);

private:
    struct Documents {
        std::string authorization, token, userinfo, jwks_uri;
        bool basic = true;  // how the client shows its secret at the token endpoint
        std::vector<Jwk> keys;
        UnixMicros read = 0;
    };
    using DocumentsPtr = std::shared_ptr<const Documents>;
    [[nodiscard]] OutsideLimit limit() const {
        return limit_within(outside_, std::chrono::milliseconds(settings_.timeout_ms));
    }
    Result<DocumentsPtr> documents(UnixMicros not_before, const OutsideLimit& limit);
    Result<DocumentsPtr> documents_read(const OutsideLimit& limit);
    Result<DocumentsPtr> read_documents(const OutsideLimit& limit) const;
    Result<std::string> fetch(const std::string& url, const std::string& bearer, const OutsideLimit& limit) const;
    Result<std::string> exchange(const Documents& documents, const std::string& redirect_uri, const std::string& code,
                                 const std::string& verifier, const OutsideLimit& limit) const;
    Result<std::string> verified_payload(std::string_view token, const OutsideLimit& limit);
    /// The answer to what was asked at the end of a sign-in, remembered where nobody answers.
    Result<std::string> remembered(Result<std::string> answer, const OutsideLimit& limit);

    const OidcSettings settings_;
    const Clock& clock_;
    const OutsideCalls* const outside_;
    RememberedFailure no_documents_;  // to read the documents
    RememberedFailure no_answer_;     // at the end of a sign-in
    std::mutex mutex_;                // what follows
    std::condition_variable_any changed_;
    bool reading_ = false;
    DocumentsPtr documents_;
};

/// Judges an id_token's claims (OpenID Connect Core §3.1.3.7). `now` in microseconds.
Result<OidcPerson> person_from_claims(std::string_view payload, const OidcSettings& settings, std::string_view nonce,
                                      UnixMicros now);

/// The claims of an id_token with those that only the user information has. Where both say something the signed ones
/// stay; what is said of another address than theirs is left out. JSON objects, as text.
std::string merged_claims(std::string_view id_token, std::string_view user_information);

/// For the audit: ten names at most, printable and cut, and how many more there are.
std::string shown_names(const std::vector<std::string>& names);

/// The highest role that one of the groups has; empty when none has one.
std::optional<Role> role_of_groups(const std::map<std::string, Role>& roles, const std::vector<std::string>& groups);

}  // namespace lurus::signin
