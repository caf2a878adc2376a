#pragma once
// JSON (RFC 8259) read in place: no DOM, no allocation, one pass. Views point into the caller's text.
// Invariant: nothing reads outside the text, whatever it holds.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lurus::json {

inline constexpr int max_depth = 512;

enum class Kind : std::uint8_t { object, array, string, number, boolean, null, none };

/// What a value is by its first byte; `none` for anything that starts no value.
Kind kind_of(std::string_view value);

/// strict: everything RFC 8259 asks for, and valid UTF-8. trusting: only the structure is followed (strings end where
/// they end, brackets match in number); for text that a vendor made and that is not relayed by what is found in it.
enum class Mode : std::uint8_t { strict, trusting };

/// A cursor over one text. After an error every call returns false or nothing and the error stays.
class Reader {
public:
    explicit Reader(std::string_view text, Mode mode = Mode::strict) : text_(text), mode_(mode) {}

    /// The kind of the value at the cursor; at the end of the text that is an error.
    Kind peek();
    /// Steps into the object or array at the cursor; false (an error) when there is none.
    bool enter_object();
    bool enter_array();
    /// In an object: the next member's key as written between its quotes; the cursor is then at the value, which must
    /// be consumed. False at the object's end, which is consumed, or on an error.
    bool next_member(std::string_view& raw_key);
    /// In an array: true with the cursor at the next element, which must be consumed. False at the array's end or on an
    /// error.
    bool next_element();
    /// Consumes one value and returns its text, quotes included. Empty on an error.
    std::string_view skip();
    /// True when only white space is left; anything else is an error.
    bool finish();

    /// Where the cursor is.
    [[nodiscard]] std::size_t offset() const { return at_; }
    [[nodiscard]] bool failed() const { return error_ != nullptr; }
    /// A constant text such as `unexpected end of JSON`, or null.
    [[nodiscard]] const char* error() const { return error_; }
    [[nodiscard]] std::size_t error_offset() const { return error_at_; }

private:
    bool fail(const char* why, std::size_t at);
    void white_space() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }
    static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
    bool skip_string();
    bool skip_utf8();
    bool skip_escape();
    bool skip_escapes();
    bool skip_number();
    bool skip_word(std::string_view word);
    bool skip_scalar();
    bool skip_container_strict();
    bool skip_container_trusting();
    bool enter(char open);

    std::string_view text_;
    std::size_t at_ = 0;
    Mode mode_ = Mode::strict;
    enum class Utf8 : std::uint8_t { unknown, valid, invalid };
    Utf8 utf8_ = Utf8::unknown;  // what is left of the text from the first byte that is no ASCII
    bool fresh_ = false;         // just inside a container: no comma is due
    int depth_ = 0;
    const char* error_ = nullptr;
    std::size_t error_at_ = 0;
};

/// Index of the first `"` or `\` at or after `from`, else the text's size.
std::size_t find_quote_or_backslash(std::string_view text, std::size_t from);
/// Index of the first byte that a JSON string cannot hold as it is (`"`, `\`, control characters) at or after `from`,
/// else the text's size.
std::size_t find_escaped(std::string_view text, std::size_t from);
/// Index of the first `"` that is followed by one of the letters, at or after `from`, else the text's size.
std::size_t find_quoted(std::string_view text, std::size_t from, const std::array<char, 5>& letters);
/// Index of the first CR or LF at or after `from`, else the text's size.
std::size_t find_line_end(std::string_view text, std::size_t from);

/// Compares a key as written (without quotes) with a name, which has no backslash; escapes count as what they stand
/// for.
bool key_equals(std::string_view raw_key, std::string_view name);

/// The text that a string stands for; `raw` is between the quotes. Lone surrogates and bad escapes become U+FFFD.
std::string unescape(std::string_view raw);
/// The same for a whole string value with its quotes; empty when it is not a string.
std::string string_value(std::string_view value);

/// An integer, also as `12.0`, `1e3` or `"12"`. Empty for anything else or out of range.
std::optional<std::int64_t> to_int64(std::string_view value);

/// The value at a path of keys, read in trusting mode; of equal keys the last counts. Empty when there is none.
std::string_view find(std::string_view value, std::initializer_list<std::string_view> path);

/// Whether all of the text is UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);

/// `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string quote(std::string_view text);
/// The same at the end of a string.
void append_quoted(std::string& out, std::string_view text);

}  // namespace lurus::json
