#include "core/http/url.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/text/ascii.hpp"
#include "core/text/concat.hpp"

namespace lurus {
namespace {

constexpr std::uint16_t default_port(bool tls) {
    return tls ? 443 : 80;
}

bool is_host_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
}

bool is_ipv6_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
}

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}

struct Target {
    std::string_view path;
    std::string_view query;  // without the question mark
};

Target split(std::string_view target) {
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) return {target, {}};
    return {target.substr(0, mark), target.substr(mark + 1)};
}

/// The path without its leading version segment; `/v1` alone gives an empty path.
std::string_view without_version(std::string_view path) {
    if (!path.starts_with('/')) return path;
    const auto end = path.find('/', 1);
    if (!is_version_segment(path.substr(1, end == std::string_view::npos ? end : end - 1))) return path;
    return end == std::string_view::npos ? std::string_view{} : path.substr(end);
}

void append_query(std::string& out, std::string_view query, std::string_view dropped) {
    char separator = out.find('?') == std::string::npos ? '?' : '&';
    while (!query.empty()) {
        const auto end = query.find('&');
        const std::string_view part = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (part.empty()) continue;
        const auto name = percent_decode(part.substr(0, part.find('=')));
        if (name && (*name == "key" || *name == "api-key" || (!dropped.empty() && *name == dropped))) continue;
        out += separator;
        out += part;
        separator = '&';
    }
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    // Not echoed before it is known to hold no password.
    const auto scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) {
        return bad("the URL has no scheme; write it as https://host/path or http://host:port/path");
    }
    std::string scheme(text.substr(0, scheme_end));
    std::ranges::transform(scheme, scheme.begin(), lower);
    Url url;
    if (scheme == "https") {
        url.tls = true;
    } else if (scheme != "http") {
        return bad("the URL's scheme is not http or https");
    }
    std::string_view rest = text.substr(scheme_end + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    rest.remove_prefix(authority.size());
    if (authority.find('@') != std::string_view::npos) {
        return bad(
            "the URL holds a user name or password; give the credential as api_key, api_key_env or api_key_file "
            "instead");
    }
    const std::string shown = "'" + std::string(text) + "'";
    if (rest.ends_with('#')) {
        url.exact = true;
        rest.remove_suffix(1);
    }
    if (rest.find_first_of("?#") != std::string_view::npos)
        return bad("the URL must end with its path: it holds a query or a fragment");
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
            return bad(
                "the URL holds a space, a control character or a letter outside ASCII (write such a host in its xn-- "
                "form)");
        }
    }

    std::string_view host = authority;
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return bad("the URL " + shown + " has a [ without its ]");
        host = authority.substr(1, close - 1);
        const std::string_view after = authority.substr(close + 1);
        if (!after.empty() && after[0] != ':') return bad("the URL " + shown + " has text between ] and its port");
        has_port = !after.empty();
        if (has_port) port = after.substr(1);
    } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        port = authority.substr(colon + 1);
        has_port = true;
        if (port.find(':') != std::string_view::npos)
            return bad("the URL " + shown + " has two ports, or an IPv6 address without [ ]");
    }
    url.host.assign(host);
    std::ranges::transform(url.host, url.host.begin(), lower);
    if (url.host.empty()) return bad("the URL " + shown + " has no host");
    const bool ipv6 = authority.starts_with('[');
    if (!std::ranges::all_of(url.host, ipv6 ? is_ipv6_char : is_host_char) || (ipv6 && !url.host.contains(':'))) {
        return bad("the URL " + shown + " has an invalid host");
    }
    url.port = default_port(url.tls);
    if (has_port) {
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
        if (error != std::errc{} || end != port.data() + port.size() || url.port == 0) {
            return bad("the URL " + shown + " has an invalid port; it is a number from 1 to 65535");
        }
    }
    while (rest.ends_with('/')) rest.remove_suffix(1);
    url.path.assign(rest);
    return url;
}

std::string Url::authority() const {
    std::string out;
    append_authority(out, *this);
    return out;
}

void append_authority(std::string& out, const Url& url) {
    const bool v6 = url.host.find(':') != std::string::npos;
    if (v6) {
        append_all(out, "[", url.host, "]");
    } else {
        out += url.host;
    }
    if (url.port != default_port(url.tls)) append_all(out, ":", Decimal(url.port));
}

bool is_version_segment(std::string_view segment) {
    if (segment.size() < 2 || segment[0] != 'v' || !is_digit(segment[1])) return false;
    segment.remove_prefix(1);
    const auto drop_digits = [&segment] {
        while (!segment.empty() && is_digit(segment[0])) segment.remove_prefix(1);
    };
    drop_digits();
    if (segment.empty()) return true;
    if (segment.starts_with("alpha")) {
        segment.remove_prefix(5);
    } else if (segment.starts_with("beta")) {
        segment.remove_prefix(4);
    } else {
        return false;
    }
    drop_digits();
    return segment.empty();
}

namespace {

std::string_view last_segment(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::string_view parent(std::string_view path) {
    return path.substr(0, std::min(path.rfind('/'), path.size()));
}

bool has_version(std::string_view base_path) {
    // Google's OpenAI endpoint: /v1beta/openai takes /chat/completions.
    if (last_segment(base_path) == "openai" && is_version_segment(last_segment(parent(base_path)))) return true;
    return is_version_segment(last_segment(base_path));
}

// OpenAI's paths follow without a version at these: Cloudflare, GitHub, Databricks, Vertex.
constexpr std::string_view whole_ends[] = {"compat", "inference", "serving-endpoints", "openapi"};
constexpr std::string_view whole_hosts[] = {"models.inference.ai.azure.com", "api.perplexity.ai",
                                            "api.githubcopilot.com"};
// Below a gateway of Cloudflare's: those that stand for a base which has its version already.
constexpr std::string_view cloudflare_whole[] = {"openai", "groq", "deepseek", "perplexity-ai", "cerebras"};

bool takes_bare_paths(const Url& base, Family family) {
    if (base.exact || has_version(base.path)) return true;
    if (family != Family::openai) return false;
    const std::string_view last = last_segment(base.path);
    if (std::ranges::find(whole_ends, last) != std::end(whole_ends)) return true;
    if (base.path.empty()) return std::ranges::find(whole_hosts, base.host) != std::end(whole_hosts);
    if (base.host == "gateway.ai.cloudflare.com")
        return std::ranges::find(cloudflare_whole, last) != std::end(cloudflare_whole);
    return base.host.ends_with(".services.ai.azure.com") && base.path == "/models";
}

// What somebody has copied with the endpoint that they called.
constexpr std::string_view endpoint_paths[] = {"/chat/completions",
                                               "/completions",
                                               "/responses",
                                               "/embeddings",
                                               "/models",
                                               "/images/generations",
                                               "/images/edits",
                                               "/audio/speech",
                                               "/moderations",
                                               "/rerank",
                                               "/audio/transcriptions",
                                               "/files",
                                               "/batches",
                                               "/realtime",
                                               "/cachedContents",
                                               "/messages",
                                               "/messages/batches",
                                               "/messages/count_tokens"};

bool drop_end(std::string& path, std::string_view end) {
    if (!path.ends_with(end)) return false;
    path.resize(path.size() - end.size());
    while (path.ends_with('/')) path.pop_back();
    return true;
}

}  // namespace

Url without_endpoint(Url pasted) {
    if (pasted.exact) return pasted;
    std::string& path = pasted.path;
    // `/models/gemini-2.5-pro:generateContent`, and one model of a list.
    const std::string_view last = last_segment(path);
    if (last_segment(parent(path)) == "models" && (last.contains(':') || last.starts_with("gemini-"))) {
        path.resize(parent(path).size());
        drop_end(path, "/models");
        return pasted;
    }
    if (path == "/models" && pasted.host.ends_with(".services.ai.azure.com")) return pasted;
    std::string_view longest;
    for (const std::string_view end : endpoint_paths) {
        if (end.size() > longest.size() && path.ends_with(end)) longest = end;
    }
    if (!longest.empty()) drop_end(path, longest);
    return pasted;
}

std::string upstream_target(const Url& base, Family family, std::string_view incoming_target) {
    const auto [path, query] = split(incoming_target);
    const std::string_view bare = without_version(path);
    std::string out;
    out.reserve(base.path.size() + incoming_target.size() + 4);
    out += base.path;
    if (family == Family::gemini &&
        (path.starts_with("/upload/") || path.starts_with("/download/") || path.starts_with("/ws/"))) {
        // Google has these before the version.
        if (is_version_segment(last_segment(out))) out.resize(parent(out).size());
        out += path;
    } else if (takes_bare_paths(base, family)) {
        out += bare;
    } else {
        if (bare.size() == path.size()) out += "/v1";
        out += path;
    }
    append_query(out, query, {});
    return out;
}

std::string azure_target(const Url& base, std::string_view api_version, std::string_view deployment,
                         std::string_view incoming_target) {
    constexpr std::string_view per_deployment[] = {"/chat/", "/completions", "/embeddings", "/images/", "/audio/"};
    const auto [path, query] = split(incoming_target);
    const std::string_view bare = without_version(path);
    std::string out = base.path;
    for (auto at = out.find("/openai"); at != std::string::npos; at = out.find("/openai", at + 1)) {
        if (at + 7 == out.size() || out[at + 7] == '/') {
            out.resize(at);
            break;
        }
    }
    out += "/openai";
    if (api_version.empty()) {
        out += "/v1";
        out += bare;
        append_query(out, query, {});
        return out;
    }
    if (!deployment.empty() &&
        std::ranges::any_of(per_deployment, [&](std::string_view p) { return bare.starts_with(p); })) {
        out += "/deployments/" + percent_encode(deployment);
    }
    out += bare;
    out += "?api-version=" + percent_encode(api_version);
    if (bare == "/realtime" && !deployment.empty()) out += "&deployment=" + percent_encode(deployment);
    append_query(out, query, "api-version");
    return out;
}

std::string to_string(const Url& url) {
    return (url.tls ? "https://" : "http://") + url.authority() + url.path + (url.exact ? "#" : "");
}

std::optional<std::string> percent_decode(std::string_view text) {
    const auto nibble = [](char c) {
        if (is_digit(c)) return c - '0';
        c = lower(c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = nibble(text[i + 1]);
        const int low = nibble(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return out;
}

}  // namespace lurus
