#include "core/os/sealed_text.hpp"

namespace lurus::platform {

Result<std::string> seal_text(std::string_view plain) {
    return std::string(plain);
}

Result<std::string> unseal_text(std::string_view held) {
    return std::string(held);
}

}  // namespace lurus::platform
