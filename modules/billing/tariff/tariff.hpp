#pragma once
// What a model costs: dated, by service tier and context length, in disjoint classes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus::billing {

/// `reasoning`, `image_input` and `image_output` are classes of their own only where a vendor prices them unlike the
/// rest of their whole.
enum class Class : std::uint8_t {
    input,
    cache_read,
    cache_write_5m,
    cache_write_1h,
    output,
    reasoning,
    audio_input,
    audio_output,
    image_input,
    image_output,
    image,
    web_search,
    audio_second
};
constexpr std::size_t class_count = 13;
constexpr std::array<std::string_view, class_count> class_names = {
    "input",        "cache_read",  "cache_write_5m", "cache_write_1h", "output",     "reasoning",   "audio_input",
    "audio_output", "image_input", "image_output",   "image",          "web_search", "audio_second"};
std::optional<Class> class_from(std::string_view name);

/// Counted by itself, not in tokens.
constexpr bool is_per_piece(Class c) {
    return c == Class::image || c == Class::web_search || c == Class::audio_second;
}

/// Pico-US-dollars per unit.
struct Rates {
    static constexpr std::int64_t none = -1;
    std::array<std::int64_t, class_count> pico = {none, none, none, none, none, none, none,
                                                  none, none, none, none, none, none};

    [[nodiscard]] std::int64_t of(Class c) const { return pico[static_cast<std::size_t>(c)]; }
    void set(Class c, std::int64_t value) { pico[static_cast<std::size_t>(c)] = value; }
    [[nodiscard]] bool has(Class c) const { return of(c) != none; }
    [[nodiscard]] bool empty() const;
    bool operator==(const Rates&) const = default;
};

/// Applies when everything the model read is more than `above` tokens.
struct Tier {
    std::int64_t above = 0;
    Rates rates;
    bool operator==(const Tier&) const = default;
};

struct Service {
    std::string name;         // `standard`, `batch`, `flex`, `priority`; a speed, `fast`; or a region, `us`
    std::vector<Tier> tiers;  // ascending; the first has above = 0
    bool operator==(const Service&) const = default;
};

/// The hours of the week at which a tariff holds: a vendor's peak times. UTC.
struct Hours {
    struct Window {
        int from_minute = 0;  // of the day; includes its first, excludes its last
        int to_minute = 0;
        bool operator==(const Window&) const = default;
    };
    std::string name;       // `peak`
    unsigned weekdays = 0;  // bit 0 = Monday
    std::vector<Window> windows;

    [[nodiscard]] bool contain(UnixMicros time) const;
    bool operator==(const Hours&) const = default;
};

/// Later ones win where both apply.
enum class Origin : std::uint8_t { builtin, imported, own };
std::string_view name_of(Origin origin);

struct Tariff {
    std::string vendor;  // `anthropic`; `provider:NAME` for one provider's own price
    std::string model;
    std::vector<std::string> aliases;
    Origin origin = Origin::builtin;
    UnixMicros from = 0;
    std::optional<UnixMicros> until;
    std::optional<Hours> hours;     // empty = always; beats a tariff of the same origin and date without hours
    std::string source;             // a URL, or who said it
    std::string checked;            // the day it was looked up; empty = not known
    std::vector<Service> services;  // `standard` first where it is there
    std::string label;              // `anthropic/claude-sonnet-4-5@2025-09-29`
    std::int64_t version = 0;       // of its row; 0 = it is in none

    [[nodiscard]] bool applies_at(UnixMicros time) const {
        return from <= time && (!until || time < *until) && (!hours || hours->contain(time));
    }
    /// Null when this service is not priced.
    [[nodiscard]] const Service* service(std::string_view name) const;
};

/// Puts tiers and services in order, lets per-piece prices of `standard` stand for all, makes the label.
/// `invalid_argument` when a service has no tier at 0 or a tariff no price.
Result<void> complete(Tariff& tariff);

/// `{"standard":[{"above_input_tokens":0,"pico_usd":{"input":3000000}}]}`, and back (`corrupt`).
nlohmann::ordered_json rates_json(const std::vector<Service>& services);
Result<std::vector<Service>> services_from(std::string_view json);

}  // namespace lurus::billing
