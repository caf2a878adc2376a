#include "modules/identity/keys/key_snapshot.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/text/glob.hpp"
#include "modules/identity/keys/key_text.hpp"

namespace lurus {

namespace identity {
namespace {

Id id_of(const std::string& text) {
    return Id::parse(text).value_or(Id());
}

// Takes the same time wherever they differ.
bool is_same(const Sha256& a, const Sha256& b) {
    std::array<std::uint64_t, sizeof(Sha256) / sizeof(std::uint64_t)> x{}, y{};
    std::memcpy(x.data(), a.data(), sizeof x);
    std::memcpy(y.data(), b.data(), sizeof y);
    std::uint64_t difference = 0;
    for (std::size_t i = 0; i < x.size(); ++i) difference |= x[i] ^ y[i];
    return difference == 0;
}

/// Open addressing over the hashes; at most half full. A SHA-256 is uniform, so its first bytes are the slot.
class HashedKeys final : public KeySnapshot {
public:
    explicit HashedKeys(std::vector<KeyInfo> keys) : keys_(std::move(keys)) {
        for (auto& key : keys_) key.record_ids = {id_of(key.id), id_of(key.team), id_of(key.org)};
        for (const auto& key : keys_) {
            for (const auto& old : key.old) {
                KeyInfo& before = rotated_.emplace_back(key);
                before.hash = old.hash;
                before.expires = std::min(key.expires.value_or(old.until), old.until);
            }
        }
        slots_.resize(std::bit_ceil((keys_.size() + rotated_.size()) * 2 + 2), empty);
        for (std::uint32_t i = 0; i < keys_.size() + rotated_.size(); ++i) {
            std::size_t at = slot_of(key_at(i).hash);
            while (slots_[at] != empty) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = i;
        }
    }

    const KeyInfo* find(std::string_view presented) const override {
        if (presented.empty()) return nullptr;
        const Sha256 hash = hash_of(presented);
        for (std::size_t at = slot_of(hash); slots_[at] != empty; at = (at + 1) & (slots_.size() - 1)) {
            const KeyInfo& key = key_at(slots_[at]);
            if (is_same(key.hash, hash)) return &key;
        }
        return nullptr;
    }

    const std::vector<KeyInfo>& all() const override { return keys_; }

private:
    static constexpr std::uint32_t empty = 0xffffffff;

    std::size_t slot_of(const Sha256& hash) const {
        std::uint64_t first = 0;
        std::memcpy(&first, hash.data(), sizeof first);
        return static_cast<std::size_t>(first) & (slots_.size() - 1);
    }

    const KeyInfo& key_at(std::uint32_t i) const { return i < keys_.size() ? keys_[i] : rotated_[i - keys_.size()]; }

    std::vector<KeyInfo> keys_;
    std::vector<KeyInfo> rotated_;  // under each value they had before, expiring with it
    std::vector<std::uint32_t> slots_;
};

}  // namespace

std::shared_ptr<const KeySnapshot> make_snapshot(std::vector<KeyInfo> keys) {
    return std::make_shared<const HashedKeys>(std::move(keys));
}

}  // namespace identity
}  // namespace lurus
