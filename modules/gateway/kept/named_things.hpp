#pragma once
// The names of what a vendor keeps, where requests and answers have them. Pure functions and a reader of one answer.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/dialect.hpp"

namespace lurus::gateway {

/// The ids that a request's JSON refers to, as it writes them: `previous_response_id`, `conversation`, `file_id`,
/// `input_file_id`, `container`, `vector_store_ids`; Gemini's `cachedContent` and `fileUri`, from which `files/x` is
/// taken. At most 64. Found by their keys' text, without reading the JSON: about 5 GB/s.
std::vector<std::string> referred_ids(Family family, std::string_view body);

/// The models of a batch of messages (`requests[].params.model`), each once. Empty optional: it cannot be read.
std::optional<std::vector<std::string>> batch_models(std::string_view body);

/// Reads what an answer names that the vendor keeps from now on. It looks at the beginning only: 64 KiB of a JSON body,
/// the first event of a stream.
class MintedIds {
public:
    /// `made`: the answer is that of a request that makes something; else only what it has made since is of interest (a
    /// batch's files).
    MintedIds(Family family, bool made) : family_(family), made_(made) {}

    void feed(std::string_view bytes);
    /// At most 64.
    [[nodiscard]] std::vector<std::string> ids() const;

private:
    Family family_;
    bool made_;
    std::string beginning_;
};

/// Where a vendor says that an upload goes on, turned into an address of ours: what follows from `/upload/` on, without
/// the vendor's key, and with the caller's own where one was presented. Empty = it is none of Google's.
struct UploadAddress {
    std::string url;
    std::string upload_id;
};
std::optional<UploadAddress> own_upload_address(std::string_view vendor_url, std::string_view own_origin,
                                                std::string_view caller_key);

}  // namespace lurus::gateway
