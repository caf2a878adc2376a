#include "core/os/access_list.hpp"

// after windows.h
#include <aclapi.h>
#include <sddl.h>

#include <algorithm>
#include <array>

namespace lurus::windows {
namespace {

namespace fs = std::filesystem;

constexpr ACCESS_MASK reading = FILE_READ_DATA | GENERIC_READ | GENERIC_ALL;

struct Security {
    Local<void> descriptor;
    PSID owner = nullptr;
    PACL list = nullptr;
    bool own = false;  // nothing of it is inherited
};

std::optional<Security> security_of(const fs::path& path) {
    Security found;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD code =
        ::GetNamedSecurityInfoW(path.c_str(), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                &found.owner, nullptr, &found.list, nullptr, &descriptor);
    if (code != ERROR_SUCCESS) {
        ::SetLastError(code);
        return std::nullopt;
    }
    found.descriptor.reset(descriptor);
    SECURITY_DESCRIPTOR_CONTROL control = 0;
    DWORD revision = 0;
    found.own =
        ::GetSecurityDescriptorControl(descriptor, &control, &revision) != 0 && (control & SE_DACL_PROTECTED) != 0;
    return found;
}

struct Grant {
    PSID who = nullptr;
    ACCESS_MASK mask = 0;
};

// Of a list, what it allows on the thing itself.
std::vector<Grant> grants_of(PACL list) {
    std::vector<Grant> out;
    for (DWORD i = 0; list != nullptr && i < list->AceCount; ++i) {
        void* entry = nullptr;
        if (::GetAce(list, i, &entry) == 0) continue;
        auto* allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
        if (allowed->Header.AceType != ACCESS_ALLOWED_ACE_TYPE || (allowed->Header.AceFlags & INHERIT_ONLY_ACE) != 0)
            continue;
        out.push_back({&allowed->SidStart, allowed->Mask});
    }
    return out;
}

bool is_known(PSID sid, WELL_KNOWN_SID_TYPE type) {
    return ::IsWellKnownSid(sid, type) != 0;
}

}  // namespace

Sid::Sid(PSID sid) : bytes_(::GetLengthSid(sid)) {
    ::CopySid(static_cast<DWORD>(bytes_.size()), bytes_.data(), sid);
}

bool Sid::operator==(const Sid& other) const {
    return ::EqualSid(get(), other.get()) != 0;
}

std::string Sid::text() const {
    wchar_t* raw = nullptr;
    if (::ConvertSidToStringSidW(get(), &raw) == 0) return {};
    const Local<wchar_t> owner(raw);
    return utf8(raw);
}

std::string Sid::name() const {
    std::array<wchar_t, 256> name{};
    std::array<wchar_t, 256> domain{};
    DWORD name_size = name.size();
    DWORD domain_size = domain.size();
    SID_NAME_USE use = SidTypeUnknown;
    if (::LookupAccountSidW(nullptr, get(), name.data(), &name_size, domain.data(), &domain_size, &use) == 0)
        return text();
    return domain_size == 0 ? utf8(name.data()) : utf8(domain.data()) + "\\" + utf8(name.data());
}

const Sid& own_account() {
    static const Sid own = [] {
        Handle token;
        std::array<unsigned char, sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE> room{};
        DWORD size = 0;
        const bool told = ::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, token.out()) != 0 &&
                          ::GetTokenInformation(token.get(), TokenUser, room.data(), room.size(), &size) != 0;
        if (told) return Sid(reinterpret_cast<TOKEN_USER*>(room.data())->User.Sid);
        std::array<unsigned char, SECURITY_MAX_SID_SIZE> nobody{};
        DWORD nobody_size = nobody.size();
        ::CreateWellKnownSid(WinNullSid, nullptr, nobody.data(), &nobody_size);
        return Sid(nobody.data());
    }();
    return own;
}

bool is_account(PSID sid) {
    if (is_known(sid, WinLocalServiceSid) || is_known(sid, WinNetworkServiceSid)) return false;
    const auto* authority = ::GetSidIdentifierAuthority(sid);
    constexpr SID_IDENTIFIER_AUTHORITY nt = SECURITY_NT_AUTHORITY;
    if (std::equal(std::begin(nt.Value), std::end(nt.Value), std::begin(authority->Value)) &&
        *::GetSidSubAuthorityCount(sid) > 1 && *::GetSidSubAuthority(sid, 0) == SECURITY_SERVICE_ID_BASE_RID)
        return true;  // NT SERVICE\lurus
    std::array<wchar_t, 256> name{};
    std::array<wchar_t, 256> domain{};
    DWORD name_size = name.size();
    DWORD domain_size = domain.size();
    SID_NAME_USE use = SidTypeUnknown;
    return ::LookupAccountSidW(nullptr, sid, name.data(), &name_size, domain.data(), &domain_size, &use) != 0 &&
           use == SidTypeUser;
}

std::vector<Sid> trusted_accounts(const fs::path& place) {
    std::error_code ec;
    std::vector<Sid> out;
    for (fs::path at = fs::absolute(place, ec); !ec; at = at.parent_path()) {
        const auto found = security_of(at);
        if (found && found->own) {
            for (const auto& grant : grants_of(found->list)) {
                if ((grant.mask & FILE_ALL_ACCESS) == FILE_ALL_ACCESS && is_account(grant.who))
                    out.emplace_back(grant.who);
            }
            return out;
        }
        if (at == at.parent_path()) return out;
    }
    return out;
}

Local<void> private_access(const fs::path& place, AccessOf what) {
    std::vector<Sid> who = trusted_accounts(place);
    if (std::ranges::find(who, own_account()) == who.end()) who.push_back(own_account());
    const std::string flags = what == AccessOf::folder ? "OICI" : "";
    std::string list = "D:P";
    for (const auto& sid : who) list += "(A;" + flags + ";FA;;;" + sid.text() + ")";
    for (const char* known : {"SY", "BA"}) list += "(A;" + flags + ";FA;;;" + known + ")";
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    ::ConvertStringSecurityDescriptorToSecurityDescriptorW(wide(list).c_str(), SDDL_REVISION_1, &descriptor, nullptr);
    return Local<void>(descriptor);
}

DWORD give_access(const fs::path& path, void* descriptor) {
    constexpr SECURITY_INFORMATION what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    return ::SetFileSecurityW(path.c_str(), what, descriptor) != 0 ? ERROR_SUCCESS : ::GetLastError();
}

bool others_may_read(const fs::path& path) {
    const auto found = security_of(path);
    if (!found) return false;
    if (found->list == nullptr) return true;  // no list: everybody
    const std::vector<Sid> trusted = trusted_accounts(path.parent_path());
    return std::ranges::any_of(grants_of(found->list), [&](const Grant& grant) {
        if ((grant.mask & reading) == 0) return false;
        const bool ours = (found->owner != nullptr && ::EqualSid(grant.who, found->owner) != 0) ||
                          is_known(grant.who, WinLocalSystemSid) || is_known(grant.who, WinBuiltinAdministratorsSid) ||
                          is_known(grant.who, WinCreatorOwnerRightsSid);
        const Sid who(grant.who);
        return !ours && who != own_account() && std::ranges::find(trusted, who) == trusted.end();
    });
}

std::optional<Sid> owner_sid(const fs::path& path) {
    const auto found = security_of(path);
    if (!found || found->owner == nullptr) return std::nullopt;
    return Sid(found->owner);
}

bool is_own(const Sid& sid) {
    BOOL member = FALSE;
    return sid == own_account() || (::CheckTokenMembership(nullptr, sid.get(), &member) != 0 && member != FALSE);
}

}  // namespace lurus::windows
