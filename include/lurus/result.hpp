#pragma once
// Expected failure. An exception that leaves a module is a bug.

#include <expected>
#include <string>
#include <utility>

namespace lurus {

enum class ErrorCode {
    invalid_argument,  // the caller sent something wrong
    not_found,
    conflict,  // exists already, or changed meanwhile
    stale,     // the version that the caller named is not the one there is
    unauthenticated,
    permission_denied,
    resource_exhausted,  // a limit or a full queue
    unavailable,         // a database, a vendor or a file that is away for now
    timeout,
    corrupt,  // stored data that cannot be what we wrote
    internal,
};

/// `message` names what was wrong, where, and what to do. It never holds a secret.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;

    Error(ErrorCode c, std::string m) : code(c), message(std::move(m)) {}
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
    return std::unexpected<Error>(Error(code, std::move(message)));
}

}  // namespace lurus
