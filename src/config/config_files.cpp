#include "config/config_files.hpp"

#include <algorithm>
#include <filesystem>

#include "core/io/server_certificate.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"

namespace lurus::config {
namespace {

using Level = FileFinding::Level;

constexpr const char* renew = "renew it: a running server reads it again by itself";

class FileCheck {
public:
    FileCheck(const Config& config, UnixMicros now) : config_(config), now_(now) {}

    void listener(const ListenerSettings& listener) {
        if (listener.certificate_file.empty()) return;
        const std::string where = position("listener " + listener.address, "server.tls");
        const auto read = read_server_certificate(listener.certificate_file, listener.private_key_file);
        if (!read) return add(Level::unusable, where, read.error().message);
        const std::string name = "the certificate " + listener.certificate_file + " of " + listener.address;
        const std::size_t before = findings.size();
        for (const auto& warning : read->warnings) add(Level::bad, where, warning);
        if (!read->gap.empty())
            add(Level::soon, where, read->gap, "append the certificates of the authorities in between to the file");
        if (platform::readable_by_all(listener.private_key_file))
            add(Level::soon, where, "all users may read the private key " + listener.private_key_file,
                platform::private_hint(listener.private_key_file));
        const std::string dates = date_problem(read->facts, now_), soon = expires_soon(read->facts, now_);
        if (!dates.empty()) {
            add(Level::bad, where, name + " " + dates);
        } else if (!soon.empty()) {
            add(Level::soon, where, name + " " + soon, renew);
        } else if (findings.size() == before) {
            add(Level::good, where, name + " is valid until " + format_time(read->facts.not_after).substr(0, 10));
        }
    }

    // A bundle of many roots always has some that are about to end.
    void roots(const std::string& file, const std::string& where, const std::string& whose) {
        if (file.empty()) return;
        const std::string name = whose + "'s ca_file " + file;
        const auto text = read_file(file);
        if (!text) return add(Level::unusable, where, whose + "'s ca_file: " + text.error().message);
        const auto certificates = read_certificates(*text);
        if (!certificates) return add(Level::unusable, where, name + " " + certificates.error().message);
        const auto last = std::ranges::max_element(*certificates, {}, &CertificateFacts::not_after);
        if (const auto dates = date_problem(*last, now_); !dates.empty())
            return add(Level::bad, where, name + " holds no valid certificate: \"" + last->subject + "\" " + dates);
        constexpr std::size_t many = 10;
        for (const auto& each : *certificates) {
            const std::string dates = date_problem(each, now_), soon = expires_soon(each, now_);
            if (certificates->size() > many && &each != &*last) continue;
            if (!dates.empty()) add(Level::soon, where, name + ": \"" + each.subject + "\" " + dates, renew);
            if (!soon.empty()) add(Level::soon, where, name + ": \"" + each.subject + "\" " + soon, renew);
        }
    }

    [[nodiscard]] std::string position(const std::string& declared, const std::string& option) const {
        if (const auto found = config_.positions.find(declared); found != config_.positions.end()) return found->second;
        const auto origin = config_.origins.lower_bound(option);
        return origin != config_.origins.end() && origin->first.starts_with(option) ? origin->second : option;
    }

    std::vector<FileFinding> findings;

private:
    void add(Level level, const std::string& where, const std::string& what, const std::string& fix = {}) {
        if (std::ranges::none_of(findings, [&](const auto& f) { return f.what == what; }))
            findings.push_back({level, where, what, fix});
    }

    const Config& config_;
    const UnixMicros now_;
};

}  // namespace

std::vector<FileFinding> check_files(const Config& config, UnixMicros now) {
    FileCheck check(config, now);
    for (const auto& listener : config.gateway.listeners) check.listener(listener);
    for (const auto& provider : config.providers)
        check.roots(provider.ca_file, check.position("provider " + provider.name, "provider"),
                    "provider " + provider.name);
    for (const auto& oidc : config.auth.oidc)
        check.roots(oidc.ca_file, check.position("auth.oidc " + oidc.name, "auth.oidc"), "auth.oidc " + oidc.name);
    for (const auto& ldap : config.auth.ldap)
        check.roots(ldap.ca_file, check.position("", "auth.ldap.ca_file"), "auth.ldap");
    check.roots(config.auth.mail.ca_file, check.position("", "mail.ca_file"), "mail");
    return std::move(check.findings);
}

}  // namespace lurus::config
