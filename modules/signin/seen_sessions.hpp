#pragma once
// The sessions that this node has seen, for as long as the database that knows them is away.

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/store/credentials.hpp"

namespace lurus::signin {

/// Any thread. Keeps so many at most: the one that was not asked for the longest goes.
class SeenSessions {
public:
    explicit SeenSessions(std::size_t most) : most_(most) {}

    /// To be asked before a session is read, and given with what was read: what ended meanwhile is not kept as live.
    std::uint64_t ends();
    /// `cookie` only where it is known.
    void keep(const SignInSession& session, const std::optional<SecretHash>& cookie, std::uint64_t ends);
    void gone(std::string_view id);
    void ended(std::string_view id, UnixMicros now);
    void ended_of(std::string_view user, UnixMicros now);

    std::optional<SignInSession> find(std::string_view id);
    std::optional<SignInSession> find(const SecretHash& cookie);
    std::vector<std::string> ids_of(std::string_view user);

private:
    struct Seen {
        SignInSession session;
        std::optional<SecretHash> cookie;
    };
    using Place = std::list<Seen>::iterator;
    std::optional<SignInSession> used(Place place);
    void remove(Place place);

    const std::size_t most_;
    std::mutex mutex_;      // guards what follows
    std::list<Seen> seen_;  // the one that was asked for last is first
    std::map<std::string, Place, std::less<>> by_id_;
    std::map<SecretHash, Place> by_cookie_;
    std::uint64_t ends_ = 0;
};

}  // namespace lurus::signin
