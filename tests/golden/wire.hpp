#pragma once
// The recordings of real vendors: LURUS_WIRE names their folder.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace golden {

std::filesystem::path wire_folder();
/// The descriptions in it, sorted.
std::vector<std::filesystem::path> recordings(const std::filesystem::path& folder);
/// The path that a client of ours would ask; empty for formats that are not served.
std::string target_of(const nlohmann::json& meta);

}  // namespace golden
