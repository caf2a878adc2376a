#include "core/json/json_scan.hpp"

#include "core/json/json_bytes.hpp"
#include "core/text/ascii.hpp"

namespace lurus::json {
namespace {

using namespace bytes;

constexpr const char* end_of_text = "unexpected end of JSON";

}  // namespace

Kind kind_of(std::string_view value) {
    if (value.empty()) return Kind::none;
    switch (value.front()) {
        case '{': return Kind::object;
        case '[': return Kind::array;
        case '"': return Kind::string;
        case 't':
        case 'f': return Kind::boolean;
        case 'n': return Kind::null;
        default: return value.front() == '-' || is_digit(value.front()) ? Kind::number : Kind::none;
    }
}

bool Reader::fail(const char* why, std::size_t at) {
    if (error_ == nullptr) {
        error_ = why;
        error_at_ = at;
    }
    return false;
}

Kind Reader::peek() {
    if (failed()) return Kind::none;
    white_space();
    if (at_ >= text_.size()) {
        fail(end_of_text, at_);
        return Kind::none;
    }
    return kind_of(text_.substr(at_, 1));
}

bool Reader::enter(char open) {
    if (failed()) return false;
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] != open) return fail(open == '{' ? "expected an object" : "expected an array", at_);
    if (depth_ >= max_depth) return fail("nesting is deeper than 512", at_);
    ++at_;
    ++depth_;
    fresh_ = true;
    return true;
}

bool Reader::enter_object() {
    return enter('{');
}
bool Reader::enter_array() {
    return enter('[');
}

bool Reader::next_member(std::string_view& raw_key) {
    if (failed()) return false;
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] == '}') {
        ++at_;
        --depth_;
        fresh_ = false;
        return false;
    }
    if (!fresh_) {
        if (text_[at_] != ',') return fail("expected `,` or `}`", at_);
        ++at_;
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
    }
    fresh_ = false;
    if (text_[at_] != '"') return fail("expected a key", at_);
    const std::size_t begin = at_ + 1;
    if (!skip_string()) return false;
    raw_key = text_.substr(begin, at_ - 1 - begin);
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] != ':') return fail("expected `:`", at_);
    ++at_;
    white_space();
    return true;
}

bool Reader::next_element() {
    if (failed()) return false;
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] == ']') {
        ++at_;
        --depth_;
        fresh_ = false;
        return false;
    }
    if (!fresh_) {
        if (text_[at_] != ',') return fail("expected `,` or `]`", at_);
        ++at_;
        white_space();
    }
    fresh_ = false;
    return true;
}

std::string_view Reader::skip() {
    if (failed()) return {};
    white_space();
    if (at_ >= text_.size()) {
        fail(end_of_text, at_);
        return {};
    }
    const std::size_t begin = at_;
    const char c = text_[at_];
    bool ok = false;
    if (c != '{' && c != '[') {
        ok = skip_scalar();
    } else if (mode_ == Mode::strict) {
        ok = skip_container_strict();
    } else {
        ok = skip_container_trusting();
    }
    fresh_ = false;
    return ok ? text_.substr(begin, at_ - begin) : std::string_view{};
}

bool Reader::finish() {
    if (failed()) return false;
    white_space();
    return at_ == text_.size() || fail("text after the JSON value", at_);
}

bool Reader::skip_scalar() {
    switch (text_[at_]) {
        case '"': return skip_string();
        case 't': return skip_word("true");
        case 'f': return skip_word("false");
        case 'n': return skip_word("null");
        default: return skip_number();
    }
}

bool Reader::skip_word(std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (at_ + i >= text_.size()) return fail(end_of_text, text_.size());
        if (text_[at_ + i] != word[i]) return fail("unexpected character", at_ + i);
    }
    at_ += word.size();
    return true;
}

bool Reader::skip_number() {
    std::size_t i = at_;
    auto at_end = [&] { return i >= text_.size(); };
    auto digits = [&] {
        if (at_end()) return fail(end_of_text, i);
        if (!is_digit(text_[i])) return fail(i == at_ ? "unexpected character" : "expected a digit", i);
        while (!at_end() && is_digit(text_[i])) ++i;
        return true;
    };
    if (text_[i] == '-') ++i;
    if (!at_end() && text_[i] == '0') {
        ++i;
        if (!at_end() && is_digit(text_[i])) return fail("a number cannot start with 0", i);
    } else if (!digits()) {
        return false;
    }
    if (!at_end() && text_[i] == '.') {
        ++i;
        if (!digits()) return false;
    }
    if (!at_end() && (text_[i] == 'e' || text_[i] == 'E')) {
        ++i;
        if (!at_end() && (text_[i] == '+' || text_[i] == '-')) ++i;
        if (!digits()) return false;
    }
    at_ = i;
    return true;
}

bool Reader::skip_escape() {
    if (at_ + 1 >= text_.size()) return fail(end_of_text, text_.size());
    switch (text_[at_ + 1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': at_ += 2; return true;
        case 'u':
            for (std::size_t i = at_ + 2; i < at_ + 6; ++i) {
                if (i >= text_.size()) return fail(end_of_text, text_.size());
                if (hex_digit(text_[i]) < 0) return fail("bad \\u escape", i);
            }
            at_ += 6;
            return true;
        default: return fail("bad escape", at_ + 1);
    }
}

bool Reader::skip_escapes() {
    do {
        if (!skip_escape()) return false;
    } while (text_.substr(at_, 2) == "\\u");
    return true;
}

bool Reader::skip_utf8() {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text_[i]); };
    while (at_ < text_.size() && byte(at_) >= 0x80) {
        if (utf8_ == Utf8::valid) {  // maybe within a sequence
            ++at_;
            continue;
        }
        // Nearly all of Chinese, Japanese and Korean.
        if (byte(at_) > 0xE0 && byte(at_) < 0xED && at_ + 3 <= text_.size() && (byte(at_ + 1) & 0xC0) == 0x80 &&
            (byte(at_ + 2) & 0xC0) == 0x80) {
            at_ += 3;
            continue;
        }
        const std::size_t length = utf8_length(text_.substr(at_));
        if (length == 0) return fail("invalid UTF-8", at_);
        at_ += length;
    }
    return true;
}

bool Reader::skip_string() {
    ++at_;
    if (mode_ == Mode::trusting) {
        while (true) {
            at_ = find_quote_or_backslash(text_, at_);
            if (at_ >= text_.size()) return fail(end_of_text, text_.size());
            if (text_[at_] == '"') break;
            at_ += 2;
        }
        ++at_;
        return true;
    }
    while (true) {
        at_ = skip_plain(text_, at_);
        if (at_ >= text_.size()) return fail(end_of_text, text_.size());
        const auto c = static_cast<unsigned char>(text_[at_]);
        if (c == '"') {
            ++at_;
            return true;
        }
        if (c < 0x20) return fail("control character in a string", at_);
        if (c >= 0x80 && utf8_ == Utf8::unknown) {
            utf8_ = is_utf8(text_.substr(at_)) ? Utf8::valid : Utf8::invalid;
        }
        const std::size_t from = at_;
        at_ = skip_text_blocks(text_, at_, utf8_ == Utf8::valid);
        if (at_ != from) continue;
        if (c == '\\' ? !skip_escapes() : !skip_utf8()) return false;
    }
}

bool Reader::skip_container_strict() {
    std::array<std::uint64_t, max_depth / 64> is_object{};  // one bit a level
    const int base = depth_;
    int level = base;
    auto in_object = [&] {
        return ((is_object[static_cast<unsigned>(level - 1) / 64] >> (static_cast<unsigned>(level - 1) % 64)) & 1) != 0;
    };
    auto open = [&](bool object) {
        if (level >= max_depth) return fail("nesting is deeper than 512", at_);
        const auto slot = static_cast<unsigned>(level) / 64;
        const std::uint64_t bit = std::uint64_t{1} << (static_cast<unsigned>(level) % 64);
        is_object[slot] = object ? is_object[slot] | bit : is_object[slot] & ~bit;
        ++level;
        ++at_;
        return true;
    };
    auto key = [&] {
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
        if (text_[at_] != '"') return fail("expected a key", at_);
        if (!skip_string()) return false;
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
        if (text_[at_] != ':') return fail("expected `:`", at_);
        ++at_;
        return true;
    };
    while (true) {
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
        const char c = text_[at_];
        if (c == '{' || c == '[') {
            if (!open(c == '{')) return false;
            white_space();
            if (at_ >= text_.size()) return fail(end_of_text, at_);
            if (text_[at_] == (c == '{' ? '}' : ']')) {
                ++at_;
                --level;
            } else {
                if (c == '{' && !key()) return false;
                continue;
            }
        } else if (!skip_scalar()) {
            return false;
        }
        // A value ended: close what ends with it, then a comma is due.
        while (true) {
            if (level == base) return true;
            white_space();
            if (at_ >= text_.size()) return fail(end_of_text, at_);
            const bool object = in_object();
            const char next = text_[at_];
            if (next == ',') {
                ++at_;
                if (object && !key()) return false;
                break;
            }
            if (next != (object ? '}' : ']')) return fail(object ? "expected `,` or `}`" : "expected `,` or `]`", at_);
            ++at_;
            --level;
        }
    }
}

bool Reader::skip_container_trusting() {
    std::size_t open = 0;
    while (at_ < text_.size()) {
        switch (text_[at_]) {
            case '"':
                if (!skip_string()) return false;
                continue;
            case '{':
            case '[': ++open; break;
            case '}':
            case ']':
                if (--open == 0) {
                    ++at_;
                    return true;
                }
                break;
            default: break;
        }
        ++at_;
    }
    return fail(end_of_text, at_);
}

}  // namespace lurus::json
