#include <spdlog/details/file_helper-inl.h>
#include <spdlog/sinks/rotating_file_sink-inl.h>

#include "core/os/log_setup.hpp"
#include "core/os/service_files.hpp"

namespace lurus {

Result<void> log_to_file(const std::filesystem::path& file) {
    constexpr std::size_t most_bytes = 10 << 20, most_files = 5;
    try {
        log_to(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), most_bytes, most_files));
        return {};
    } catch (const spdlog::spdlog_ex& error) {
        return fail(ErrorCode::unavailable, std::string("the log cannot be written: ") + error.what());
    }
}

}  // namespace lurus
