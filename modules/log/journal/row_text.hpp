#pragma once
// A record as the text of its row in a batch: a JSON array on one line, with numbers first, so that sums are read
// without the rest. The view `record` names its members.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lurus/record.hpp"
#include "modules/log/journal/shared_names.hpp"

namespace lurus::log {

/// Everything but the id, the bodies and what the shared names hold.
void append_row(std::string& out, const RequestRecord& record, std::int64_t names_id);

/// The id of a record that came without one: a UUIDv7 of its time, with a part of the node's id and the row's number.
Id id_of_row(const Id& node, std::int64_t row, UnixMicros time);

/// Reads one row, front to back.
class RowText {
public:
    /// From `[` to `]`; must outlive this.
    explicit RowText(std::string_view row);

    // In this order. False when the text is not a row.
    bool numbers(RequestRecord& record, std::int64_t& names_id);
    /// What the index needs besides: trace id and session; and the record's id, the lengths and times between them.
    bool labels(RequestRecord& record);
    /// Needs all before and the shared names in the record. Attempts that do not read are left out.
    bool rest(RequestRecord& record, std::string_view because);

private:
    std::optional<std::int64_t> number();
    std::int64_t number_or_zero() { return number().value_or(0); }
    std::string_view raw_text();
    std::string text();
    void end_member();

    std::string_view left_;
    std::optional<std::int64_t> started_, duration_;  // of the attempt
    bool ended_ = false;                              // the array is closed: what is missing is null
    bool sound_ = true;
};

}  // namespace lurus::log
