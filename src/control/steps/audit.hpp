#pragma once
// Every change through the management API, and every sign-in, ends up in the audit or is refused.

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/dispatcher.hpp"
#include "lurus/audit.hpp"
#include "lurus/clock.hpp"
#include "lurus/signin.hpp"
#include "lurus/users.hpp"

namespace lurus::control {

/// Any thread. A change of somebody who is signed in has an entry before it is made and one after it; what anybody may
/// do (signing in) has one entry when something came of it.
class ApiAudit {
public:
    ApiAudit(Audit& audit, Users& users, const Clock& clock) : audit_(audit), users_(users), clock_(clock) {}

    /// Whose GETs tell how things were before a change. Set before the first request.
    void set_routes(const std::vector<ApiRoute>& routes);

    /// An `ApiDispatcher::Step`.
    ApiResponse run(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next);
    /// `SignIn::before_change`: stores that it was begun, which `note` or the request's end then completes.
    Result<void> begin(const SignInEvent& event);
    /// `SignIn::on_event`: part of the request that it belongs to, or an entry of its own.
    void note(const SignInEvent& event);
    /// Something that this program did by itself.
    void note_own(std::string action, std::string why, int status);

private:
    ApiResponse run_change(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next);
    ApiResponse run_public(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next);
    [[nodiscard]] AuditEntry entry_of(const ApiRoute& route, const ApiRequest& request) const;
    [[nodiscard]] std::string as_it_is(const ApiRoute& route, const ApiRequest& request) const;
    void describe(AuditEntry& entry, const SignInEvent& event);
    [[nodiscard]] bool is_repeated(const SignInEvent& event);

    Audit& audit_;
    Users& users_;
    const Clock& clock_;
    std::map<std::string, const ApiRoute*> readers_;  // GETs by path

    std::mutex mutex_;  // what follows
    std::map<std::string, UnixMicros> refused_;
};

/// The JSON with the values of members that hold secrets, by their names but for those in `plain`, replaced; empty when
/// it is no JSON object or list.
std::string without_secrets(std::string_view json, const std::vector<std::string>& plain = {});

}  // namespace lurus::control
