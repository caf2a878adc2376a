#include "core/io/system_roots.hpp"

namespace lurus {

void trust_system_roots(SSL_CTX* context) {
    SSL_CTX_set_default_verify_paths(context);
}

}  // namespace lurus
