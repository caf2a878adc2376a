#include "modules/signin/seen_sessions.hpp"

namespace lurus::signin {

std::uint64_t SeenSessions::ends() {
    const std::scoped_lock lock(mutex_);
    return ends_;
}

void SeenSessions::keep(const SignInSession& session, const std::optional<SecretHash>& cookie, std::uint64_t ends) {
    const std::scoped_lock lock(mutex_);
    if (ends != ends_) return;
    Seen seen;
    seen.session = session;
    seen.cookie = cookie;
    if (const auto before = by_id_.find(session.id); before != by_id_.end()) {
        if (!cookie) seen.cookie = before->second->cookie;
        remove(before->second);
    }
    seen_.push_front(std::move(seen));
    by_id_.emplace(session.id, seen_.begin());
    if (seen_.front().cookie) by_cookie_.insert_or_assign(*seen_.front().cookie, seen_.begin());
    if (seen_.size() > most_) remove(std::prev(seen_.end()));
}

void SeenSessions::gone(std::string_view id) {
    const std::scoped_lock lock(mutex_);
    ++ends_;
    if (const auto found = by_id_.find(id); found != by_id_.end()) remove(found->second);
}

void SeenSessions::ended(std::string_view id, UnixMicros now) {
    const std::scoped_lock lock(mutex_);
    ++ends_;
    const auto found = by_id_.find(id);
    if (found != by_id_.end() && !found->second->session.ended) found->second->session.ended = now;
}

void SeenSessions::ended_of(std::string_view user, UnixMicros now) {
    const std::scoped_lock lock(mutex_);
    ++ends_;
    for (auto& seen : seen_)
        if (seen.session.user == user && !seen.session.ended) seen.session.ended = now;
}

std::optional<SignInSession> SeenSessions::find(std::string_view id) {
    const std::scoped_lock lock(mutex_);
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::nullopt : used(found->second);
}

std::optional<SignInSession> SeenSessions::find(const SecretHash& cookie) {
    const std::scoped_lock lock(mutex_);
    const auto found = by_cookie_.find(cookie);
    return found == by_cookie_.end() ? std::nullopt : used(found->second);
}

std::vector<std::string> SeenSessions::ids_of(std::string_view user) {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& seen : seen_)
        if (seen.session.user == user && !seen.session.ended) out.push_back(seen.session.id);
    return out;
}

std::optional<SignInSession> SeenSessions::used(Place place) {
    seen_.splice(seen_.begin(), seen_, place);
    return place->session;
}

void SeenSessions::remove(Place place) {
    if (place->cookie) by_cookie_.erase(*place->cookie);
    by_id_.erase(place->session.id);
    seen_.erase(place);
}

}  // namespace lurus::signin
