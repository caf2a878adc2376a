#include "core/os/end_process.hpp"

#include <cstdlib>

namespace lurus {

void end_process(int code) {
    std::exit(code);
}

}  // namespace lurus
