#pragma once
// One event that is too long to be kept, read while its data comes: what it holds of what the dialect wants, until its
// end tells what to do with it. Memory: what the picker keeps, and `most_found` and `most_bytes` here.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_pick.hpp"

namespace lurus::gateway {

class EventParts final : json::PickSink {
public:
    static constexpr std::size_t most_found = 4096;
    static constexpr std::size_t most_bytes = 1 << 20;

    explicit EventParts(const json::Pick& root) : picker_(root) {}

    void feed(std::string_view part) { picker_.feed(part, *this); }
    /// The data is JSON that has ended.
    [[nodiscard]] bool whole() const { return picker_.done(); }
    /// Tells what was found, in its order.
    void replay(json::PickSink& sink) const;

private:
    enum class What : std::uint8_t { value, beginning, mark, end };
    struct Found {
        What what;
        std::uint8_t id;
        char first = 0;
        std::uint32_t size = 0;
    };

    void on_value(std::uint8_t id, std::string_view value, bool whole) override;
    void on_mark(std::uint8_t id, char first) override;
    void on_end(std::uint8_t id) override;
    void add(const Found& found);

    json::Picker picker_;
    std::vector<Found> found_;
    std::string values_;  // one behind the other
};

}  // namespace lurus::gateway
