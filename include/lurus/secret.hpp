#pragma once
// A string that must not be shown: no stream operator, no formatter, wiped when it goes.

#include <string>
#include <string_view>
#include <utility>

namespace lurus {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&&) = default;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&&) = default;
    ~Secret();

    /// For the wire and for encryption only.
    [[nodiscard]] std::string_view reveal() const { return value_; }
    [[nodiscard]] bool empty() const { return value_.empty(); }
    /// `sk-a…wxyz`; shorter secrets show nothing but dots.
    [[nodiscard]] std::string masked() const;

private:
    std::string value_;
};

}  // namespace lurus
