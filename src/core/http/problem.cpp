#include "core/http/problem.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace lurus {
namespace {

std::string_view title_of(int status) {
    switch (status) {
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 409: return "Conflict";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 500: return "Internal Server Error";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        default: return status < 500 ? "Refused" : "Failed";
    }
}

}  // namespace

int http_status(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument: return 400;
        case ErrorCode::unauthenticated: return 401;
        case ErrorCode::permission_denied: return 403;
        case ErrorCode::not_found: return 404;
        case ErrorCode::conflict: return 409;
        case ErrorCode::stale: return 412;
        case ErrorCode::resource_exhausted: return 429;
        case ErrorCode::unavailable:
        case ErrorCode::corrupt: return 503;  // stored data is away until somebody puts it right
        case ErrorCode::timeout: return 504;
        case ErrorCode::internal: return 500;
    }
    return 500;
}

ApiResponse problem(int status, std::string_view detail, const std::optional<ErrorSubject>& subject) {
    nlohmann::ordered_json body;
    body["type"] = "about:blank";
    body["title"] = title_of(status);
    body["status"] = status;
    body["detail"] = detail;
    if (subject) body["subject"] = {{"kind", subject->kind}, {"name", subject->name}};
    ApiResponse response;
    response.status = status;
    response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    response.content_type = "application/problem+json";
    return response;
}

ApiResponse problem(const Error& error) {
    return problem(http_status(error.code), error.message, error.subject);
}

}  // namespace lurus
