#include "control/api/pages.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "core/http/problem.hpp"
#include "core/os/embedded.hpp"
#include "core/text/ascii.hpp"

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
constexpr std::string_view script_type = "text/javascript; charset=utf-8";
// One page, which looks at its own path.
constexpr std::array files = {
    File{"/", html, html_type},
    File{"/setup", html, html_type},
    File{"/invitation", html, html_type},
    File{"/verify", html, html_type},
    File{"/reset", html, html_type},
    File{"/forgot", html, html_type},
    File{"/sign-up", html, html_type},
    File{"/account.css", "src/control/pages/account.css", "text/css; charset=utf-8"},
    File{"/account.js", "src/control/pages/account.js", script_type},
    File{"/link.js", "src/control/pages/link.js", script_type},
    File{"/limits.js", "src/control/pages/limits.js", script_type},
    File{"/form.js", "src/control/pages/form.js", script_type},
};

// A page is not kept by the browser: what was typed into it does not come back with the button that goes back.
ApiResponse with_headers(ApiResponse response) {
    response.headers.emplace_back("cache-control", response.content_type == html_type ? "no-store" : "no-cache");
    response.headers.emplace_back("x-content-type-options", "nosniff");
    response.headers.emplace_back("referrer-policy", "no-referrer");
    response.headers.emplace_back("content-security-policy",
                                  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                                  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    response.headers.emplace_back("cross-origin-resource-policy", "same-origin");
    return response;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

// A detail begins in lower case, as what follows a colon.
std::string sentence(std::string text) {
    if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() -= 'a' - 'A';
    if (!text.empty() && std::string_view(".!?").find(text.back()) == std::string_view::npos) text += '.';
    return text;
}

void fill(std::string& page, std::string_view mark, std::string_view text) {
    for (auto at = page.find(mark); at != std::string::npos; at = page.find(mark, at + text.size()))
        page.replace(at, mark.size(), text);
}

ApiResponse refused(const ApiRequest& request, ApiResponse problem, std::string_view title) {
    return takes_page(request) ? page_of(std::move(problem), title) : with_headers(std::move(problem));
}

}  // namespace

bool takes_page(const ApiRequest& request) {
    std::string_view rest = request.header("accept");
    while (!rest.empty()) {
        const auto end = rest.find(',');
        std::string_view type = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        type = type.substr(0, type.find(';'));
        while (type.starts_with(' ')) type.remove_prefix(1);
        while (type.ends_with(' ')) type.remove_suffix(1);
        if (iequals(type, "text/html") || iequals(type, "application/xhtml+xml")) return true;
        if (iequals(type, "application/json") || iequals(type, "application/problem+json")) return false;
    }
    return false;
}

ApiResponse page_of(ApiResponse problem, std::string_view title) {
    const auto said = nlohmann::json::parse(problem.body, nullptr, false);
    ApiResponse page;
    page.status = problem.status;
    page.content_type = html_type;
    page.body = embedded_file("src/control/pages/refused.html");
    fill(page.body, "{{title}}", escaped(title));
    // Last: nothing is filled into what a request may have chosen.
    fill(page.body, "{{detail}}", escaped(sentence(said.is_object() ? said.value("detail", "") : "")));
    page = with_headers(std::move(page));
    page.headers.emplace_back("vary", "accept");
    for (auto& field : problem.headers) {
        const bool own = std::ranges::any_of(page.headers, [&](const auto& each) { return each.first == field.first; });
        if (!own) page.headers.push_back(std::move(field));
    }
    return page;
}

std::optional<ApiResponse> page_at(const ApiRequest& request, std::string_view target) {
    std::string_view path = target.substr(0, target.find_first_of("?#"));
    if (!path.starts_with(root)) return std::nullopt;
    path.remove_prefix(root.size());
    if (!path.empty() && path.front() != '/') return std::nullopt;
    if (path.empty()) path = "/";
    if (path.size() > 2 && path.ends_with('/')) path.remove_suffix(1);
    for (const auto& file : files) {
        if (file.path != path) continue;
        if (request.method != "GET" && request.method != "HEAD") {
            ApiResponse response = problem(405, "pages are only read");
            response.headers.emplace_back("allow", "GET, HEAD");
            return refused(request, std::move(response), "This page cannot do that");
        }
        ApiResponse response;
        response.body = embedded_file(file.source);
        response.content_type = file.type;
        return with_headers(std::move(response));
    }
    return refused(request, problem(404, "there is no such page; the address may be mistyped"), "Not found");
}

}  // namespace lurus::control
