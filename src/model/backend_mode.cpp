#include "lurus/sync.hpp"

namespace lurus {

std::string_view name_of(BackendSetting setting) {
    switch (setting) {
        case BackendSetting::off: return "off";
        case BackendSetting::on: return "on";
        case BackendSetting::automatic: return "auto";
    }
    return "";
}

std::optional<BackendSetting> backend_setting_from(std::string_view name) {
    for (const auto setting : {BackendSetting::off, BackendSetting::on, BackendSetting::automatic}) {
        if (name == name_of(setting)) return setting;
    }
    return std::nullopt;
}

std::string_view name_of(BackendMode mode) {
    switch (mode) {
        case BackendMode::off: return "off";
        case BackendMode::online: return "online";
        case BackendMode::offline: return "offline";
        case BackendMode::replaying: return "replaying";
    }
    return "";
}

}  // namespace lurus
