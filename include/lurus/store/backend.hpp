#pragma once
// Port: everything that is kept besides the log, in one database. The composition root makes one and gives each module
// its stores.

#include "lurus/result.hpp"

namespace lurus {

class AuditStore;
class BackgroundStore;
class CredentialStore;
class KeyStore;
class PeopleStore;
class FlagStore;
class IdempotencyStore;
class PriceStore;
class ProviderStore;
class Sync;

/// Any thread. Outlives every module that uses one of its stores.
class Backend {
public:
    virtual ~Backend() = default;

    /// Whether anything was committed since the last call, by this process or another: then it is time to refresh from
    /// the feeds. Costs microseconds and no disk access. The first call says true.
    virtual Result<bool> changed() = 0;

    /// What is shared with other nodes; null = nothing is.
    [[nodiscard]] virtual Sync* sync() = 0;

    // Who may do what.
    [[nodiscard]] virtual KeyStore& keys() = 0;
    [[nodiscard]] virtual PeopleStore& people() = 0;
    [[nodiscard]] virtual AuditStore& audit() = 0;
    [[nodiscard]] virtual CredentialStore& credentials() = 0;

    // What is configured while the server runs.
    [[nodiscard]] virtual PriceStore& prices() = 0;
    [[nodiscard]] virtual ProviderStore& providers() = 0;
    [[nodiscard]] virtual FlagStore& flags() = 0;
    [[nodiscard]] virtual IdempotencyStore& idempotency() = 0;

    // What is to be booked yet.
    [[nodiscard]] virtual BackgroundStore& background() = 0;
};

}  // namespace lurus
