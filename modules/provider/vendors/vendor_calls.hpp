#pragma once
// What the control plane asks of a provider itself: its models, and whether it answers. Blocking.

#include <optional>
#include <string>
#include <vector>

#include "lurus/outside.hpp"
#include "lurus/provider.hpp"
#include "modules/provider/catalog/catalog.hpp"

namespace lurus::provider {

/// All pages. `invalid_argument` when this kind of provider lists none; `unavailable` with the vendor's own words
/// otherwise.
Result<std::vector<ListedModel>> fetch_models(const Provider& provider, const OutsideLimit& limit);

struct TestOutcome {
    bool ok = false;
    int status = 0;  // 0 = no answer came
    std::int64_t latency_us = 0;
    std::string detail;
    Family family = Family::openai;
};

/// With a model: one tiny generation (a few tokens are paid for). Without: the model list, which costs nothing.
/// `invalid_argument`: the provider does not speak that family.
Result<TestOutcome> test_provider(const Provider& provider, const std::string& model, std::optional<Family> family,
                                  const Clock& clock, const OutsideLimit& limit);

}  // namespace lurus::provider
