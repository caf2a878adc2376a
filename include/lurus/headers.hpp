#pragma once
// Which header fields stay on their side: what proxies and browsers told of a client is not for the vendors, and what a
// vendor tells browsers and caches of its own site is not true of ours.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lurus {

/// Patterns of fields' names: `*` is any run of characters, also none, `?` one. The case of letters does not matter,
/// and
/// `_` is `-`, which many servers take for the same.
class HeaderPatterns {
public:
    HeaderPatterns() = default;
    void add(std::string_view pattern);
    /// After the last add().
    void prepare();
    /// About 10 ns for an ordinary name. Any thread.
    [[nodiscard]] bool match(std::string_view name) const;

private:
    struct Pattern {
        std::string text;
        bool open_end = false;  // `text*`
        bool glob = false;      // anything else with a wildcard
    };
    static bool matches(const Pattern& pattern, std::string_view name);
    static bool matches_glob(std::string_view glob, std::string_view name);

    std::vector<Pattern> patterns_;          // by first character; those that begin with a wildcard are last
    std::array<std::uint16_t, 29> begin_{};  // of each first letter, of what is none, of the wildcards, and the end
    // By first letter, a bit for each character that tells its patterns apart (headers.cpp).
    std::array<std::uint32_t, 28> next_{};
};

/// A direction's rules. Immutable; copied with the settings.
class HeaderRules {
public:
    /// Beside the defaults `drop` is dropped, and of all that what `pass` names is not.
    HeaderRules(std::span<const std::string_view> defaults, std::vector<std::string> drop,
                std::vector<std::string> pass);

    [[nodiscard]] bool drops(std::string_view name) const { return dropped_.match(name) && !passed_.match(name); }
    [[nodiscard]] const std::vector<std::string>& drop() const { return drop_; }
    [[nodiscard]] const std::vector<std::string>& pass() const { return pass_; }

private:
    std::vector<std::string> drop_, pass_;
    HeaderPatterns dropped_, passed_;
};

/// What is dropped without being asked for, lower-case.
std::span<const std::string_view> default_drops_from_clients();
std::span<const std::string_view> default_drops_from_vendors();

struct HeaderSettings {
    HeaderRules from_clients{default_drops_from_clients(), {}, {}};
    HeaderRules from_vendors{default_drops_from_vendors(), {}, {}};
};

}  // namespace lurus
