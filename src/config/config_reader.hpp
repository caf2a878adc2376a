#pragma once
// Typed reading of TOML tables. Every key that is read becomes known; what stays unknown is a mistake with its
// position. A scalar may come from a LURUS_* variable instead, which then wins. Not thread-safe; lives during one load.

#include <toml++/toml.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/clock.hpp"

namespace lurus::config {

/// The known name nearest to `given`, or empty when none is near.
std::string nearest(std::string_view given, const std::vector<std::string>& known);

/// What one load collects over all its tables.
class ConfigContext {
public:
    ConfigContext(std::filesystem::path file, std::map<std::string, std::string> variables);

    void mistake(const std::string& where, const std::string& what);
    void mistake(const toml::node& node, const std::string& what) { mistake(position(node.source()), what); }
    /// `/etc/lurus/lurus.toml:12:3`
    [[nodiscard]] std::string position(const toml::source_region& source) const;
    [[nodiscard]] std::string joined_mistakes() const;
    [[nodiscard]] bool clean() const { return mistakes_.empty(); }

    /// The variable's text, if it is set; the name counts as known from then on.
    const std::string* variable(const std::string& name);
    [[nodiscard]] const std::set<std::string>& known_variables() const { return known_variables_; }
    [[nodiscard]] const std::map<std::string, std::string>& variables() const { return variables_; }
    [[nodiscard]] const std::filesystem::path& file() const { return file_; }
    /// Relative paths mean the configuration file's folder; `~/` the home folder.
    [[nodiscard]] std::string resolve_path(std::string_view text) const;
    void note_origin(std::string option, std::string where) { origins_.insert_or_assign(std::move(option), where); }
    [[nodiscard]] const std::map<std::string, std::string>& origins() const { return origins_; }
    void set_home(std::filesystem::path home) { home_ = std::move(home); }

private:
    std::filesystem::path file_;
    std::filesystem::path home_;
    std::map<std::string, std::string> variables_;
    std::set<std::string> known_variables_;
    std::vector<std::string> mistakes_;
    std::map<std::string, std::string> origins_;
};

/// Whether a table's scalars have variables: those of a list's members have none.
enum class Variables : std::uint8_t { none, own };

class ConfigTable {
public:
    /// `table` may be null: an absent table, whose variables still count. `name` is `log`, `server.tls`, `provider`;
    /// empty = the root.
    ConfigTable(ConfigContext& context, const toml::table* table, std::string name, Variables variables);

    bool text(std::string_view key, std::string& out);
    bool path(std::string_view key, std::string& out);
    bool flag(std::string_view key, bool& out);
    bool integer(std::string_view key, int& out, std::int64_t least, std::int64_t most);
    /// A whole number from 1, or one as people write it: `"100k"`, `"1.5M"`.
    bool amount(std::string_view key, std::int64_t& out, std::int64_t most);
    /// `"15s"`, `"500ms"`, `"2m"`, `"1h"`, `"30d"` as milliseconds.
    bool duration_ms(std::string_view key, int& out, std::int64_t least, std::int64_t most);
    /// `"64MiB"`, `"1GB"` or a number of bytes.
    bool bytes(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most);
    /// One string or an array of strings; in a variable, separated by commas.
    bool texts(std::string_view key, std::vector<std::string>& out);
    bool choice(std::string_view key, std::string& out, const std::vector<std::string>& allowed);
    /// A table whose values are strings.
    bool text_map(std::string_view key, std::map<std::string, std::string>& out);
    /// An offset date-time, a date, or a string with one of them.
    bool time(std::string_view key, std::optional<UnixMicros>& out);

    ConfigTable table(std::string_view key);
    /// An array of tables.
    std::vector<ConfigTable> tables(std::string_view key);

    /// Reports every key that nobody asked for, and notes where the others were set. Call it last.
    void finish();

    /// Where a key stands (the table itself when the key is absent): `file:line:col`, or the variable's name.
    [[nodiscard]] std::string where(std::string_view key) const;
    [[nodiscard]] std::string where() const;
    [[nodiscard]] bool has(std::string_view key) const;
    void mistake(std::string_view key, const std::string& what);
    /// `[log] level`, `[[route]] model`, `listen`
    [[nodiscard]] std::string label(std::string_view key) const;

private:
    const toml::node* node(std::string_view key);
    const std::string* variable(std::string_view key);
    void note_origins() const;
    [[nodiscard]] std::vector<std::string> variable_names(std::string_view key) const;

    ConfigContext* context_;
    const toml::table* table_;
    std::string name_;
    Variables variables_;
    bool list_member_ = false;
    std::vector<std::string> known_;
    std::map<std::string, std::string, std::less<>> from_variable_;
};

}  // namespace lurus::config
