#include "modules/signin/cookie.hpp"

#include <boost/asio/ip/address.hpp>

namespace lurus::signin {
namespace {

constexpr std::string_view api_path = "/api/v1";

std::string name_of(Cookie cookie, std::string_view prefix) {
    return std::string(prefix) + (cookie == Cookie::session ? "lurus_session" : "lurus_oidc");
}

std::string name_of(Cookie cookie, CookieKind kind) {
    return name_of(cookie, kind == CookieKind::secure ? "__Host-" : "");
}

std::string value_of(std::string_view rest, std::string_view wanted) {
    while (!rest.empty()) {
        const auto end = rest.find(';');
        std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        while (pair.starts_with(' ')) pair.remove_prefix(1);
        if (pair.starts_with(wanted) && pair.substr(wanted.size()).starts_with('='))
            return std::string(pair.substr(wanted.size() + 1));
    }
    return {};
}

}  // namespace

CookieKind cookie_kind(const ApiRequest& request, std::string_view public_url) {
    if (request.tls || public_url.starts_with("https://") || request.header("origin").starts_with("https://"))
        return CookieKind::secure;
    boost::system::error_code bad;
    const auto address = boost::asio::ip::make_address(request.remote_address, bad);
    return !bad && address.is_loopback() ? CookieKind::loopback : CookieKind::secure;
}

std::string cookie_value(const ApiRequest& request, Cookie cookie, std::string_view public_url) {
    const std::string_view sent = request.header("cookie");
    std::string value = value_of(sent, name_of(cookie, CookieKind::secure));
    if (value.empty()) value = value_of(sent, name_of(cookie, "__Secure-"));
    if (value.empty() && cookie_kind(request, public_url) == CookieKind::loopback)
        value = value_of(sent, name_of(cookie, CookieKind::loopback));
    return value;
}

std::string set_cookie(Cookie cookie, CookieKind kind, std::string_view value, std::int64_t seconds) {
    // Browsers refuse a `__Host-` cookie of another path.
    return name_of(cookie, kind) + "=" + std::string(value) +
           "; Path=" + std::string(kind == CookieKind::secure ? "/" : api_path) +
           "; Max-Age=" + std::to_string(seconds) + "; HttpOnly; SameSite=Lax" +
           (kind == CookieKind::secure ? "; Secure" : "");
}

}  // namespace lurus::signin
