#include "control/api/pages.hpp"

#include <array>
#include <string>

#include "core/http/problem.hpp"
#include "core/os/embedded.hpp"

namespace lurus::control {
namespace {

constexpr std::string_view root = "/console";

struct File {
    std::string_view path;
    std::string_view source;
    std::string_view type;
};

constexpr std::string_view html = "src/control/pages/account.html";
constexpr std::string_view html_type = "text/html; charset=utf-8";
// One page, which looks at its own path.
constexpr std::array files = {
    File{"/", html, html_type},
    File{"/setup", html, html_type},
    File{"/invitation", html, html_type},
    File{"/verify", html, html_type},
    File{"/reset", html, html_type},
    File{"/account.css", "src/control/pages/account.css", "text/css; charset=utf-8"},
    File{"/account.js", "src/control/pages/account.js", "text/javascript; charset=utf-8"},
};

ApiResponse with_headers(ApiResponse response) {
    response.headers.emplace_back("cache-control", "no-cache");
    response.headers.emplace_back("x-content-type-options", "nosniff");
    response.headers.emplace_back("referrer-policy", "no-referrer");
    response.headers.emplace_back("content-security-policy",
                                  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                                  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    response.headers.emplace_back("cross-origin-resource-policy", "same-origin");
    return response;
}

}  // namespace

std::optional<ApiResponse> page_at(std::string_view method, std::string_view target) {
    std::string_view path = target.substr(0, target.find_first_of("?#"));
    if (!path.starts_with(root)) return std::nullopt;
    path.remove_prefix(root.size());
    if (!path.empty() && path.front() != '/') return std::nullopt;
    if (path.empty()) path = "/";
    for (const auto& file : files) {
        if (file.path != path) continue;
        if (method != "GET" && method != "HEAD") {
            ApiResponse refused = problem(405, "pages are only read");
            refused.headers.emplace_back("allow", "GET, HEAD");
            return with_headers(std::move(refused));
        }
        ApiResponse response;
        response.body = embedded_file(file.source);
        response.content_type = file.type;
        return with_headers(std::move(response));
    }
    return with_headers(problem(404, "there is no such page"));
}

}  // namespace lurus::control
