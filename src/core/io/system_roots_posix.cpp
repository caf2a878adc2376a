#include "core/io/system_roots.hpp"

namespace lurus {

void add_system_roots(X509_STORE* store) {
    X509_STORE_set_default_paths(store);
}

}  // namespace lurus
