#include "modules/gateway/attempt/forward_head.hpp"

#include <algorithm>
#include <array>

#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "core/text/concat.hpp"
#include "modules/gateway/attempt/alias.hpp"
#include "modules/gateway/session/presented_keys.hpp"

namespace lurus::gateway {
namespace {

/// What a field is to a proxy.
enum class Role : std::uint8_t {
    ordinary,
    hop_by_hop,
    handshake,  // hop-by-hop, but for an upgrade that is passed on
    host,
    expect,
    credential,
    length,
    encoding,
    coding,
    websocket,
    extensions,
    protocols,
    trace,
};

struct Known {
    std::string_view name;
    Role role;
};
constexpr std::array known_fields = std::to_array<Known>({
    {"host", Role::host},
    {"authorization", Role::credential},
    {"x-api-key", Role::credential},
    {"x-goog-api-key", Role::credential},
    {"api-key", Role::credential},
    {"content-length", Role::length},
    {"accept-encoding", Role::encoding},
    {"expect", Role::expect},
    {"connection", Role::handshake},
    {"upgrade", Role::handshake},
    {"keep-alive", Role::hop_by_hop},
    {"proxy-connection", Role::hop_by_hop},
    {"proxy-authenticate", Role::hop_by_hop},
    {"proxy-authorization", Role::hop_by_hop},
    {"te", Role::hop_by_hop},
    {"trailer", Role::hop_by_hop},
    {"transfer-encoding", Role::hop_by_hop},
    {"content-encoding", Role::coding},
    {"sec-websocket-extensions", Role::extensions},
    {"sec-websocket-key", Role::websocket},
    {"sec-websocket-accept", Role::websocket},
    {"sec-websocket-version", Role::websocket},
    {"sec-websocket-protocol", Role::protocols},
    {"x-lurus-trace-id", Role::trace},
});

/// The known fields by the length of their names, which tells nearly all other fields from them.
struct KnownByLength {
    static constexpr std::size_t longest = 24;
    std::array<Known, known_fields.size()> fields = known_fields;
    std::array<std::uint8_t, longest + 2> begin{};  // of each length, and the end

    consteval KnownByLength() {
        std::ranges::sort(fields, {}, [](const Known& known) { return known.name.size(); });
        for (const Known& known : fields) {
            for (std::size_t longer = known.name.size() + 1; longer < begin.size(); ++longer) ++begin[longer];
        }
        if (begin[longest + 1] != fields.size()) throw "a name is too long";
    }
    [[nodiscard]] Role of(std::string_view name) const {
        if (name.size() > longest) return Role::ordinary;
        for (std::size_t i = begin[name.size()]; i < begin[name.size() + 1]; ++i) {
            if (iequals(fields[i].name, name)) return fields[i].role;
        }
        return Role::ordinary;
    }
};
constexpr KnownByLength known_by_length;

/// One head's fields.
class Roles {
public:
    explicit Roles(const http1::Head& head) : head_(head), connection_(head.find("connection") != nullptr) {}

    [[nodiscard]] Role of(std::string_view name) const {
        const Role role = known_by_length.of(name);
        if (role != Role::ordinary || !connection_) return role;
        return head_.connection_lists(name) ? Role::hop_by_hop : Role::ordinary;
    }

private:
    const http1::Head& head_;
    const bool connection_;
};

bool begins(std::string_view name, std::string_view prefix) {
    return iequals(name.substr(0, prefix.size()), prefix);
}

// Of the account's limits per minute. What a subscription has left (`unified`) is nobody's but the vendor's to say.
bool is_rate_limit(std::string_view name) {
    return begins(name, "x-ratelimit-") ||
           (begins(name, "anthropic-ratelimit-") && !begins(name, "anthropic-ratelimit-unified"));
}

bool is_cookie(std::string_view name) {
    return name.size() == 6 && iequals(name, "cookie");
}

// Browsers send the cookie of a session with the console to all paths of its host, and it is no vendor's.
std::string without_sessions(std::string_view cookies) {
    std::string out;
    while (!cookies.empty()) {
        const std::size_t end = std::min(cookies.find(';'), cookies.size());
        std::string_view pair = cookies.substr(0, end);
        cookies.remove_prefix(std::min(end + 1, cookies.size()));
        while (pair.starts_with(' ') || pair.starts_with('\t')) pair.remove_prefix(1);
        std::string_view name = pair.substr(0, pair.find('='));
        for (const std::string_view prefix : {"__Host-", "__Secure-"}) {
            if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
        }
        if (pair.empty() || name == "lurus_session" || name == "lurus_oidc") continue;
        out.append(out.empty() ? "" : "; ").append(pair);
    }
    return out;
}

void add(std::string& out, std::string_view name, std::string_view value) {
    append_all(out, name, ": ", value, "\r\n");
}

void add_trace_id(std::string& out, const Id& id) {
    char hex[32];
    id.write_hex(hex);
    add(out, "x-lurus-trace-id", {hex, sizeof hex});
}

void add_credential(std::string& out, const Provider& provider, AuthScheme scheme) {
    const std::string_view secret = provider.credential.reveal();
    if (secret.empty()) return;
    switch (scheme) {
        case AuthScheme::none: break;
        case AuthScheme::bearer: append_all(out, "Authorization: Bearer ", secret, "\r\n"); break;
        case AuthScheme::x_api_key: add(out, "x-api-key", secret); break;
        case AuthScheme::x_goog_api_key: add(out, "x-goog-api-key", secret); break;
        case AuthScheme::api_key: add(out, "api-key", secret); break;
    }
}

std::string target_for(const http1::RequestHead& head, const Endpoint& endpoint, const Provider& provider,
                       const Url& base, const std::string& upstream_model) {
    std::string_view target = endpoint.target.empty() ? without_alias(head.target) : endpoint.target;
    std::string spliced;
    if (!endpoint.path_model.empty()) {
        const auto decoded = percent_decode(endpoint.path_model);
        if (!decoded || *decoded != upstream_model) {
            const std::size_t at = static_cast<std::size_t>(endpoint.path_model.data() - target.data());
            spliced.append(target.substr(0, at));
            // A model such as `tunedModels/x` keeps its slashes.
            for (char c : upstream_model) {
                if (c == '/') {
                    spliced += '/';
                } else {
                    spliced += percent_encode(std::string_view(&c, 1));
                }
            }
            spliced.append(target.substr(at + endpoint.path_model.size()));
            target = spliced;
        }
    }
    if (provider.kind == "azure-openai") return azure_target(base, provider.azure_api_version, upstream_model, target);
    return upstream_target(base, family_of(endpoint.dialect), target);
}

void add_unsigned(std::string& out, std::string_view name, std::uint64_t value) {
    add(out, name, Decimal(value));
}

}  // namespace

std::string upstream_head(const http1::RequestHead& head, const Endpoint& endpoint, const Target& target,
                          const std::string& upstream_model, std::optional<std::uint64_t> content_length,
                          bool websocket, const HeaderRules& rules, BodyCoding coding) {
    const Provider& provider = *target.provider;
    const FamilyEndpoint& upstream = target.endpoint();
    std::string out;
    out.reserve(1000);
    append_all(out, head.method, " ", target_for(head, endpoint, provider, upstream.base, upstream_model),
               " HTTP/1.1\r\nHost: ");
    append_authority(out, upstream.base);
    out += "\r\n";
    bool credential_sent = false;
    bool length_sent = false;
    bool encoding_sent = false;
    const Roles roles(head);
    for (const auto& [name, value] : head.fields) {
        switch (roles.of(name)) {
            case Role::host:
            case Role::expect:
            case Role::hop_by_hop: break;
            case Role::credential:
                if (!credential_sent) add_credential(out, provider, upstream.auth);
                credential_sent = true;
                break;
            case Role::length:
                if (content_length) add_unsigned(out, name, *content_length);
                length_sent = true;
                break;
            case Role::encoding:
                if (!encoding_sent) add(out, name, "identity");
                encoding_sent = true;
                break;
            case Role::handshake:
                if (websocket) add(out, name, value);
                break;
            case Role::extensions:
                // Compressed frames could not be read; without the extension both sides send them plain.
                if (!websocket) add(out, name, value);
                break;
            case Role::protocols:
                if (const std::string rest = without_keys(value); !rest.empty()) add(out, name, rest);
                break;
            case Role::coding:
                if (coding == BodyCoding::as_sent) add(out, name, value);
                break;
            case Role::websocket: add(out, name, value); break;
            case Role::trace:
            case Role::ordinary:
                if (rules.drops(name)) break;
                if (!is_cookie(name)) {
                    add(out, name, value);
                } else if (const std::string rest = without_sessions(value); !rest.empty()) {
                    add(out, name, rest);
                }
                break;
        }
    }
    if (!credential_sent) add_credential(out, provider, upstream.auth);
    if (!length_sent && content_length && (*content_length > 0 || (head.method != "GET" && head.method != "HEAD"))) {
        add_unsigned(out, "Content-Length", *content_length);
    }
    for (const auto& [name, value] : provider.headers) add(out, name, value);
    out += "\r\n";
    return out;
}

std::string downstream_head(const http1::ResponseHead& head, Framing framing,
                            std::optional<std::uint64_t> content_length, bool keep_alive, const Id& trace_id,
                            std::string_view limits, const HeaderRules& rules) {
    std::string out;
    out.reserve(1000);
    append_all(out, "HTTP/1.1 ", Decimal(static_cast<std::uint64_t>(head.status)), " ", head.reason, "\r\n");
    const Roles roles(head);
    for (const auto& [name, value] : head.fields) {
        const Role role = roles.of(name);
        if (role == Role::hop_by_hop || role == Role::handshake || role == Role::length || role == Role::trace)
            continue;
        if (role == Role::ordinary && rules.drops(name)) continue;
        if (!limits.empty() && is_rate_limit(name)) continue;
        add(out, name, value);
    }
    out.append(limits);
    add_trace_id(out, trace_id);
    if (framing == Framing::length && content_length) add_unsigned(out, "Content-Length", *content_length);
    if (framing == Framing::chunked) out += "Transfer-Encoding: chunked\r\n";
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    return out;
}

std::string switching_head(const http1::ResponseHead& head, const Id& trace_id, const HeaderRules& rules) {
    std::string out = "HTTP/1.1 101 Switching Protocols\r\n";
    const Roles roles(head);
    for (const auto& [name, value] : head.fields) {
        const Role role = roles.of(name);
        const bool kept = role == Role::handshake || role == Role::websocket || role == Role::protocols ||
                          role == Role::extensions || (role == Role::ordinary && !rules.drops(name));
        if (kept) add(out, name, value);
    }
    add_trace_id(out, trace_id);
    out += "\r\n";
    return out;
}

void ask_for_no_buffering(std::string& head) {
    constexpr std::string_view name = "\r\nx-accel-buffering:";
    auto same = [](char a, char b) { return lower(a) == b; };
    if (!std::ranges::search(head, name, same).empty()) return;
    head.insert(head.size() - 2, "X-Accel-Buffering: no\r\n");
}

std::string local_head(int status, std::string_view content_type, std::optional<std::uint64_t> content_length,
                       bool keep_alive, const Id* trace_id, std::string_view extra_fields) {
    std::string out;
    out.reserve(256);
    append_all(out, "HTTP/1.1 ", Decimal(static_cast<std::uint64_t>(status)), " ", reason_phrase(status), "\r\n");
    if (!content_type.empty()) add(out, "Content-Type", content_type);
    if (trace_id != nullptr) add_trace_id(out, *trace_id);
    out.append(extra_fields);
    if (content_length) add_unsigned(out, "Content-Length", *content_length);
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    return out;
}

std::optional<Id> trace_parent(std::string_view value) {
    // version "-" trace-id "-" parent-id "-" flags; a later version may have more behind.
    if (value.size() < 55 || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
    if (value.substr(0, 2) == "ff" || (value.substr(0, 2) == "00" && value.size() != 55)) return std::nullopt;
    const std::string_view hex = value.substr(3, 32);
    for (char c : hex) {
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    }
    const auto id = Id::parse(hex);
    if (!id || id->is_zero()) return std::nullopt;
    return id;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100: return "Continue";
        case 101: return "Switching Protocols";
        case 200: return "OK";
        case 201: return "Created";
        case 204: return "No Content";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 422: return "Unprocessable Content";
        case 426: return "Upgrade Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return "Status";
    }
}

}  // namespace lurus::gateway
