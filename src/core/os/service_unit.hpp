#pragma once
// The text of systemd's unit for a service. Pure.

#include <filesystem>
#include <string>
#include <string_view>

#include "core/os/service.hpp"

namespace lurus::platform {

/// The first line of a unit that `install_service` wrote.
inline constexpr std::string_view unit_mark = "# Written by `lurus service install`";

/// The packaged unit, for this service's program, account and places.
std::string unit_text(const ServiceWanted& wanted, const std::string& group);

/// A unit's command as words; a word with spaces stands in double quotes there (systemd.service(5)).
std::string unit_word(std::string_view word);
std::vector<std::string> unit_words(std::string_view line);

/// The value of that key's last assignment; empty when there is none.
std::string unit_value(std::string_view unit, std::string_view key);

}  // namespace lurus::platform
