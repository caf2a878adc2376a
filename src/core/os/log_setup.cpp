#include "core/os/log_setup.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <utility>

namespace lurus {

bool is_log_level(std::string_view level) {
    for (const std::string_view known : {"trace", "debug", "info", "warn", "error", "off"}) {
        if (level == known) return true;
    }
    return false;
}

void set_log_level(std::string_view level) {
    spdlog::set_level(spdlog::level::from_str(level == "error" ? "err" : std::string(level)));
}

void log_to(std::shared_ptr<spdlog::sinks::sink> sink) {
    auto logger = std::make_shared<spdlog::logger>("lurus", spdlog::sinks_init_list{std::move(sink)});
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%fZ %^%-5l%$ %v",
                                                                      spdlog::pattern_time_type::utc));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

void setup_log(std::string_view level) {
    log_to(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(spdlog::color_mode::automatic));
    set_log_level(level);
}

}  // namespace lurus
