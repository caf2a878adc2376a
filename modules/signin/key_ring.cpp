#include "modules/signin/key_ring.hpp"

#include <algorithm>

#include "core/os/files.hpp"

namespace lurus::signin {
namespace {

std::string bound_to(std::string_view kid) {
    return "signing key " + std::string(kid);
}

constexpr std::int64_t look_every = 10'000'000;  // microseconds: nonsense must not make us read the store each time

}  // namespace

Result<void> KeyRing::load() {
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
    if (auto added = store_.add_signing_key(row); !added) return added;
    return load();
}

Result<void> KeyRing::ready() {
    if (keys_.empty()) {
        if (auto loaded = load(); !loaded) return loaded;
    }
    if (!keys_.empty() && clock_.now() - keys_.front().created < rotate_after) return {};
    return make();
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
    if (found == keys_.end() && (keys_.empty() || now - looked_ > look_every)) {
        looked_ = now;
        if (auto loaded = load(); !loaded) return std::unexpected(loaded.error());
        found = find();
    }
    if (found == keys_.end() || (found->retired && now - *found->retired > verifies_for))
        return fail(ErrorCode::unauthenticated, "the token is signed with a key that is not in use here");
    return jwt_verify(token, found->key, own_algorithms);
}

Result<void> KeyRing::rotate() {
    const std::scoped_lock lock(mutex_);
    return make();
}

Result<std::string> KeyRing::jwks() {
    const std::scoped_lock lock(mutex_);
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
