#pragma once
// Port: providers, routes and who answers for a model.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/account_groups.hpp"
#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/dialect.hpp"
#include "lurus/outside.hpp"
#include "lurus/prepared.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus {

/// Where a vendor listens. `path` has no trailing slash: `https://api.deepseek.com/anthropic` gives `/anthropic`. A `#`
/// at the end says that the path is whole: no version is put between it and an endpoint's path.
struct Url {
    bool tls = false;
    std::string host;  // no brackets around IPv6
    std::uint16_t port = 0;
    std::string path;
    bool exact = false;  // it ended in `#`

    static Result<Url> parse(std::string_view text);
    /// `host` or `host:port` as the Host header wants it.
    [[nodiscard]] std::string authority() const;
    bool operator==(const Url&) const = default;
};

/// Which header carries the credential.
enum class AuthScheme : std::uint8_t {
    none,
    bearer,          // Authorization: Bearer
    x_api_key,       // Anthropic
    x_goog_api_key,  // Gemini
    api_key,         // Azure: api-key
};

/// An answer made in-process. `parts` are written one by one with their pauses, so that a stream looks like one.
struct LocalReply {
    struct Part {
        int delay_ms = 0;
        std::string bytes;
    };
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;  // content-type and such; framing is the server's
    std::vector<Part> parts;
};

/// A vendor inside the process (the demo provider). Any thread, no state.
class LocalVendor {
public:
    virtual ~LocalVendor() = default;
    /// `target` is the path with its query; header names are lower-case.
    [[nodiscard]] virtual LocalReply answer(std::string_view method, std::string_view target,
                                            const std::vector<std::pair<std::string, std::string>>& headers,
                                            std::string_view body) const = 0;
};

/// How one family is reached at a provider.
struct FamilyEndpoint {
    Url base;
    AuthScheme auth = AuthScheme::bearer;
};

/// What happens upstream when the client leaves mid-answer.
enum class OnClientGone : std::uint8_t { cancel, drain };

/// Immutable once in a catalogue.
struct Provider {
    std::string name;
    std::string kind;    // the preset's name
    std::string source;  // `config`, `store` or `builtin`
    std::map<Family, FamilyEndpoint> endpoints;
    std::string base_url;             // as it was given; empty = the preset's
    std::string account = "default";  // the credential's name
    AccountGroups groups;             // that the account is in
    Secret credential;
    std::string credential_source;                             // `api_key`, `env:NAME`, `file:PATH`, `stored`, `none`
    std::vector<std::string> models;                           // names or globs it answers for; `*` = any
    std::vector<std::pair<std::string, std::string>> headers;  // added to every request
    std::string azure_api_version;                             // only for azure-openai; empty = the v1 path
    int connect_timeout_ms = 10'000;
    int first_byte_timeout_ms = 600'000;
    int idle_timeout_ms = 300'000;
    OnClientGone on_client_gone = OnClientGone::cancel;
    bool ask_usage = true;  // a chat's stream is asked for its usage where the client has not
    bool tls_verify = true;
    std::string ca_file;                       // extra roots; empty = the system's
    std::string roots;                         // what was in it, PEM
    std::string roots_digest;                  // of that; empty = the system's roots only
    std::shared_ptr<const LocalVendor> local;  // set: answered in-process
    bool disabled = false;
    std::string
        problem;  // not empty: why it cannot be used now (no credential, disabled ...); it is never a candidate then
    std::string warning;  // not empty: it is used with what one of its files held before

    [[nodiscard]] bool serves(std::string_view model) const;
};

/// One place to try, in order.
struct Candidate {
    std::shared_ptr<const Provider> provider;
    std::string upstream_model;
    std::string because;  // becomes Attempt::chosen_because
};

struct Resolution {
    std::string route;  // the matched route's name, or empty
    std::vector<Candidate> candidates;
};

/// A model as `GET /v1/models` shows it.
struct ModelEntry {
    std::string id;
    std::string owner;  // the provider's name
    UnixMicros created = 0;
};

/// Providers and routes at one moment. Immutable, any thread, no locks.
class Catalog {
public:
    virtual ~Catalog() = default;
    /// Never empty. `not_found`: nobody answers for it in this dialect; names a few models that there are.
    /// `unavailable`: whoever does cannot be used now (a credential is missing, it is disabled), and why.
    /// With `only`, accounts in none of these groups are as if they were not there; `permission_denied`: only such
    /// answer for it.
    [[nodiscard]] virtual Result<Resolution> resolve(Family family, std::string_view model,
                                                     const AccountGroups& only) const = 0;
    [[nodiscard]] Result<Resolution> resolve(Family family, std::string_view model) const {
        return resolve(family, model, AccountGroups());
    }
    /// For requests that name no model (`GET /v1/responses/{id}` ...): the family's default provider first.
    [[nodiscard]] virtual Result<Resolution> any(Family family, const AccountGroups& only) const = 0;
    [[nodiscard]] Result<Resolution> any(Family family) const { return any(family, AccountGroups()); }
    [[nodiscard]] virtual std::vector<ModelEntry> models(Family family, const AccountGroups& only) const = 0;
    [[nodiscard]] std::vector<ModelEntry> models(Family family) const { return models(family, AccountGroups()); }
    [[nodiscard]] virtual const std::vector<std::shared_ptr<const Provider>>& providers() const = 0;
};

/// As declared in the file or through the API.
struct ProviderSpec {
    std::string name;
    std::string kind;
    /// Empty = the preset's. For a preset of several families: on one of the vendor's own hosts the base of the family
    /// that its path belongs to (the others take that host's usual ones), on any other host the base of all of them. An
    /// endpoint's path that was copied with it (`/chat/completions`) is taken off.
    std::string base_url;
    Secret api_key;  // at most one of the three; none = the preset's usual variable, at the vendor's own hosts only
    std::string api_key_env;
    std::string api_key_file;
    std::vector<std::string> models;  // empty = the preset's patterns, and what was fetched
    std::vector<std::string> groups;  // of accounts; see AccountGroups
    std::map<std::string, std::string> headers;
    std::string api_version;
    std::optional<int> connect_timeout_ms, first_byte_timeout_ms, idle_timeout_ms;
    std::string on_client_gone;     // `cancel`, `drain` or empty
    std::optional<bool> ask_usage;  // none = as the preset's vendor takes it
    std::optional<bool> tls_verify;
    std::string ca_file;
    bool disabled = false;
};

struct RouteSpec {
    std::string model;  // exact name or glob
    /// In order: `provider/upstream-model`, `provider/*` or `provider` (keep the name), or an alias: another route or a
    /// model that a provider declares.
    std::vector<std::string> to;
    std::optional<Family> family;  // set: the default for that family's unknown models, `model` is then `*`
};

struct ProviderSettings {
    std::filesystem::path data_dir;  // holds master.key
    Secret master_key;               // from LURUS_MASTER_KEY; empty = master.key, made at first start
    bool demo = true;                // serve the demo provider when no other is declared
    /// Where vendors are asked for their models; outlives the module. Null: on the thread of whoever wants to know.
    OutsideCalls* outside = nullptr;
};

class ProviderStore;

/// Any thread. Every change calls `on_change` after it is stored.
class Providers {
public:
    virtual ~Providers() = default;
    /// What the configuration file declares, in place of what it declared before. What is stored meanwhile is in force
    /// as well after the commit; a route that lost its target by that leads to the others it has.
    virtual Result<std::unique_ptr<PreparedConfiguration>> prepare(std::vector<ProviderSpec> providers,
                                                                   std::vector<RouteSpec> routes) = 0;
    virtual Result<void> add(const ProviderSpec& spec) = 0;
    virtual Result<void> remove(std::string_view name) = 0;
    [[nodiscard]] virtual std::shared_ptr<const Catalog> snapshot() const = 0;
    /// Takes over what another process changed. Blocks on the database.
    virtual Result<void> refresh() = 0;
    /// Looks at the files that providers name, and takes over what is new in those that have settled. A file that holds
    /// nothing usable leaves what it held before in use. Returns a sentence for each such file. By one thread, about
    /// once a second.
    virtual std::vector<std::string> follow_files() = 0;
    /// Asks the providers that answer for patterns for their model lists, where the known one is older than a day: each
    /// in one call at a time, which everybody waits for, for 10 s at most; one that failed is not asked again for a
    /// minute. Does not wait with `outside`: `done` is called when all have answered, at once where none was asked, on
    /// any thread. `on_change` comes before it when there is a new list.
    virtual void refresh_model_lists(std::function<void()> done) = 0;
    /// Called on the thread that made the change or found it.
    virtual void on_change(std::function<void()> callback) = 0;
    /// `/api/v1/providers[/{name}[/test|/models]]`, `/api/v1/routes[/{model}]`, `/api/v1/presets`. The handlers of
    /// `test` and `models` may block for as long as the provider takes to answer (at most 70 s, or until the stop).
    [[nodiscard]] virtual std::vector<ApiRoute> api() = 0;
};

/// `store` and `clock` outlive it.
Result<std::unique_ptr<Providers>> make_providers(const ProviderSettings& settings, ProviderStore& store,
                                                  const Clock& clock);

}  // namespace lurus
