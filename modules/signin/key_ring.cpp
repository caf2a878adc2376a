#include "modules/signin/key_ring.hpp"

#include <algorithm>

#include "core/os/files.hpp"

namespace lurus::signin {
namespace {

std::string bound_to(std::string_view kid) {
    return "signing key " + std::string(kid);
}

constexpr std::string_view feed_id = "signing-keys";
constexpr std::size_t changes_at_once = 256;

}  // namespace

// The feed is of all credentials, and tells of every sign-in as well.
Result<bool> KeyRing::changed_since_seen() {
    if (seen_ < 0) return true;
    bool found = false;
    const auto head = store_.changes().head();
    if (!head) return std::unexpected(head.error());
    if (!same_history(seen_, *head)) return true;
    while (!found && seen_ < *head) {
        const auto changes = store_.changes().changes_after(seen_, changes_at_once);
        if (!changes) return std::unexpected(changes.error());
        if (changes->empty()) break;
        found = std::ranges::find(*changes, feed_id, &Change::id) != changes->end();
        if (!found) seen_ = changes->back().number;
    }
    return found;
}

Result<void> KeyRing::follow() {
    const auto changed = changed_since_seen();
    if (!changed) return std::unexpected(changed.error());
    return *changed ? load() : Result<void>();
}

Result<void> KeyRing::refresh() {
    const std::scoped_lock lock(mutex_);
    // Who never needed a key learns of a wrong master key when they do.
    return seen_ < 0 ? Result<void>() : follow();
}

Result<void> KeyRing::load() {
    // Asked first: what is changed while the keys are read is read again the next time.
    const auto head = store_.changes().head();
    if (!head) return std::unexpected(head.error());
    const auto stored = store_.signing_keys();
    if (!stored) return std::unexpected(stored.error());
    std::vector<Entry> keys;
    for (const auto& row : *stored) {
        const auto opened = box_.open(row.sealed, bound_to(row.kid));
        if (!opened) return std::unexpected(opened.error());
        auto key = Jwk::parse(opened->reveal());
        if (!key) return fail(ErrorCode::corrupt, "signing key " + row.kid + ": " + key.error().message);
        keys.push_back({*std::move(key), row.created, row.retired});
    }
    keys_ = std::move(keys);
    seen_ = *head;
    return {};
}

Result<void> KeyRing::make() {
    const auto kid = random_hex(8);
    if (!kid) return std::unexpected(kid.error());
    auto key = Jwk::generate(*kid);
    if (!key) return std::unexpected(key.error());
    const auto text = key->private_json();
    if (!text) return std::unexpected(text.error());
    auto sealed = box_.seal(text->reveal(), bound_to(*kid));
    if (!sealed) return std::unexpected(sealed.error());
    StoredSigningKey row;
    row.kid = *kid;
    row.sealed = *std::move(sealed);
    row.created = clock_.now();
    const bool follows = !keys_.empty() && !keys_.front().retired;
    auto added = store_.add_signing_key(row, follows ? keys_.front().key.kid() : std::string());
    if (!added && added.error().code != ErrorCode::conflict) return added;
    if (auto loaded = load(); !loaded) return loaded;
    return added;
}

Result<void> KeyRing::ready() {
    if (seen_ < 0) {
        if (auto loaded = load(); !loaded) return loaded;
    }
    if (!keys_.empty() && clock_.now() - keys_.front().created < rotate_after) return {};
    auto made = make();
    // Then another process made one, which is as good; or the database is away, and the one that is old goes on.
    if (!made && !keys_.empty() &&
        (made.error().code == ErrorCode::conflict ||
         (made.error().code == ErrorCode::unavailable && !keys_.front().retired)))
        return {};
    return made;
}

Result<std::string> KeyRing::sign(std::string_view type, std::string_view payload) {
    const std::scoped_lock lock(mutex_);
    if (auto done = ready(); !done) return std::unexpected(done.error());
    return jwt_sign(keys_.front().key, type, payload);
}

Result<std::string> KeyRing::verify(std::string_view type, std::string_view token) {
    const auto header = jwt_header(token);
    if (!header) return std::unexpected(header.error());
    if (header->type != type) return fail(ErrorCode::unauthenticated, "the token is of another kind");
    const std::scoped_lock lock(mutex_);
    const UnixMicros now = clock_.now();
    const auto find = [&] { return std::ranges::find(keys_, header->kid, [](const Entry& e) { return e.key.kid(); }); };
    auto found = find();
    if (found == keys_.end()) {
        if (auto done = follow(); !done) return std::unexpected(done.error());
        found = find();
    }
    if (found == keys_.end() || (found->retired && now - *found->retired > verifies_for))
        return fail(ErrorCode::unauthenticated, "the token is signed with a key that is not in use here");
    return jwt_verify(token, found->key, own_algorithms);
}

Result<void> KeyRing::rotate() {
    const std::scoped_lock lock(mutex_);
    if (auto done = follow(); !done) return done;
    return make();
}

Result<std::string> KeyRing::jwks() {
    const std::scoped_lock lock(mutex_);
    // Whoever asks may hold a token of another process already. The keys that are known outlast a database that is
    // away.
    if (auto done = follow(); !done && keys_.empty()) return std::unexpected(done.error());
    if (auto done = ready(); !done) return std::unexpected(done.error());
    std::string out = R"({"keys":[)";
    bool first = true;
    for (const auto& entry : keys_) {
        if (entry.retired && clock_.now() - *entry.retired > verifies_for) continue;
        const auto text = entry.key.public_json();
        if (!text) return text;
        out += (first ? "" : ",") + *text;
        first = false;
    }
    return out + "]}";
}

}  // namespace lurus::signin
