#include "config/config_reader.hpp"
#include "core/text/edit_distance.hpp"

namespace lurus::config {
std::string nearest(std::string_view given, const std::vector<std::string>& known) {
    return nearest_name(given, known);
}

ConfigContext::ConfigContext(std::filesystem::path file, std::map<std::string, std::string> variables)
    : file_(std::move(file)), variables_(std::move(variables)) {}

void ConfigContext::mistake(const std::string& where, const std::string& what) {
    mistakes_.push_back(where + ": " + what);
}

std::string ConfigContext::position(const toml::source_region& source) const {
    return file_.string() + ":" + std::to_string(source.begin.line) + ":" + std::to_string(source.begin.column);
}

std::string ConfigContext::joined_mistakes() const {
    std::string out;
    for (const auto& line : mistakes_) out += (out.empty() ? "" : "\n") + line;
    return out;
}

const std::string* ConfigContext::variable(const std::string& name) {
    known_variables_.insert(name);
    const auto found = variables_.find(name);
    return found == variables_.end() ? nullptr : &found->second;
}

std::string ConfigContext::resolve_path(std::string_view text) const {
    if (text.starts_with("~/") && !home_.empty()) return (home_ / text.substr(2)).lexically_normal().string();
    const std::filesystem::path path(text);
    if (path.is_absolute() || file_.empty() || text.empty()) return path.string();
    return (file_.parent_path() / path).lexically_normal().string();
}

}  // namespace lurus::config
