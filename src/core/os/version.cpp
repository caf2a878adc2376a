#include "core/os/version.hpp"

namespace lurus {

std::string_view version() {
    return LURUS_VERSION;
}

}  // namespace lurus
