// The strict reader against nlohmann, and against the trusting reader and the picker on what it finds valid.

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "core/json/json_pick.hpp"
#include "core/json/json_scan.hpp"

using namespace lurus;

namespace {

constexpr json::Pick any_member[] = {{.key = "*", .capture = 0}, {.key = "[]", .capture = 1}};
constexpr json::Pick members[] = {{.key = "usage", .capture = 0},
                                  {.key = "list", .mark = 1, .children = any_member},
                                  {.key = "[]", .mark = 2, .children = any_member}};
constexpr json::Pick root{.children = members};

struct Log final : json::PickSink {
    std::string text;
    void on_value(std::uint8_t id, std::string_view value, bool) override {
        text += std::to_string(id);
        text += value;
    }
    void on_mark(std::uint8_t id, char first) override {
        text += std::to_string(id);
        text += first;
    }
    void on_end(std::uint8_t id) override { text += std::to_string(id); }
};

void require(bool ok) {
    if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);

    json::Reader strict(text);
    const std::string_view value = strict.skip();
    const bool valid = strict.finish();
    if (!valid) require(strict.failed() && strict.error_offset() <= size);
    const std::string quoted = json::quote(text);
    json::Reader again(quoted);
    require(again.skip() == quoted && again.finish());
    json::unescape(text);
    json::to_int64(text);
    json::find(text, {"a", "b"});

    // nlohmann refuses numbers beyond a double and lone surrogates, takes a byte order mark, ends at a NUL, and knows
    // no depth limit.
    const bool comparable =
        size < 512 && !text.starts_with("\xEF\xBB\xBF") && text.find('\0') == std::string_view::npos;
    if (comparable && nlohmann::json::accept(text)) require(valid);
    if (valid) {
        json::Reader trusting(text, json::Mode::trusting);
        require(trusting.skip() == value);
        if (json::kind_of(value) == json::Kind::string)
            require(json::string_value(json::quote(json::string_value(value))) == json::string_value(value));
    }

    json::Picker whole(root);
    Log all;
    whole.feed(text, all);
    if (valid && (value.front() == '{' || value.front() == '[')) require(whole.done());
    json::Picker split(root);
    Log parts;
    const std::size_t step = size == 0 ? 1 : 1 + data[size - 1] % 7;
    for (std::size_t at = 0; at < size; at += step) {
        const std::string piece(text.substr(at, step));
        split.feed(piece, parts);
    }
    require(all.text == parts.text && whole.done() == split.done());
    return 0;
}
