#include "cli/fetch_url.hpp"

#include <chrono>
#include <optional>

#include "core/http/http_client.hpp"
#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "lurus/ip_address.hpp"

namespace lurus::cli {
namespace {

constexpr int most_redirects = 5;
constexpr std::chrono::minutes longest_fetch{2};

struct Place {
    Url url;
    std::string target;  // path and query
    std::string shown;
};

bool is_this_machine(const std::string& host) {
    if (lower_case(host) == "localhost") return true;
    const auto address = IpAddress::parse(host);
    return address && (address->text() == "::1" || address->text().starts_with("127."));
}

Result<Place> target_of_url(std::string_view text) {
    text = text.substr(0, text.find('#'));
    const auto question = text.find('?');
    auto url = Url::parse(text.substr(0, question));
    if (!url) return std::unexpected(url.error());
    if (!url->tls && !is_this_machine(url->host)) {
        return fail(ErrorCode::invalid_argument,
                    "'" + std::string(text) + "': whoever is on the way could change it: give an https:// address");
    }
    Place place{*std::move(url), {}, std::string(text)};
    place.target = place.url.path.empty() ? "/" : place.url.path;
    if (question != std::string_view::npos) place.target += text.substr(question);
    return place;
}

// A Location may be whole, without its scheme, or of the same host (RFC 3986 §4.2).
std::string resolved(const Place& from, std::string_view location) {
    const std::string scheme = from.url.tls ? "https:" : "http:";
    if (is_web_address(location)) return std::string(location);
    if (location.starts_with("//")) return scheme + std::string(location);
    const std::string host = scheme + "//" + from.url.authority();
    if (location.starts_with('/')) return host + std::string(location);
    const std::string path = from.url.path.substr(0, from.url.path.rfind('/') + 1);
    return host + (path.empty() ? "/" : path) + std::string(location);
}

std::string megabytes(std::size_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

bool is_web_address(std::string_view text) {
    const std::string scheme = lower_case(text.substr(0, 8));
    return scheme.starts_with("https://") || scheme.starts_with("http://");
}

Result<Fetched> fetch_url(const std::string& url, std::size_t most_bytes,
                          const std::function<void(std::size_t)>& progress) {
    auto place = target_of_url(url);
    OutsideLimit limit;
    limit.until = std::chrono::steady_clock::now() + longest_fetch;
    for (int redirects = 0; place; ++redirects) {
        std::string text;
        bool too_large = false;
        HttpCall call;
        call.url = place->url;
        call.target = place->target;
        call.headers = {{"accept", "application/json, */*;q=0.5"}, {"user-agent", "lurus"}};
        call.timeout_ms = 30'000;
        call.limit = limit;
        call.max_body_bytes = 1 << 20;
        call.on_piece = [&](std::string_view piece) {
            too_large = text.size() + piece.size() > most_bytes;
            if (too_large || limit.over()) return false;
            text += piece;
            progress(text.size());
            return true;
        };
        const auto answer = http_exchange(call);
        if (!answer) return fail(answer.error().code, place->shown + ": " + answer.error().message);
        if (too_large)
            return fail(ErrorCode::resource_exhausted, place->shown + " is larger than " + megabytes(most_bytes));
        if (limit.over()) return fail(ErrorCode::timeout, place->shown + " did not come within two minutes");
        if (answer->status >= 200 && answer->status < 300) return Fetched{std::move(text), place->shown};
        const std::string_view location = answer->header("location");
        if (answer->status / 100 != 3 || location.empty()) {
            return fail(answer->status == 404 ? ErrorCode::not_found : ErrorCode::unavailable,
                        place->shown + ": the server answered " + std::to_string(answer->status));
        }
        if (redirects == most_redirects)
            return fail(ErrorCode::unavailable,
                        url + " redirects more than " + std::to_string(most_redirects) + " times");
        auto next = target_of_url(resolved(*place, location));
        if (next && place->url.tls && !next->url.tls) {
            return fail(ErrorCode::invalid_argument,
                        place->shown + " redirects from HTTPS to HTTP, where whoever is on the way could change it");
        }
        place = std::move(next);
    }
    return std::unexpected(place.error());
}

}  // namespace lurus::cli
