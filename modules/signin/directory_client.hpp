#pragma once
// The directory of the configuration, as sign-ins ask it: within its timeout, and not at all for some seconds after it
// could not be asked.

#include <string>
#include <string_view>
#include <utility>

#include "lurus/clock.hpp"
#include "lurus/outside.hpp"
#include "modules/signin/ldap.hpp"
#include "modules/signin/remembered_failure.hpp"

namespace lurus::signin {

/// Any thread. Replaced when the configuration is read again.
class DirectoryClient {
public:
    /// `outside` may be null.
    DirectoryClient(LdapSettings settings, const Clock& clock, const OutsideCalls* outside)
        : settings_(std::move(settings)), clock_(clock), outside_(outside) {}

    [[nodiscard]] const LdapSettings& settings() const { return settings_; }
    /// As `ldap_check`. What keeps everybody out is in the log, once for each try.
    Result<LdapPerson> check(std::string_view email, std::string_view password);
    /// Asks it now, whatever was before.
    [[nodiscard]] std::optional<LdapTrouble> trouble() const;

private:
    [[nodiscard]] OutsideLimit limit() const {
        return limit_within(outside_, std::chrono::milliseconds(settings_.timeout_ms));
    }

    const LdapSettings settings_;
    const Clock& clock_;
    const OutsideCalls* const outside_;
    RememberedFailure failure_;
};

}  // namespace lurus::signin
