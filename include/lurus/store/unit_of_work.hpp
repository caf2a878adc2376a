#pragma once
// How a unit of work that returns any Result is given to a port, whose virtual functions carry none.

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "lurus/result.hpp"

namespace lurus {

/// Has `run` call `work` with what it hands out (a `Handed&`); what `work` returns is the result, unless `run` fails.
template <class Handed, class Work, class Run>
auto carried(Work& work, Run run) -> std::invoke_result_t<Work&, Handed&> {
    using Outcome = std::invoke_result_t<Work&, Handed&>;
    using Step = std::function<Result<void>(Handed&)>;
    if constexpr (std::is_void_v<typename Outcome::value_type>) {
        return run(Step(std::ref(work)));
    } else {
        std::optional<typename Outcome::value_type> value;
        auto done = run(Step([&](Handed& handed) -> Result<void> {
            Outcome made = work(handed);
            if (!made) return std::unexpected(made.error());
            value.emplace(*std::move(made));
            return {};
        }));
        if (!done) return std::unexpected(done.error());
        return *std::move(value);
    }
}

}  // namespace lurus
