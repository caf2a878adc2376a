#pragma once
// What a request of the management API carries from the steps to its handler and back.

#include <optional>
#include <vector>

#include "lurus/audit.hpp"
#include "lurus/signin.hpp"

namespace lurus {

/// One request's, or one piece of work's that goes on after its answer; one thread at a time.
struct RequestContext {
    /// What the entries of a request start with; empty = nobody waits for an answer, and each event is an entry.
    std::optional<AuditEntry> base;
    std::vector<SignInEvent> events;  // that were told so far
    std::optional<AuditEntry> begun;  // as it was stored before the change, with its number
};

}  // namespace lurus
