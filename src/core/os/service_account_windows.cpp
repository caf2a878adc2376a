#include "core/os/service_account.hpp"

#include <openssl/sha.h>

#include <array>
#include <cstring>

#include "core/os/access_list.hpp"
#include "core/os/service.hpp"
#include "core/os/windows_api.hpp"
#include "core/text/ascii.hpp"
// after windows.h
#include <ntsecapi.h>
#include <sddl.h>

namespace lurus::platform {
namespace {

constexpr std::string_view own_accounts = "nt service\\";

}  // namespace

// SHA-1 of the name in capitals and UTF-16, as five numbers.
std::string service_sid(const std::string& service) {
    std::wstring name = windows::wide(service);
    ::CharUpperBuffW(name.data(), static_cast<DWORD>(name.size()));
    std::array<unsigned char, SHA_DIGEST_LENGTH> sum{};
    ::SHA1(reinterpret_cast<const unsigned char*>(name.data()), name.size() * sizeof(wchar_t), sum.data());
    std::string sid = "S-1-5-80";
    for (std::size_t at = 0; at < sum.size(); at += 4) {
        std::uint32_t number = 0;
        std::memcpy(&number, sum.data() + at, sizeof number);
        sid += "-" + std::to_string(number);
    }
    return sid;
}

bool account_has_password(const std::string& account) {
    const std::string name = lower_case(account);
    // A group managed account's is the domain's to know.
    return !account.empty() && !name.starts_with(own_accounts) && !name.starts_with("nt authority\\") &&
           name != "localsystem" && !name.ends_with('$');
}

Result<std::string> account_sid(const std::string& account) {
    const std::string name = lower_case(account);
    if (name.starts_with(own_accounts)) return service_sid(account.substr(own_accounts.size()));
    if (name == "localsystem") return "S-1-5-18";
    std::array<unsigned char, SECURITY_MAX_SID_SIZE> sid{};
    std::array<wchar_t, 256> domain{};
    DWORD size = sid.size(), domain_size = domain.size();
    SID_NAME_USE use = SidTypeUnknown;
    const std::string looked_for = name.starts_with(".\\") ? account.substr(2) : account;
    if (::LookupAccountNameW(nullptr, windows::wide(looked_for).c_str(), sid.data(), &size, domain.data(), &domain_size,
                             &use) == 0)
        return fail(ErrorCode::not_found, "there is no account " + account + " (" + windows::last_error() + ")");
    return windows::Sid(sid.data()).text();
}

Result<void> allow_service_logon(const std::string& sid) {
    PSID raw = nullptr;
    if (::ConvertStringSidToSidW(windows::wide(sid).c_str(), &raw) == 0)
        return fail(ErrorCode::internal, "the account has no identifier: " + windows::last_error());
    const windows::Local<void> owner(raw);
    LSA_OBJECT_ATTRIBUTES none{};
    LSA_HANDLE policy = nullptr;
    NTSTATUS status = ::LsaOpenPolicy(nullptr, &none, POLICY_CREATE_ACCOUNT | POLICY_LOOKUP_NAMES, &policy);
    if (status == 0) {
        std::wstring right = L"SeServiceLogonRight";
        const auto bytes = static_cast<USHORT>(right.size() * sizeof(wchar_t));
        LSA_UNICODE_STRING name{bytes, bytes, right.data()};
        status = ::LsaAddAccountRights(policy, raw, &name, 1);
        ::LsaClose(policy);
    }
    if (status == 0) return {};
    return fail(ErrorCode::unavailable,
                "the account may not be a service's: " + windows::text_of_error(::LsaNtStatusToWinError(status)));
}

}  // namespace lurus::platform
