#pragma once
// What many records share (who asked for what, where it went, at which price): written once per segment and named by
// an id in each row.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lurus/record.hpp"
#include "modules/log/journal/segment.hpp"

namespace lurus::log {

constexpr std::size_t shared_texts = 12;

/// The texts in the order of the table's columns; `because` is the first attempt's.
std::array<std::string_view, shared_texts> shared_texts_of(const RequestRecord& record);

struct SharedNames {
    Dialect dialect = Dialect::openai;
    Dialect upstream_dialect = Dialect::openai;
    std::array<std::string, shared_texts> texts;
    Id key_id, team_id, org_id;

    /// `because` stays here: it belongs to an attempt.
    void give_to(RequestRecord& record) const;
    [[nodiscard]] const std::string& because() const { return texts.back(); }
};

/// Those that were written lately. The writer's thread.
class SharedNamesCache {
public:
    struct Known {
        SharedNames names;
        std::int64_t id = 0;  // 0 = not written yet
        RowHashes hashes{};   // of the dimensions that are shared
    };

    /// The reference stays until the next call.
    Known& of(const RequestRecord& record);
    void clear() {
        known_.clear();
        last_ = nullptr;
    }
    /// Forgets when there are too many.
    void limit();

private:
    std::unordered_map<std::uint64_t, Known> known_;
    Known* last_ = nullptr;  // what `of` gave last; a node's address is stable
};

}  // namespace lurus::log
