#pragma once
// Port: which account has what a vendor keeps for a client, and whose it is.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// A file, a batch, a response, a cache ... that a vendor made for a request of ours.
struct KeptThing {
    std::string id;  // with its family: `openai:file-abc`, `gemini:files/x`
    std::string provider;
    std::string account;
    std::string org;  // of the key that asked for it
    UnixMicros seen = 0;
};

/// Any thread; may block.
class KeptStore {
public:
    virtual ~KeptStore() = default;
    /// At most so many, the newest, in the order in which they were seen.
    virtual Result<std::vector<KeptThing>> newest(std::size_t most) = 0;
    /// What has its id already stays as it is. Of all only the newest `most` are kept, or a few more.
    virtual Result<void> add(std::span<const KeptThing> things, std::size_t most) = 0;
};

namespace sql {
class Database;
}
/// Over `database`, which outlives it.
std::unique_ptr<KeptStore> make_kept_store(sql::Database& database);

}  // namespace lurus
