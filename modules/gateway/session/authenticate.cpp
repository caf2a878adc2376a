#include "modules/gateway/session/presented_keys.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace {

EarlyRefusal bad_key(const Request& request, std::string_view reason, const char* problem) {
    return EarlyRefusal(401, reason, problem,
                        request.family == Family::openai ? "WWW-Authenticate: Bearer\r\n" : std::string_view());
}

}  // namespace

// Of several credentials the first counts that is a key of ours and may be used; what is left is for nobody else.
std::optional<EarlyRefusal> authenticate(const Session& session, Request& request) {
    PresentedKeys presented(request.head);
    bool any = false;
    for (std::string_view each = presented.next(); !each.empty(); each = presented.next()) {
        any = true;
        const KeyInfo* found = request.snapshot->keys->find(each);
        if (found == nullptr) continue;
        const bool usable = found->usable_at(request.time);
        if (usable || request.key == nullptr) request.key = found;
        if (usable) break;
    }
    if (const KeyInfo* key = request.key) {
        if (key->use) key->use->note(request.time);
        if (key->disabled) return bad_key(request, "disabled_key", "this key is disabled");
        if (key->blocked) return bad_key(request, "blocked_key", "this key's owner or organisation is disabled");
        if (key->usable_at(request.time)) return std::nullopt;
        return bad_key(request, "expired_key", "this key has expired");
    }
    if (session.open()) return std::nullopt;
    if (any) {
        // The mirror may lack a key that another node made: whoever has it must not think that it is wrong.
        if (const Sync* sync = request.snapshot->sync; sync != nullptr) {
            // For a while nobody notices that the database is away; the mirror's age tells.
            constexpr UnixMicros fresh_us = 2'000'000;
            if (const BackendState state = sync->state(); state.mode != BackendMode::online || !sync->joined() ||
                                                          request.time - state.mirror.value_or(0) > fresh_us)
                return EarlyRefusal(503, "key_not_known_yet",
                                    "this key is not known here, and the database that may know it is away: try again",
                                    "Retry-After: 2\r\n");
        }
        return bad_key(request, "unknown_key",
                       "this key is not known here (make one with `lurus key create --name NAME`)");
    }
    return bad_key(request, "no_key",
                   "no key: send one as x-api-key, Authorization: Bearer or x-goog-api-key (make one with `lurus key "
                   "create --name NAME`)");
}

std::optional<EarlyRefusal> from_old_mirror(const Request& request) {
    const Sync* sync = request.snapshot->sync;
    if (sync == nullptr || !sync->too_old()) return std::nullopt;
    return EarlyRefusal(503, "mirror_too_old",
                        "PostgreSQL is away, and what this node knows of its installation is older than "
                        "postgres.mirror_max_age allows: try again, or ask another node",
                        "Retry-After: 2\r\n");
}

}  // namespace lurus::gateway
