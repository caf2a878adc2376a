#pragma once
// The accounts that services run as on Windows. Only sources for Windows include it.

#include <string>

#include "lurus/result.hpp"

namespace lurus::platform {

/// `S-1-5-80-...` of `NT SERVICE\lurus`, which needs no account to be there: it follows from the service's name.
std::string service_sid(const std::string& service);
/// The identifier of an account by its name: a service's own, `LocalSystem`, `NT AUTHORITY\LocalService`, `DOMAIN\ann`.
Result<std::string> account_sid(const std::string& account);
/// Lets the account be that of a service.
Result<void> allow_service_logon(const std::string& sid);

}  // namespace lurus::platform
