#include "modules/gateway/dialect/served_target.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/http/url.hpp"
#include "core/json/json_scan.hpp"
#include "modules/gateway/attempt/alias.hpp"

namespace lurus::gateway {
namespace {

constexpr const char* dot_segment = "the path holds a dot segment, which is not passed on";
constexpr const char* backslash = "the path holds a backslash, which is not passed on";

// The first folders of OpenAI's and Anthropic's APIs, for base URLs without a version.
constexpr std::string_view bare_folders[] = {
    "messages",   "complete", "chat",   "completions", "responses", "embeddings",    "moderations",   "images",
    "audio",      "models",   "rerank", "realtime",    "files",     "batches",       "vector_stores", "containers",
    "assistants", "threads",  "videos", "fine_tuning", "uploads",   "conversations", "evals",         "skills"};
constexpr std::string_view bare_google_folders[] = {"cachedContents", "tunedModels", "fileSearchStores", "operations",
                                                    "publishers"};
// Google's paths that bring their version behind this.
constexpr std::string_view google_roots[] = {"upload", "download", "ws"};

template <class Names>
bool among(const Names& names, std::string_view name) {
    return std::ranges::find(names, name) != std::end(names);
}

std::string_view first_segment(std::string_view path) {
    return path.substr(0, path.find('/'));
}

// Of a path without its first slash.
std::string_view after_first(std::string_view path) {
    const std::size_t slash = path.find('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
}

// What a character is to a path that has to be looked at closely.
enum : std::uint8_t { odd_char = 1, dot_char = 2, slash_char = 4 };
constexpr auto path_chars = [] {
    std::array<std::uint8_t, 256> chars{};
    for (const unsigned char c : {'%', '\\', '#', ';'}) chars[c] = odd_char;
    chars['.'] = dot_char;
    chars['/'] = slash_char;
    return chars;
}();

// Whether it is such a path, which few are: one pass without branches, as every request takes it.
bool is_suspicious(std::string_view path) {
    unsigned before = 0;
    unsigned found = 0;
    for (const char c : path) {
        const unsigned now = path_chars[static_cast<unsigned char>(c)];
        found |= (now & odd_char) | (now & before >> 1 & dot_char);  // a slash before a dot
        before = now;
    }
    return found != 0;
}

bool has_dot_segment(std::string_view text) {
    while (true) {
        const std::size_t end = text.find_first_of("/\\");
        std::string_view segment = text.substr(0, end);
        segment = segment.substr(0, segment.find(';'));  // some servers cut off `;parameters`
        if (segment == "." || segment == "..") return true;
        if (end == std::string_view::npos) return false;
        text.remove_prefix(end + 1);
    }
}

std::string one_slash_each(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (const char c : path) {
        if (c != '/' || !out.ends_with('/')) out += c;
    }
    return out;
}

// Of a query, without the parameters that only Azure has; a realtime session's deployment is its model.
std::string plain_query(std::string_view query, bool realtime) {
    std::string out;
    const bool names_model = query.starts_with("model=") || query.contains("&model=");
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view part = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (part.empty() || part.starts_with("api-version=")) continue;
        if (!out.empty()) out += '&';
        if (realtime && !names_model && part.starts_with("deployment=")) {
            out += "model=";
            out += part.substr(11);
        } else {
            out += part;
        }
    }
    return out;
}

/// What stands before an endpoint's own path.
struct Prefix {
    std::string_view rest;     // the endpoint's own
    std::string_view version;  // the last one
    std::string_view deployment;
    std::optional<Dialect> dialect;
    bool azure = false;
    int parts = 0;
};

// `path` without its first slash.
Prefix prefix_of(std::string_view path) {
    Prefix found;
    for (;; ++found.parts) {
        const std::string_view segment = first_segment(path);
        const std::string_view rest = after_first(path);
        if (rest.empty()) break;
        if (is_version_segment(segment)) {
            found.version = segment;
        } else if (segment == "openai") {
            found.azure = found.version.empty();
            found.dialect = Dialect::openai;
            found.version = {};
            if (first_segment(rest) == "deployments" && !after_first(after_first(rest)).empty()) {
                found.deployment = first_segment(after_first(rest));
                path = after_first(after_first(rest));
                continue;
            }
        } else if (segment == "anthropic" || segment == "gemini") {
            found.dialect = segment == "gemini" ? Dialect::gemini : Dialect::anthropic;
            found.version = {};
        } else {
            break;
        }
        path = rest;
    }
    found.rest = path;
    return found;
}

bool is_known_bare(std::string_view rest) {
    return among(bare_folders, first_segment(rest)) || among(bare_google_folders, first_segment(rest));
}

bool is_google(const Prefix& prefix) {
    if (prefix.dialect) return *prefix.dialect == Dialect::gemini;
    const std::string_view folder = first_segment(prefix.rest);
    return among(bare_google_folders, folder) || (folder == "models" && prefix.rest.contains(':'));
}

// Whose errors the client of a refused path understands.
std::optional<Dialect> guessed(std::string_view path) {
    if (path.starts_with("/v1beta") || path.starts_with("/v1alpha") || path.starts_with("/gemini/") ||
        path.starts_with("/upload/"))
        return Dialect::gemini;
    if (path.starts_with("/v1/messages") || path.starts_with("/anthropic/")) return Dialect::anthropic;
    return std::nullopt;
}

ServedTarget refused_target(const char* why, std::string_view path) {
    ServedTarget served;
    served.dialect = guessed(path);
    served.refused = why;
    return served;
}

}  // namespace

const char* unsafe_path(std::string_view path) {
    if (!is_suspicious(path)) return nullptr;
    if (path.contains('#')) return "the path holds a fragment, which is not passed on";
    std::string text(path);
    for (int round = 0; round < 4; ++round) {
        if (has_dot_segment(text)) return dot_segment;
        if (text.contains('\\')) return backslash;
        if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
            return "the path holds a control character, which is not passed on";
        auto decoded = percent_decode(text);
        if (!decoded && round == 0) return "the path is not valid percent-encoding";
        if (!decoded || *decoded == text) return json::is_utf8(text) ? nullptr : "the path is not UTF-8";
        text = *std::move(decoded);
    }
    return "the path is percent-encoded too often";
}

ServedTarget served_target(std::string_view target, std::string& storage) {
    ServedTarget served;
    target = without_alias(target);
    served.target = target;
    const std::size_t mark = target.find('?');
    std::string_view path = target.substr(0, mark);
    const std::string_view query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    if (const char* why = unsafe_path(path)) return refused_target(why, path);
    if (!path.starts_with('/')) return served;
    std::string collapsed;
    if (path.contains("//")) path = collapsed = one_slash_each(path);
    const Prefix prefix = prefix_of(path.substr(1));
    served.dialect = prefix.dialect;
    const bool root = among(google_roots, first_segment(prefix.rest)) && !after_first(prefix.rest).empty();
    const bool bare = prefix.parts == 0 && !root && is_known_bare(prefix.rest);
    const bool once = prefix.parts == 1 && !prefix.version.empty() && !prefix.dialect && !root;
    if (once || (prefix.parts == 0 && !bare)) {
        if (collapsed.empty()) return served;
        storage = std::move(collapsed);
        if (mark != std::string_view::npos) storage.append("?").append(query);
        served.target = storage;
        return served;
    }
    std::string out = "/";
    if (!root) {
        out += !prefix.version.empty() ? prefix.version : is_google(prefix) ? "v1beta" : "v1";
        out += '/';
    }
    out += prefix.rest;
    const std::string kept = prefix.azure ? plain_query(query, prefix.rest == "realtime") : std::string(query);
    if (!kept.empty()) out.append("?").append(kept);
    const std::size_t size = out.size();
    out += prefix.deployment;  // behind the target, so that the views of both stand in one text
    storage = std::move(out);
    served.target = std::string_view(storage).substr(0, size);
    served.deployment = std::string_view(storage).substr(size);
    return served;
}

}  // namespace lurus::gateway
