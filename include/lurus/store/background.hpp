#pragma once
// Port: answers that vendors make behind (`background: true`), from when they are asked for until what they used is in
// a log. Several processes may share it, so that it does not matter who reads an answer's end. It has no change feed:
// nobody keeps a copy.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/ids.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// An answer that is not booked yet, and whose it is: as in the record of the request that asked for it.
struct BackgroundAnswer {
    std::string id;  // the vendor's, such as `resp_...`
    Id record_id;    // of that request
    UnixMicros time = 0;
    std::string model, upstream_model;
    std::string key, user;
    Id key_id, team_id, org_id;
    std::int64_t input_tokens = 0, output_tokens = 0;  // an estimate, for one that is cancelled and says nothing

    bool operator==(const BackgroundAnswer&) const = default;
};

/// Who books an answer: the record, in that node's log.
struct BackgroundClaim {
    std::string id;
    Id record_id;
};

/// Any thread; may block.
class BackgroundStore {
public:
    virtual ~BackgroundStore() = default;
    /// Nothing changes where the answer is known. What was asked for before `oldest` is forgotten.
    virtual Result<void> add(const BackgroundAnswer& answer, UnixMicros oldest) = 0;
    /// Gives the answer to `record` of `node` to be booked. Of several at once, in any process, one gets it. Nothing:
    /// it is unknown, or another's already.
    virtual Result<std::optional<BackgroundAnswer>> claim(std::string_view id, const Id& node, const Id& record) = 0;
    /// The claiming record is in its log: the answer is booked for good.
    virtual Result<void> booked(std::string_view id) = 0;
    /// The claiming record will never be in a log: the next who reads the answer's end may book it.
    virtual Result<void> release(std::string_view id) = 0;
    /// Claims of which it is not known whether their records came into the log.
    virtual Result<std::vector<BackgroundClaim>> claims(const Id& node) = 0;
};

namespace sql {
class Database;
}
/// Over `database`, which outlives it.
std::unique_ptr<BackgroundStore> make_background_store(sql::Database& database);

}  // namespace lurus
