#include "app/version.hpp"

namespace lurus::app {

std::string_view version() {
    return LURUS_VERSION;
}

}  // namespace lurus::app
