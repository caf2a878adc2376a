#pragma once

#include <filesystem>
#include <memory>

#include "lurus/store/kept.hpp"

namespace lurus::app {

/// What vendors keep, in a file of its own, which is made when there is something to store: it changes with requests,
/// unlike lurus.db, each change of which is followed by a snapshot.
std::unique_ptr<KeptStore> make_kept_file(std::filesystem::path file);

}  // namespace lurus::app
