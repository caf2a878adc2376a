#pragma once
// Editing a client's settings file as text, so that comments, order and layout stay as their owner wrote them.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/result.hpp"

namespace lurus::connect {

/// Names from the file's root to a value: `{"env", "ANTHROPIC_BASE_URL"}`.
using SettingPath = std::vector<std::string>;

/// `env.ANTHROPIC_BASE_URL`
std::string dotted(const SettingPath& path);

/// No state, any thread. Errors name line and column; raw = a value as it stands in the file, with its quotes.
class SettingsFormat {
public:
    virtual ~SettingsFormat() = default;
    /// Whether the text is what it should be; nothing is edited that is not.
    [[nodiscard]] virtual Result<void> check(std::string_view text) const = 0;
    [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view text,
                                                                 const SettingPath& path) const = 0;
    /// Replaces the value, or adds it (and the tables it needs) in the layout of its surroundings.
    [[nodiscard]] virtual Result<std::string> set(std::string_view text, const SettingPath& path,
                                                  std::string_view raw) const = 0;
    /// Takes the value out, and what holds it, when that became empty and lies deeper than `keep_depth` names.
    [[nodiscard]] virtual Result<std::string> remove(std::string_view text, const SettingPath& path,
                                                     std::size_t keep_depth) const = 0;
    /// How many of the path's first names (its last excluded) exist.
    [[nodiscard]] virtual Result<std::size_t> depth(std::string_view text, const SettingPath& path) const = 0;
    [[nodiscard]] virtual std::string quote(std::string_view value) const = 0;
    /// A string's value; the raw text where it is no string.
    [[nodiscard]] virtual std::string unquote(std::string_view raw) const = 0;
    /// True when nothing but space and empty containers is left.
    [[nodiscard]] virtual bool is_blank(std::string_view text) const = 0;
};

/// JSON, with the comments and trailing commas that clients put up with.
const SettingsFormat& json_settings();
const SettingsFormat& toml_settings();
/// `NAME=value` lines; a path is one name.
const SettingsFormat& env_settings();

/// `\r\n` when the text uses it, else `\n`.
std::string_view newline_of(std::string_view text);
/// `3:14` of an offset, both from 1.
std::string line_and_column(std::string_view text, std::size_t offset);

}  // namespace lurus::connect
