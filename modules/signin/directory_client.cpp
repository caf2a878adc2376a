#include "modules/signin/directory_client.hpp"

#include <spdlog/spdlog.h>

namespace lurus::signin {

Result<LdapPerson> DirectoryClient::check(std::string_view email, std::string_view password) {
    if (const auto known = failure_.before_try(clock_.monotonic_us())) return std::unexpected(*known);
    const OutsideLimit most = limit();
    auto person = ldap_check(settings_, email, password, most);
    if (most.stop.stop_requested()) {
        failure_.undecided();
    } else if (person || person.error().code != ErrorCode::unavailable) {
        failure_.succeeded();
    } else {
        spdlog::error("nobody can sign in with the directory: {}", person.error().message);
        failure_.failed(clock_.monotonic_us(), person.error());
    }
    if (!person && person.error().code == ErrorCode::internal)
        spdlog::error("the directory does not judge a sign-in: {}", person.error().message);
    return person;
}

std::optional<LdapTrouble> DirectoryClient::trouble() const {
    return ldap_trouble(settings_, limit());
}

}  // namespace lurus::signin
