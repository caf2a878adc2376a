#include "lurus/headers.hpp"

#include <algorithm>
#include <utility>

#include "core/text/ascii.hpp"
#include "core/text/glob.hpp"

namespace lurus {
namespace {

constexpr std::size_t no_letter = 26;
constexpr std::size_t wildcard = 27;

constexpr char plain(char c) {
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::size_t place_of(std::string_view text) {
    if (text.empty()) return no_letter;
    const char first = plain(text.front());
    if (first == '*' || first == '?') return wildcard;
    return first >= 'a' && first <= 'z' ? static_cast<std::size_t>(first - 'a') : no_letter;
}

// A bit for the character that tells names of one first letter apart: the second, or behind `x-`, as so many begin, the
// third. All bits where a pattern leaves it open.
std::uint32_t next_bit(std::string_view text) {
    const std::size_t at = text.size() > 2 && plain(text[1]) == '-' ? 2 : 1;
    if (text.size() <= at) return 1U << 27;
    const char c = plain(text[at]);
    if (c == '*' || c == '?') return ~0U;
    return 1U << (c >= 'a' && c <= 'z' ? static_cast<unsigned>(c - 'a') : 26U);
}

// `text` is plain already.
bool begins(std::string_view name, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (plain(name[i]) != text[i]) return false;
    }
    return true;
}

// Who a client is, and the way it came, as proxies, networks and browsers say it.
constexpr std::string_view from_clients[] = {
    // the client's address and the way here
    "cdn-loop",
    "cf-*",
    "client-ip",
    "cloudfront-*",
    "fastly-*",
    "fly-*",
    "forwarded",
    "incap-client-ip",
    "proxy-client-ip",
    "true-client-ip",
    "via",
    "wl-proxy-client-ip",
    "x-amz-cf-id",
    "x-amzn-trace-id",
    "x-appengine-*",
    "x-arr-*",
    "x-azure-clientip",
    "x-azure-fdid",
    "x-azure-ref",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-coming-from",
    "x-envoy-*",
    "x-forwarded*",
    "x-nf-*",
    "x-original-*",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-railway-*",
    "x-real-*",
    "x-remote-*",
    "x-request-start",
    "x-scheme",
    "x-sucuri-*",
    "x-vercel-*",
    "akamai-*",
    "x-akamai-*",
    // who signed in at a proxy
    "remote-*",
    "tailscale-*",
    "x-amzn-oidc-*",
    "x-auth-request-*",
    "x-authentik-*",
    "x-authenticated-*",
    "x-goog-authenticated-*",
    "x-goog-iap-*",
    "x-ms-client-principal*",
    "x-ms-token-*",
    "x-pomerium-*",
    "x-serverless-authorization",
    // what browsers keep and say
    "cookie",
    "cookie2",
    "origin",
    "referer",
    "sec-ch-*",
    "sec-fetch-*",
    "access-control-*",
    // ours
    "x-lurus-*",
};

// What is about the vendor's site and the machines in front of it.
constexpr std::string_view from_vendors[] = {
    "set-cookie",
    "set-cookie2",
    "alt-svc",
    "strict-transport-security",
    "public-key-pins*",
    "expect-ct",
    "content-security-policy*",
    "cross-origin-*",
    "access-control-*",
    "permissions-policy*",
    "feature-policy",
    "document-policy*",
    "referrer-policy",
    "x-frame-options",
    "x-xss-protection",
    "x-dns-prefetch-control",
    "x-permitted-cross-domain-policies",
    "x-download-options",
    "clear-site-data",
    "origin-agent-cluster",
    "service-worker-allowed",
    "speculation-rules",
    "accept-ch",
    "critical-ch",
    "nel",
    "report-to",
    "reporting-endpoints",
    "server",
    "server-timing",
    "via",
    "forwarded",
    "x-forwarded*",
    "x-powered-by",
    "x-aspnet*",
    "cf-*",
    "cdn-*",
    "x-amz-cf-*",
    "x-azure-ref",
    // orders to a proxy in front of us
    "x-accel-charset",
    "x-accel-expires",
    "x-accel-limit-rate",
    "x-accel-redirect",
    "x-lighttpd-send-file",
    "x-reproxy-*",
    "x-sendfile",
};

}  // namespace

void HeaderPatterns::add(std::string_view pattern) {
    Pattern made;
    made.text.resize(pattern.size());
    std::ranges::transform(pattern, made.text.begin(), plain);
    next_[place_of(made.text)] |= next_bit(made.text);
    if (is_glob(made.text)) {
        made.open_end =
            made.text.size() > 1 && glob_prefix(made.text).size() + 1 == made.text.size() && made.text.ends_with('*');
        made.glob = !made.open_end;
        if (made.open_end) made.text.pop_back();
    }
    patterns_.push_back(std::move(made));
}

void HeaderPatterns::prepare() {
    std::ranges::stable_sort(patterns_, {}, [](const Pattern& each) { return place_of(each.text); });
    for (std::size_t place = 0; place < begin_.size(); ++place) {
        const auto first =
            std::ranges::find_if(patterns_, [&](const Pattern& each) { return place_of(each.text) >= place; });
        begin_[place] = static_cast<std::uint16_t>(first - patterns_.begin());
    }
}

// Most patterns that are looked at have another length: those cost no call.
inline bool HeaderPatterns::matches(const Pattern& pattern, std::string_view name) {
    if (pattern.glob) return matches_glob(pattern.text, name);
    const std::size_t size = pattern.text.size();
    return (pattern.open_end ? name.size() >= size : name.size() == size) && begins(name, pattern.text);
}

bool HeaderPatterns::matches_glob(std::string_view glob, std::string_view name) {
    std::string text(name);
    std::ranges::transform(text, text.begin(), plain);
    return glob_match(glob, text);
}

bool HeaderPatterns::match(std::string_view name) const {
    const std::size_t place = std::min(place_of(name), no_letter);
    const bool possible = (next_[place] & next_bit(name)) != 0;
    for (std::size_t i = begin_[place]; possible && i < begin_[place + 1]; ++i) {
        if (matches(patterns_[i], name)) return true;
    }
    for (std::size_t i = begin_[wildcard]; i < begin_[wildcard + 1]; ++i) {
        if (matches(patterns_[i], name)) return true;
    }
    return false;
}

HeaderRules::HeaderRules(std::span<const std::string_view> defaults, std::vector<std::string> drop,
                         std::vector<std::string> pass)
    : drop_(std::move(drop)), pass_(std::move(pass)) {
    for (const std::string_view each : defaults) dropped_.add(each);
    for (const std::string& each : drop_) dropped_.add(each);
    for (const std::string& each : pass_) passed_.add(each);
    dropped_.prepare();
    passed_.prepare();
}

std::span<const std::string_view> default_drops_from_clients() {
    return from_clients;
}

std::span<const std::string_view> default_drops_from_vendors() {
    return from_vendors;
}

}  // namespace lurus
