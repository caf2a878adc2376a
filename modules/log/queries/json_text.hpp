#pragma once
// Appends JSON to a string: for text that is written far more often than it is read.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json/json_scan.hpp"

namespace lurus::log {

inline void append_json_int(std::string& out, std::int64_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}

/// Writes one object's members; commas are its business.
class JsonObject {
public:
    explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
    void close() { out_ += '}'; }

    /// `name` needs no escaping. The caller appends the value.
    std::string& member(std::string_view name) {
        if (!first_) out_ += ',';
        first_ = false;
        out_ += '"';
        out_ += name;
        out_ += "\":";
        return out_;
    }
    void text(std::string_view name, std::string_view value) { json::append_quoted(member(name), value); }
    void text_or_null(std::string_view name, std::string_view value) {
        if (value.empty()) {
            member(name) += "null";
        } else {
            text(name, value);
        }
    }
    void number(std::string_view name, std::int64_t value) { append_json_int(member(name), value); }
    void number_or_null(std::string_view name, const std::optional<std::int64_t>& value) {
        if (value) {
            number(name, *value);
        } else {
            member(name) += "null";
        }
    }
    void number_if_any(std::string_view name, const std::optional<std::int64_t>& value) {
        if (value) number(name, *value);
    }
    void boolean(std::string_view name, bool value) { member(name) += value ? "true" : "false"; }

private:
    std::string& out_;
    bool first_ = true;
};

}  // namespace lurus::log
