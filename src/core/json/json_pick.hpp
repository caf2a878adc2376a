#pragma once
// Picks a few values out of a JSON text that arrives in pieces, in memory that does not grow with the text.
// Values beside the wanted paths are stepped over; a value that lies whole in one piece is handed out in place.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lurus::json {

struct Pick;

/// A node's children. What finds one of them by its key is worked out by the compiler.
class Picks {
public:
    constexpr Picks() = default;
    constexpr Picks(std::span<const Pick> all);
    template <std::size_t N>
    constexpr Picks(const Pick (&all)[N]) : Picks(std::span<const Pick>(all)) {}

    [[nodiscard]] bool empty() const { return all_.empty(); }
    /// The child that a key leads to, as written between its quotes, or null.
    [[nodiscard]] const Pick* named(std::string_view raw_key) const;
    /// The same of a key without escapes.
    [[nodiscard]] const Pick* named_plainly(std::string_view key) const {
        const std::uint8_t first = first_[place_of(key)];
        return first != no_child ? find(key, first) : any_;
    }
    /// The child that elements of an array lead to, or null.
    [[nodiscard]] const Pick* element() const { return element_; }

private:
    static constexpr std::uint8_t no_child = 255;
    static constexpr std::size_t places = 64;

    static constexpr std::size_t place_of(std::string_view key) {
        const unsigned first = key.empty() ? 0 : static_cast<unsigned char>(key.front());
        return (first + 5 * key.size()) % places;
    }
    static constexpr std::array<std::uint8_t, places> no_children() {
        std::array<std::uint8_t, places> none{};
        none.fill(no_child);
        return none;
    }
    /// From this child on.
    [[nodiscard]] const Pick* find(std::string_view key, std::size_t first) const;

    std::span<const Pick> all_;
    // Of each place the first child whose key has it: most keys that lead nowhere have another one.
    std::array<std::uint8_t, places> first_ = no_children();
    const Pick* any_ = nullptr;
    const Pick* element_ = nullptr;
};

/// A tree of wanted paths; the root node stands for the whole text. `key` is a member's name, `*` for every member that
/// no other child names, or `[]` for every element of an array. A value that is captured is not followed into its
/// children.
struct Pick {
    static constexpr std::uint8_t nothing = 255;
    static constexpr std::uint32_t most = 1 << 20;
    std::string_view key;
    std::uint8_t capture = nothing;  // hand the whole value out under this id
    std::uint8_t mark = nothing;     // say when a value begins and ends here
    Picks children{};
    std::uint32_t keep = most;  // bytes of a captured value that comes in pieces; the rest is dropped
};

constexpr Picks::Picks(std::span<const Pick> all) : all_(all) {
    if (all.size() > no_child) throw "too many children";
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Pick& child = all[i];
        std::uint8_t& first = first_[place_of(child.key)];
        if (first == no_child) first = static_cast<std::uint8_t>(i);
        if (child.key == "*") any_ = &child;
        if (child.key == "[]") element_ = &child;
    }
}

class PickSink {
public:
    virtual ~PickSink() = default;
    /// A whole value. Longer than its path's `keep` and split over pieces: only its beginning, and `whole` is false.
    virtual void on_value(std::uint8_t id, std::string_view value, bool whole) = 0;
    /// A value begins at a marked path; `first` is its first byte.
    virtual void on_mark(std::uint8_t id, char first) = 0;
    /// That value, an object or array that was followed, ended.
    virtual void on_end(std::uint8_t id) = 0;
};

/// One text's reader. It trusts the text's structure; of a text that is not JSON it may pick nothing and find no end.
class Picker {
public:
    static constexpr std::size_t max_capture = Pick::most;
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    explicit Picker(const Pick& root) : root_(&root), wanted_(&root) {}

    /// Reads a piece. Returns the index in it of the byte that ends the text's object, array or string, else `none`.
    /// What follows the end is ignored.
    std::size_t feed(std::string_view piece, PickSink& sink);
    /// Starts again with a new text; keeps its memory.
    void reset(const Pick& root);
    [[nodiscard]] bool done() const { return state_ == State::done; }
    /// It is inside of an object, an array or a text that has not ended.
    [[nodiscard]] bool unfinished() const;
    /// The text cannot be JSON.
    [[nodiscard]] bool broken() const { return state_ == State::broken; }
    /// After an element of the outermost array, before the comma or the bracket.
    [[nodiscard]] bool after_element() const;

private:
    enum class State : std::uint8_t {
        value,
        key_or_end,
        key,
        key_escape,
        colon,
        after,
        string,
        string_escape,
        scalar,
        skim,
        done,
        broken
    };
    static constexpr std::size_t max_levels = 8;
    static constexpr std::size_t max_key = 64;
    struct Level {
        const Pick* node = nullptr;
        bool array = false;
    };

    const Picks& children() const { return levels_[depth_ - 1].node->children; }
    const Pick* element() const { return children().element(); }
    std::size_t begin_value(std::string_view piece, std::size_t at, PickSink& sink);
    void end_value(std::string_view piece, std::size_t end, PickSink& sink);
    void close(PickSink& sink);
    void hold(std::string_view bytes);
    std::size_t read_key(std::string_view piece, std::size_t at);
    std::size_t read_string(std::string_view piece, std::size_t at, PickSink& sink);
    std::size_t skim(std::string_view piece, std::size_t at);

    const Pick* root_;
    State state_ = State::value;
    const Pick* wanted_;  // what the coming value matches
    const Pick* capturing_ = nullptr;
    std::array<Level, max_levels> levels_{};
    std::size_t depth_ = 0;          // levels that are followed
    std::size_t open_brackets_ = 0;  // inside a value that is stepped over
    bool in_string_ = false;         // there
    bool in_escape_ = false;         // there
    std::size_t capture_from_ = 0;
    std::string held_;  // the captured value's bytes from earlier pieces
    bool cut_ = false;  // held_ lost bytes to the limit
    std::string key_;   // the key's bytes from earlier pieces
};

}  // namespace lurus::json
