#include "core/os/home_style.hpp"

namespace lurus::platform {

HomeStyle home_style() {
    return HomeStyle::posix;
}

}  // namespace lurus::platform
