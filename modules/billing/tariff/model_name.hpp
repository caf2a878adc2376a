#pragma once
// Which price names a model's name may stand for. By explicit rules, so that no model takes another one's price.

#include <string>
#include <string_view>

namespace lurus::billing {

/// Without a date (`-20250929`, `-2025-09-29`, `@20250929`), `-latest`, `@latest`, `@default`; the name itself when it
/// has none.
std::string_view without_snapshot(std::string_view name);

/// What a lower-case name says about who made the model: `anthropic/claude-x` → {`anthropic`, `claude-x`};
/// `models/gemini-x` and `publishers/google/models/gemini-x` → {`gemini`, `gemini-x`}. Vendor empty: nothing said.
struct VendorAndName {
    std::string_view vendor;
    std::string_view name;
};
VendorAndName split_vendor(std::string_view name);

/// Whose prices a provider of this kind is asked about, in order.
struct PriceSources {
    std::string_view first;
    std::string_view second;
    bool any_maker = false;  // then, by model name, whoever made it
};
PriceSources sources_for(std::string_view provider_kind);

/// The place of a maker of models, whose names are well known, in the order of preference; -1 for hosts of others'
/// models.
int maker_rank(std::string_view vendor);

/// The vendor's own word for a service tier as the tariffs name it: `default` → `standard`, `ON_DEMAND_FLEX` → `flex`.
std::string service_name(std::string_view said);

}  // namespace lurus::billing
