#include "modules/identity/directory.hpp"

namespace lurus {

Result<std::unique_ptr<Users>> make_users_sqlite(const std::filesystem::path& file, const Clock& clock) {
    return identity::open_directory_sqlite(file, clock);
}

}  // namespace lurus
