#pragma once
// Expected failure. An exception that leaves a module is a bug.

#include <expected>
#include <optional>
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

/// The thing that an error is about, for those who know where it was declared.
struct ErrorSubject {
    std::string kind;  // `provider`, `route`, `key`, `user` ...
    std::string name;

    ErrorSubject(std::string k, std::string n) : kind(std::move(k)), name(std::move(n)) {}
};

/// `message` names what was wrong, where, and what to do. Neither it nor the subject ever holds a secret.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
    std::optional<ErrorSubject> subject;

    Error(ErrorCode c, std::string m, std::optional<ErrorSubject> s = std::nullopt)
        : code(c), message(std::move(m)), subject(std::move(s)) {}
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message,
                                   std::optional<ErrorSubject> subject = std::nullopt) {
    return std::unexpected<Error>(Error(code, std::move(message), std::move(subject)));
}

/// The error, about this thing where it does not name one already.
inline Error about(Error error, std::string kind, std::string name) {
    if (!error.subject) error.subject.emplace(std::move(kind), std::move(name));
    return error;
}

}  // namespace lurus
