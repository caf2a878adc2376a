#pragma once
// The built-in vendor: answers every dialect in-process, the same way for the same request.

#include <memory>

#include "lurus/provider.hpp"

namespace lurus::provider {

/// Lives for the whole process; no state.
std::shared_ptr<const LocalVendor> demo_vendor();

/// What the demo says it has, for lists; it answers for any other name too.
std::vector<std::string> demo_models(Family family);

}  // namespace lurus::provider
