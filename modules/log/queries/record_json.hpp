#pragma once
// A record as JSON: the line people see, and the detail column of the store.

#include <string>
#include <string_view>

#include "lurus/record.hpp"

namespace lurus::log {

/// Appends what has no column of its own: attempts and rare usage classes. Nothing when there is nothing.
/// An attempt's member is left out where it equals the record's (provider, account, upstream_model, usage,
/// cost_nano_usd) or is empty.
void append_detail(std::string& out, const RequestRecord& record);

/// The reverse, onto a record whose columns are filled already. False when the text is not what append_detail wrote.
bool read_detail(std::string_view text, RequestRecord& record);

/// `{...}` as to_json prints it; `bodies` adds request_body and response_body (or ..._base64 where they are not text).
void append_record(std::string& out, const RequestRecord& record, bool bodies);

}  // namespace lurus::log
