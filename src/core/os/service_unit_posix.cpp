#include "core/os/service_unit.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/os/embedded.hpp"

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view packaged_unit = "packaging/systemd/lurus.service";

/// A path that is a value of its own takes no quotes; `%` begins a specifier.
std::string whole_line(const fs::path& path) {
    std::string out;
    for (const char c : path.string()) out += c == '%' ? "%%" : std::string(1, c);
    return out;
}

/// For StateDirectory= and its like, which name folders below the one that the system has for it; empty elsewhere.
std::string directory_below(const fs::path& path, const fs::path& folder) {
    const auto relative = path.lexically_relative(folder);
    return relative.empty() || relative == "." || *relative.begin() == ".." ? std::string() : relative.string();
}

}  // namespace

// `%` begins a specifier, `$` a variable; a backslash an escape within quotes.
std::string unit_word(std::string_view word) {
    std::string out;
    bool quoted = false;
    for (const char c : word) {
        if (c == '%') out += '%';
        if (c == '$') out += '$';
        if (c == '"' || c == '\\') out += '\\';
        quoted |= c == ' ' || c == '\t' || c == '"' || c == '\\' || c == '\'' || c == ';';
        out += c;
    }
    return quoted ? '"' + out + '"' : out;
}

std::vector<std::string> unit_words(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false, in_quotes = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        char c = line[i];
        if (c == '"') {
            in_quotes = !in_quotes;
            in_word = true;
        } else if (!in_quotes && (c == ' ' || c == '\t')) {
            if (in_word) words.push_back(std::exchange(word, {}));
            in_word = false;
        } else {
            const bool pair = i + 1 < line.size() && (c == '\\' || ((c == '%' || c == '$') && line[i + 1] == c));
            if (pair) c = line[++i];
            word += c;
            in_word = true;
        }
    }
    if (in_word) words.push_back(word);
    return words;
}

std::string unit_value(std::string_view unit, std::string_view key) {
    std::string value;
    while (!unit.empty()) {
        const std::string_view line = unit.substr(0, unit.find('\n'));
        unit.remove_prefix(std::min(unit.size(), line.size() + 1));
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=')
            value = line.substr(key.size() + 1);
    }
    return value;
}

std::string unit_text(const ServiceWanted& wanted, const std::string& group) {
    const std::string state = directory_below(wanted.data_dir, "/var/lib");
    const std::string configuration = directory_below(wanted.config_file.parent_path(), "/etc");
    // An empty value leaves its line out.
    std::map<std::string, std::string, std::less<>> values = {
        {"Documentation", ""},
        {"ExecStart", unit_word(wanted.executable.string()) + " serve --config " +
                          unit_word(wanted.config_file.string()) + " --data-dir " +
                          unit_word(wanted.data_dir.string())},
        {"User", wanted.account},
        {"Group", group},
        {"WorkingDirectory", whole_line(wanted.data_dir)},
        {"EnvironmentFile", "-" + whole_line(wanted.config_file.parent_path() / "lurus.env")},
        {"StateDirectory", unit_word(state)},
        {"StateDirectoryMode", state.empty() ? "" : "0700"},
        {"ConfigurationDirectory", unit_word(configuration)},
        {"ConfigurationDirectoryMode", configuration.empty() ? "" : "0750"},
        {"RuntimeDirectory", wanted.name},
        {"TimeoutStopSec", std::to_string((wanted.stop_ms + 999) / 1000) + "s"},
    };
    std::string out(unit_mark);
    out += ", which writes it again; changes of yours belong into: systemctl edit " + wanted.name + "\n";
    std::string_view rest = embedded_file(packaged_unit);
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::string_view key = line.substr(0, line.find('='));
        const auto found = values.find(key);
        if (found == values.end()) {
            out += std::string(line) + "\n";
        } else if (!found->second.empty()) {
            out += std::string(key) + "=" + found->second + "\n";
        }
        if (key == "ProtectSystem" && state.empty())
            out += "ReadWritePaths=" + unit_word(wanted.data_dir.string()) + "\n";
    }
    return out;
}

}  // namespace lurus::platform
