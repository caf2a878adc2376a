#include "lurus/record.hpp"

namespace lurus {

std::string_view RequestRecord::member_id() const {
    if (user.empty() || org_id.is_zero() || Id::parse(user) == org_id) return {};
    return user;
}

std::string attempt_id(const Id& record_id, std::size_t place) {
    return record_id.hex() + "-" + std::to_string(place + 1);
}

}  // namespace lurus
