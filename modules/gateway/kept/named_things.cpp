#include "modules/gateway/kept/named_things.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "core/http/url.hpp"
#include "core/json/json_scan.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t most_ids = 64;
constexpr std::size_t longest_id = 256;
constexpr std::size_t beginning_size = 64 * 1024;

constexpr std::string_view anthropic_keys[] = {"file_id\"", "\"container\"", "\"skill_id\""};
constexpr std::string_view openai_keys[] = {"file_id\"",         "\"previous_response_id\"", "\"conversation\"",
                                            "\"container\"",     "\"vector_store_ids\"",     "\"file_ids\"",
                                            "\"training_file\"", "\"validation_file\""};
constexpr std::string_view gemini_keys[] = {
    "\"cachedContent\"", "\"cached_content\"",      "\"fileUri\"", "\"file_uri\"", "\"fileName\"",
    "\"file_name\"",     "\"fileSearchStoreNames\""};

std::span<const std::string_view> keys_of(Family family) {
    switch (family) {
        case Family::anthropic: return anthropic_keys;
        case Family::gemini: return gemini_keys;
        case Family::openai: break;
    }
    return openai_keys;
}

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void skip_blanks(std::string_view text, std::size_t& at) {
    while (at < text.size() && is_blank(text[at])) ++at;
}

std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from) {
    if (from >= text.size()) return std::string_view::npos;
#if defined(__GLIBC__)
    const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
#else
    return text.find(wanted, from);
#endif
}

// Google's are resources by their path; of a URI what it is a URI of.
std::string plain_name(Family family, std::string id) {
    if (family != Family::gemini) return id;
    const std::size_t files = id.rfind("/files/");
    if (files != std::string::npos) id.erase(0, files + 1);
    return id.substr(0, id.find_first_of(":?"));
}

void add_id(std::vector<std::string>& ids, std::string id) {
    if (id.empty() || id.size() > longest_id || ids.size() >= most_ids) return;
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(std::move(id));
}

// The string, the strings of an array, or an object's `id`, that stands at `at`.
void take_value(Family family, std::string_view text, std::vector<std::string>& ids) {
    json::Reader reader(text, json::Mode::trusting);
    const auto take = [&](std::string_view value) { add_id(ids, plain_name(family, json::string_value(value))); };
    switch (json::kind_of(text)) {
        case json::Kind::string: take(reader.skip()); break;
        case json::Kind::object: take(json::find(reader.skip(), {"id"})); break;
        case json::Kind::array:
            reader.enter_array();
            while (ids.size() < most_ids && reader.next_element()) take(reader.skip());
            break;
        default: break;
    }
}

bool is_named(Family family, const std::string& key) {
    const std::string quoted = "\"" + key + "\"";
    return std::ranges::any_of(keys_of(family), [&](std::string_view name) { return quoted.ends_with(name); });
}

// Of members whose name is written with escapes, which a search for its text does not find.
void take_escaped(Family family, json::Reader& reader, std::vector<std::string>& ids) {
    const json::Kind kind = reader.peek();
    if (kind == json::Kind::array && reader.enter_array()) {
        while (ids.size() < most_ids && reader.next_element()) take_escaped(family, reader, ids);
    } else if (kind == json::Kind::object && reader.enter_object()) {
        std::string_view key;
        while (ids.size() < most_ids && reader.next_member(key)) {
            if (key.contains('\\') && is_named(family, json::unescape(key))) {
                take_value(family, reader.skip(), ids);
            } else {
                take_escaped(family, reader, ids);
            }
        }
    } else {
        reader.skip();
    }
}

// A member's value in what may be only the beginning of an object.
std::string_view member_of(std::string_view object, std::string_view name) {
    json::Reader reader(object, json::Mode::trusting);
    if (!reader.enter_object()) return {};
    std::string_view key;
    while (reader.next_member(key)) {
        const std::string_view value = reader.skip();
        if (reader.failed()) return {};
        if (json::key_equals(key, name)) return value;
    }
    return {};
}

// The object of the first event, or all of a body.
std::string_view first_object(std::string_view text) {
    std::size_t at = 0;
    skip_blanks(text, at);
    if (at < text.size() && text[at] == '{') return text.substr(at);
    const std::size_t data = text.find("data:");
    if (data == std::string_view::npos) return {};
    at = data + 5;
    skip_blanks(text, at);
    const std::size_t end = text.find('\n', at);
    return end == std::string_view::npos ? std::string_view{} : text.substr(at, end - at);
}

// `files/x` wherever a long-running operation of Google's names it.
void add_files(std::string_view text, std::vector<std::string>& ids) {
    constexpr std::string_view folder = "files/";
    for (std::size_t at = text.find(folder); at != std::string_view::npos; at = text.find(folder, at + 1)) {
        if (at == 0 || (text[at - 1] != '"' && text[at - 1] != '/')) continue;
        std::size_t end = at + folder.size();
        while (end < text.size() &&
               ((text[end] >= 'a' && text[end] <= 'z') || (text[end] >= '0' && text[end] <= '9') || text[end] == '-'))
            ++end;
        if (end > at + folder.size()) add_id(ids, std::string(text.substr(at, end - at)));
    }
}

}  // namespace

std::vector<std::string> referred_ids(Family family, std::string_view body) {
    std::vector<std::string> ids;
    for (const std::string_view key : keys_of(family)) {
        for (std::size_t at = find_text(body, key, 0); at != std::string_view::npos;
             at = find_text(body, key, at + key.size())) {
            // Within a string its quotes would be escaped.
            if (at > 0 && body[at - 1] == '\\') continue;
            std::size_t value = at + key.size();
            if (body[value - 2] == '\\') continue;
            skip_blanks(body, value);
            if (value >= body.size() || body[value] != ':') continue;
            ++value;
            skip_blanks(body, value);
            if (value < body.size()) take_value(family, body.substr(value), ids);
            if (ids.size() >= most_ids) return ids;
        }
    }
    if (find_text(body, "\\u00", 0) != std::string_view::npos) {
        json::Reader reader(body);
        take_escaped(family, reader, ids);
    }
    return ids;
}

namespace {

// Calls `take` with each value of that name, also where an object has several.
template <class Take>
bool each_member(std::string_view object, std::string_view name, Take take) {
    json::Reader reader(object);
    if (reader.peek() != json::Kind::object || !reader.enter_object()) return false;
    std::string_view key;
    while (reader.next_member(key)) {
        const std::string_view value = reader.skip();
        if (!reader.failed() && json::key_equals(key, name)) take(value);
    }
    return reader.finish();
}

}  // namespace

std::optional<std::vector<std::string>> batch_models(std::string_view body) {
    std::vector<std::string> models;
    bool good = true;
    const auto take_model = [&](std::string_view model) {
        if (json::kind_of(model) != json::Kind::string) return void(good = false);
        std::string name = json::string_value(model);
        if (std::ranges::find(models, name) == models.end()) models.push_back(std::move(name));
    };
    const auto take_params = [&](std::string_view params) { good = each_member(params, "model", take_model) && good; };
    const auto take_requests = [&](std::string_view requests) {
        json::Reader reader(requests);
        if (reader.peek() != json::Kind::array || !reader.enter_array()) return void(good = false);
        while (reader.next_element()) good = each_member(reader.skip(), "params", take_params) && good;
    };
    good = each_member(body, "requests", take_requests) && good;
    return good ? std::optional(std::move(models)) : std::nullopt;
}

void MintedIds::feed(std::string_view bytes) {
    if (beginning_.size() < beginning_size) beginning_.append(bytes.substr(0, beginning_size - beginning_.size()));
}

std::vector<std::string> MintedIds::ids() const {
    std::vector<std::string> ids;
    const std::string_view object = first_object(beginning_);
    if (object.empty()) return ids;
    const auto take = [&](std::string_view value) { add_id(ids, json::string_value(value)); };
    if (family_ == Family::gemini) {
        if (made_) take(member_of(object, "name"));
        if (made_) take(member_of(member_of(object, "file"), "name"));
        if (made_ || object.contains("\"done\"")) add_files(object, ids);
        return ids;
    }
    if (made_) {
        const std::string_view response = member_of(object, "response");
        take(member_of(response.empty() ? object : response, "id"));
        take(member_of(member_of(object, "file"), "id"));
    }
    for (const std::string_view name : {"output_file_id", "error_file_id"}) take(member_of(object, name));
    return ids;
}

std::optional<UploadAddress> own_upload_address(std::string_view vendor_url, std::string_view own_origin,
                                                std::string_view caller_key) {
    const std::size_t scheme = vendor_url.find("://");
    const std::size_t path = scheme == std::string_view::npos ? scheme : vendor_url.find('/', scheme + 3);
    const std::size_t begin = path == std::string_view::npos ? path : vendor_url.find("/upload/", path);
    const std::size_t mark = vendor_url.find('?');
    if (begin == std::string_view::npos || mark == std::string_view::npos || mark < begin) return std::nullopt;
    UploadAddress out;
    out.url = std::string(own_origin) + std::string(vendor_url.substr(begin, mark - begin));
    char separator = '?';
    std::string_view query = vendor_url.substr(mark + 1);
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view part = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (part.starts_with("upload_id=")) out.upload_id = part.substr(10);
        if (part.empty() || part.starts_with("key=")) continue;
        out.url.append(1, separator).append(part);
        separator = '&';
    }
    if (out.upload_id.empty()) return std::nullopt;
    if (!caller_key.empty()) out.url.append("&key=").append(percent_encode(caller_key));
    return out;
}

}  // namespace lurus::gateway
