#pragma once
// What vendors keep for clients, as all shards share it: which account has it, and whose it is. Any thread; a lock that
// is held for a look-up or an insertion, and taken only by requests that name such a thing or may make one.

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/dialect.hpp"
#include "lurus/store/kept.hpp"

namespace lurus::gateway {

/// `openai:file-abc`
std::string kept_id(Family family, std::string_view id);

class KeptTable {
public:
    static constexpr std::size_t most = 50'000;

    /// Nothing of that family is known, so no request can name it.
    [[nodiscard]] bool empty(Family family) const {
        return counts_[static_cast<std::size_t>(family)].load(std::memory_order_relaxed) == 0;
    }
    /// `id` with its family.
    [[nodiscard]] std::optional<KeptThing> find(std::string_view id) const;
    /// What is known already stays as it is: an id is its first owner's. True: take_unsaved() has something new.
    bool remember(KeptThing thing);
    /// What the store has; that is not unsaved.
    void load(std::vector<KeptThing> things);
    [[nodiscard]] std::vector<KeptThing> take_unsaved();

private:
    bool insert(KeptThing thing);

    mutable std::mutex mutex_;
    std::map<std::string, KeptThing, std::less<>> things_;
    std::deque<std::string> order_;  // the oldest first
    std::vector<KeptThing> unsaved_;
    std::array<std::atomic<std::size_t>, family_names.size()> counts_{};
};

}  // namespace lurus::gateway
