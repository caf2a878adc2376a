#pragma once
// What a catalogue looks names up in, made once.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "modules/provider/catalog/catalog.hpp"

namespace lurus::provider {

struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using StringMap = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;
using ProviderPtr = std::shared_ptr<const Provider>;

inline constexpr std::array families{Family::anthropic, Family::openai, Family::gemini};

struct CompiledRoute {
    Resolution ready;
    std::vector<char> keep;           // candidates that take the client's name
    std::vector<std::size_t> wanted;  // providers named, also those that cannot be used here
    bool speaks = false;              // one of them speaks this dialect
};

struct GlobRoute {
    std::string pattern;
    std::size_t prefix = 0;
    CompiledRoute route;
};

struct ModelGlob {
    std::string pattern;
    std::size_t prefix = 0;
    std::size_t provider = 0;
};

/// Of one family.
struct CatalogTable {
    StringMap<CompiledRoute> exact;
    std::vector<GlobRoute> globs;  // most specific first
    StringMap<std::vector<std::size_t>> named;
    std::vector<ModelGlob> patterns;  // most specific first, then declared order
    StringMap<std::vector<std::size_t>> listed;
    std::optional<CompiledRoute> fallback;
    std::vector<ModelEntry> models;
    std::vector<std::size_t> usable;
};

struct CatalogTables {
    std::vector<ProviderPtr> providers;
    StringMap<std::size_t> by_name;
    std::array<CatalogTable, families.size()> of_family;

    [[nodiscard]] const CatalogTable& of(Family family) const { return of_family[static_cast<std::size_t>(family)]; }
};

/// `Candidate::because` of the one at this position, counted from 0.
inline std::string reason(std::size_t position, std::string_view of_the_first) {
    return position == 0 ? std::string(of_the_first) : "fallback " + std::to_string(position);
}

/// As make_catalog.
Result<CatalogTables> build_tables(const CatalogInput& input, std::vector<std::string>& warnings);

}  // namespace lurus::provider
