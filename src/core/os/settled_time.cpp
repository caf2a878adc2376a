#include "core/os/settled_time.hpp"

#include <cstdlib>

namespace lurus {

UnixMicros SettledTime::now() {
    const UnixMicros said = clock_.now();
    const std::int64_t since_boot = clock_.since_boot_us(), offset = said - since_boot;
    const std::scoped_lock lock(mutex_);
    if (offset > believed_ + same_us) {
        if (!doubted_since_ || std::abs(offset - doubted_) > same_us) doubted_since_ = since_boot;
        doubted_ = offset;
        if (since_boot - *doubted_since_ < doubt_us) return since_boot + believed_;
    }
    believed_ = offset;
    doubted_since_.reset();
    return said;
}

}  // namespace lurus
