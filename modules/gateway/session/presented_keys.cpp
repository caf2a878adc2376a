#include "modules/gateway/session/presented_keys.hpp"

#include <algorithm>
#include <array>

#include "core/http/url.hpp"
#include "core/text/ascii.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t most_keys = 16;  // each costs a hash
constexpr std::array<std::string_view, 4> key_headers = {"x-api-key", "authorization", "x-goog-api-key", "api-key"};

// The text up to a comma, or all of it, which is taken off.
std::string_view take_element(std::string_view& list) {
    const std::size_t comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    return element;
}

// Another scheme's credential is no key.
std::string_view bearer(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    if (!iequals(authorization.substr(0, scheme.size()), scheme)) return {};
    return trim(authorization.substr(scheme.size()));
}

bool is_key_protocol(std::string_view protocol) {
    return iequals(protocol.substr(0, key_protocol.size()), key_protocol);
}

}  // namespace

PresentedKeys::PresentedKeys(const http1::RequestHead& head) : head_(head) {
    const std::size_t mark = head.target.find('?');
    if (mark != std::string_view::npos) query_ = head.target.substr(mark + 1);
}

std::string_view PresentedKeys::next() {
    while (given_ < most_keys && !over_) {
        const std::string_view found = look();
        if (found.empty()) continue;
        ++given_;
        return found;
    }
    return {};
}

// One step; empty when it found none.
std::string_view PresentedKeys::look() {
    if (place_ < key_headers.size()) {
        const std::string_view name = key_headers[place_];
        while (field_ < head_.fields.size()) {
            const http1::Field& field = head_.fields[field_++];
            if (!iequals(field.name, name)) continue;
            return name == "authorization" ? bearer(field.value) : field.value;
        }
        ++place_;
        field_ = 0;
        return {};
    }
    if (!query_.empty()) return of_query();
    return of_protocols();
}

std::string_view PresentedKeys::of_query() {
    const std::size_t end = query_.find('&');
    const std::string_view pair = query_.substr(0, end);
    query_ = end == std::string_view::npos ? std::string_view() : query_.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return {};
    std::string_view name = pair.substr(0, equals);
    std::string decoded_name;
    if (name.find('%') != std::string_view::npos) {
        decoded_name = percent_decode(name).value_or(std::string());
        name = decoded_name;
    }
    if (name != "key" && name != "api-key") return {};
    const std::string_view value = pair.substr(equals + 1);
    if (value.find('%') == std::string_view::npos) return value;
    decoded_ = percent_decode(value).value_or(std::string());
    return decoded_;
}

std::string_view PresentedKeys::of_protocols() {
    for (;;) {
        while (!protocols_.empty()) {
            const std::string_view protocol = take_element(protocols_);
            if (is_key_protocol(protocol)) return protocol.substr(key_protocol.size());
        }
        while (field_ < head_.fields.size() && !iequals(head_.fields[field_].name, "sec-websocket-protocol")) ++field_;
        if (field_ == head_.fields.size()) break;
        protocols_ = head_.fields[field_++].value;
    }
    over_ = true;
    return {};
}

std::string without_keys(std::string_view protocols) {
    std::string out;
    while (!protocols.empty()) {
        const std::string_view protocol = take_element(protocols);
        if (protocol.empty() || is_key_protocol(protocol)) continue;
        if (!out.empty()) out += ", ";
        out += protocol;
    }
    return out;
}

std::string_view protocol_for_client(std::string_view offered) {
    std::string_view key;
    while (!offered.empty()) {
        const std::string_view protocol = take_element(offered);
        if (protocol.empty()) continue;
        if (!is_key_protocol(protocol)) return protocol;
        key = protocol;
    }
    return key;
}

}  // namespace lurus::gateway
