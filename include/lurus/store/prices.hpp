#pragma once
// Port: the prices beside the built-in ones, as they are kept.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/store/change_feed.hpp"

namespace lurus {

/// What a vendor's model costs from a date on. There is one of each owner, vendor, model and date.
struct StoredPrice {
    bool own = false;    // given by a person; else imported
    std::string vendor;  // `anthropic`; `provider:NAME` for one provider's own price
    std::string model;
    UnixMicros from = 0;
    std::optional<UnixMicros> until;  // none = no end
    std::string source;               // a URL, or who said it
    std::string rates;                // JSON, which the store does not look into
    std::int64_t version = 0;         // of the row
};

struct StoredPrices {
    std::vector<StoredPrice> prices;
    /// By model, of all its prices together: rises with every change of one of them, also with its removal. A model
    /// that never had one has none.
    std::map<std::string, std::int64_t, std::less<>> versions;
};

/// Any thread; may block. `of_model` is the version that all prices of the model had when they were read, 0 where it
/// never had one; none = whichever they have. `conflict` when it is another one by now.
class PriceStore {
public:
    virtual ~PriceStore() = default;
    /// No version is newer than the prices that are there with it.
    virtual Result<StoredPrices> all() = 0;
    /// All or none. `version` is that of the row which the price replaces, 0 where there must be none yet; `conflict`
    /// when it is another one by now. `withdrawn` are rows, at their version, that are removed with it.
    virtual Result<void> put(const std::vector<StoredPrice>& prices, UnixMicros now,
                             const std::vector<StoredPrice>& withdrawn = {}) = 0;
    /// An own price, as `put`. The new version of all prices of its model.
    virtual Result<std::int64_t> put_own(const StoredPrice& price, std::optional<std::int64_t> of_model,
                                         UnixMicros now) = 0;
    /// Every date of an own price. `not_found` when there is none.
    virtual Result<void> remove_own(std::string_view vendor, std::string_view model,
                                    std::optional<std::int64_t> of_model) = 0;
    virtual ChangeFeed& changes() = 0;
};

namespace sql {
class Database;
}
/// Over `database`, which outlives it.
std::unique_ptr<PriceStore> make_price_store(sql::Database& database);

}  // namespace lurus
