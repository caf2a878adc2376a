#include "modules/gateway/session/browser.hpp"

#include <algorithm>

#include "core/text/ascii.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t most_shown = 200;

struct Origin {
    std::string_view scheme, host, port;
};

// `null` and other words have neither scheme nor port.
Origin parts_of(std::string_view text) {
    Origin out;
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) {
        out.host = text;
        return out;
    }
    out.scheme = text.substr(0, scheme);
    text.remove_prefix(scheme + 3);
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos) {
        out.port = text.substr(colon + 1);
        text = text.substr(0, colon);
    }
    if ((iequals(out.scheme, "https") && out.port == "443") || (iequals(out.scheme, "http") && out.port == "80"))
        out.port = {};
    out.host = text;
    return out;
}

bool matches(std::string_view pattern, std::string_view text) {
    if (pattern == "*") return true;
    const Origin wanted = parts_of(pattern), given = parts_of(text);
    if (!iequals(wanted.scheme, given.scheme)) return false;
    if (wanted.port != "*" && wanted.port != given.port) return false;
    if (wanted.host == "*") return true;
    if (!wanted.host.starts_with("*.")) return iequals(wanted.host, given.host);
    const std::string_view below = wanted.host.substr(1);
    return given.host.size() > below.size() && iequals(given.host.substr(given.host.size() - below.size()), below);
}

std::string_view without_port(std::string_view host) {
    if (!host.starts_with('[')) return host.substr(0, host.find(':'));
    const std::size_t end = std::min(host.find(']'), host.size() - 1) + 1;
    return end == host.size() || host[end] == ':' ? host.substr(0, end) : host;
}

bool is_loopback(const IpAddress& address) {
    static const IpRange v4 = *IpRange::parse("127.0.0.0/8");
    static const IpRange v6 = *IpRange::parse("::1/128");
    return v4.contains(address) || v6.contains(address);
}

// A page that the gateway itself served.
bool is_same_origin(std::string_view origin, std::string_view host) {
    const std::size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos || host.empty()) return false;
    const std::string_view name = origin.substr(0, scheme);
    return (name == "http" || name == "https") && iequals(origin.substr(scheme + 3), host);
}

std::string quoted(std::string_view text) {
    return "\"" + std::string(text.substr(0, most_shown)) + "\"";
}

ForeignPage page(std::string message) {
    ForeignPage out;
    out.reason = "origin";
    out.message = std::move(message);
    return out;
}

}  // namespace

bool is_listed_origin(const std::vector<std::string>& patterns, std::string_view origin) {
    return std::ranges::any_of(patterns, [origin](const std::string& pattern) { return matches(pattern, origin); });
}

bool is_own_host(std::string_view host, const std::vector<std::string>& allowed) {
    std::string_view name = without_port(host);
    if (name.starts_with('[') && !name.ends_with(']')) return false;
    if (const auto address = IpAddress::parse(name)) {
        return is_loopback(*address) ||
               std::ranges::any_of(allowed, [&](const std::string& each) { return IpAddress::parse(each) == address; });
    }
    if (name.ends_with('.')) name.remove_suffix(1);
    constexpr std::string_view local = "localhost", below = ".localhost";
    if (iequals(name, local)) return true;
    if (name.size() > below.size() && iequals(name.substr(name.size() - below.size()), below)) return true;
    return std::ranges::any_of(allowed, [name](const std::string& each) { return iequals(each, name); });
}

bool is_preflight(const http1::RequestHead& head) {
    return head.method == "OPTIONS" && head.find("origin") != nullptr &&
           head.find("access-control-request-method") != nullptr;
}

std::string cors_fields(std::string_view origin) {
    std::string out = "Access-Control-Allow-Origin: ";
    out.append(origin);
    // Where credentials are included `*` is a name like any other, so what matters most is named.
    out +=
        "\r\nAccess-Control-Expose-Headers: *, x-lurus-trace-id, x-request-id, request-id, retry-after\r\n"
        "Vary: Origin\r\n";
    return out;
}

std::string preflight_fields(const http1::RequestHead& head, std::string_view origin) {
    std::string out = "Access-Control-Allow-Origin: ";
    out.append(origin);
    out += "\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n";
    if (const auto wanted = head.value("access-control-request-headers"); !wanted.empty())
        out.append("Access-Control-Allow-Headers: ").append(wanted).append("\r\n");
    if (iequals(head.value("access-control-request-private-network"), "true"))
        out += "Access-Control-Allow-Private-Network: true\r\n";
    out +=
        "Access-Control-Max-Age: 600\r\n"
        "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n";
    return out;
}

std::string with_cors(std::string head, std::string_view cors) {
    constexpr std::string_view prefix = "access-control-";
    if (cors.empty()) return head;
    std::size_t line = head.find("\r\n") + 2;
    while (line + 2 < head.size()) {
        const std::size_t end = head.find("\r\n", line) + 2;
        if (iequals(std::string_view(head).substr(line, prefix.size()), prefix)) {
            head.erase(line, end - line);
        } else {
            line = end;
        }
    }
    head.insert(head.size() - 2, cors);
    return head;
}

std::optional<ForeignPage> foreign_host(const http1::RequestHead& head, const GatewaySettings& settings) {
    if (head.host.empty() || is_own_host(head.host, settings.allowed_hosts)) return std::nullopt;
    ForeignPage out;
    out.reason = "host";
    out.message = "this listener asks for no key and answers to localhost only, not to the Host " + quoted(head.host) +
                  ": name it in server.allowed_hosts, or send a key";
    return out;
}

std::optional<ForeignPage> foreign_page(const http1::RequestHead& head, const GatewaySettings& settings) {
    if (auto other = foreign_host(head, settings)) return other;
    bool named = false;
    for (const http1::Field& field : head.fields) {
        if (!iequals(field.name, "origin")) continue;
        named = true;
        if (is_listed_origin(settings.cors_origins, field.value) || is_same_origin(field.value, head.host)) continue;
        return page("this listener asks for no key and takes no requests of web pages of " + quoted(field.value) +
                    ": name that origin in server.cors_origins, or send a key");
    }
    if (named) return std::nullopt;
    const std::string_view site = head.value("sec-fetch-site");
    if (site.empty() || iequals(site, "same-origin") || iequals(site, "none")) return std::nullopt;
    return page("this listener asks for no key and takes no requests of another site's web page");
}

}  // namespace lurus::gateway
