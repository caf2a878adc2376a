#include "core/os/zone_data.hpp"

#include <absl/time/internal/cctz/include/cctz/zone_info_source.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/os/platform.hpp"
#include "core/os/shared_library.hpp"
#include "core/os/windows_api.hpp"

// What packaging/windows/zones.sh makes: a line `Europe/Berlin OFFSET SIZE` each, an empty line, and their TZif files.
asm(".section .rdata,\"dr\"\n"
    ".globl lurus_zones_begin, lurus_zones_end\n"
    "lurus_zones_begin:\n"
    ".incbin \"" LURUS_ZONES
    "\"\n"
    "lurus_zones_end:\n"
    ".byte 0\n"
    ".text\n");
extern "C" const char lurus_zones_begin[];
extern "C" const char lurus_zones_end[];

namespace lurus {
namespace {

namespace cctz = absl::time_internal::cctz;

constexpr const char* own_rules = "local";  // a name that is no zone's

class ZoneBytes final : public cctz::ZoneInfoSource {
public:
    explicit ZoneBytes(std::string bytes) : bytes_(std::move(bytes)), left_(bytes_) {}
    std::size_t Read(void* to, std::size_t size) override {
        const std::size_t taken = left_.copy(static_cast<char*>(to), size);
        left_.remove_prefix(taken);
        return taken;
    }
    int Skip(std::size_t size) override {
        if (size > left_.size()) return -1;
        left_.remove_prefix(size);
        return 0;
    }

private:
    const std::string bytes_;
    std::string_view left_;
};

std::optional<std::string> zone_of_database(std::string_view name) {
    const std::string_view all(lurus_zones_begin, static_cast<std::size_t>(lurus_zones_end - lurus_zones_begin));
    const std::size_t data = all.find("\n\n") + 2;
    const std::string wanted = "\n" + std::string(name) + " ";
    const auto at = ("\n" + std::string(all.substr(0, data))).find(wanted);
    if (name.empty() || name.contains('\n') || at == std::string::npos) return std::nullopt;
    const char* text = all.data() + at + wanted.size() - 1;
    std::size_t offset = 0;
    std::size_t size = 0;
    text = std::from_chars(text, all.data() + data, offset).ptr;
    std::from_chars(text + 1, all.data() + data, size);
    return std::string(all.substr(data + offset, size));
}

// `<+0530>`: the name of an offset, in minutes east of Greenwich.
std::string offset_name(long east) {
    const long size = std::abs(east);
    return fmt::format("<{}{:02}{}>", east < 0 ? '-' : '+', size / 60,
                       size % 60 != 0 ? fmt::format("{:02}", size % 60) : "");
}

std::string posix_offset(long west) {
    return fmt::format("{}{}:{:02}", west < 0 ? "-" : "", std::abs(west) / 60, std::abs(west) % 60);
}

// `M3.5.0/2:00`: the fifth is the last, for both.
std::string change_day(const SYSTEMTIME& day) {
    return fmt::format(",M{}.{}.{}/{}:{:02}", day.wMonth, day.wDay, day.wDayOfWeek, day.wHour, day.wMinute);
}

void put_number(std::string& out, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// The rules that the system goes by now, as a TZif file (RFC 8536) of one moment and a rule for all time after it.
std::string zone_of_rules(const DYNAMIC_TIME_ZONE_INFORMATION& zone) {
    const long standard = zone.Bias + zone.StandardBias;
    const long daylight = zone.Bias + zone.DaylightBias;
    const bool changes = zone.DynamicDaylightTimeDisabled == FALSE && zone.StandardDate.wMonth != 0 &&
                         zone.DaylightDate.wMonth != 0 && zone.StandardDate.wYear == 0 && zone.DaylightDate.wYear == 0;
    std::string rule = offset_name(-standard) + posix_offset(standard);
    if (changes)
        rule += offset_name(-daylight) + posix_offset(daylight) + change_day(zone.DaylightDate) +
                change_day(zone.StandardDate);
    const auto name = [](long west) {
        const std::string text = offset_name(-west);
        return text.substr(1, text.size() - 2);
    };
    const std::string names = name(standard) + '\0' + name(daylight) + '\0';
    const auto header = [](std::uint64_t times, std::uint64_t types, std::uint64_t characters) {
        std::string out = "TZif2" + std::string(15, '\0');
        for (const std::uint64_t count :
             {std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}, times, types, characters})
            put_number(out, count, 4);
        return out;
    };
    const auto type = [](std::string& out, long west, bool is_daylight, std::size_t at) {
        put_number(out, static_cast<std::uint64_t>(-west * 60), 4);
        put_number(out, is_daylight ? 1 : 0, 1);
        put_number(out, at, 1);
    };
    std::string out = header(0, 0, 0) + header(1, 2, names.size());
    put_number(out, 0, 8);  // at the begin of 1970
    put_number(out, 0, 1);  // the first type
    type(out, standard, false, 0);
    type(out, daylight, true, name(standard).size() + 1);
    return out + names + "\n" + rule + "\n";
}

std::unique_ptr<cctz::ZoneInfoSource> source_of(
    const std::string& name, const std::function<std::unique_ptr<cctz::ZoneInfoSource>(const std::string&)>&) {
    if (name == own_rules) {
        DYNAMIC_TIME_ZONE_INFORMATION zone{};
        if (::GetDynamicTimeZoneInformation(&zone) == TIME_ZONE_ID_INVALID) return nullptr;
        return std::make_unique<ZoneBytes>(zone_of_rules(zone));
    }
    auto found = zone_of_database(name);
    return found ? std::make_unique<ZoneBytes>(*std::move(found)) : nullptr;
}

// Windows' ICU knows which of these zones its own setting is. It is there from Windows 10 1703 and Server 2019 on.
std::string name_by_icu() {
    using Default = std::int32_t (*)(char16_t*, std::int32_t, int*);
    static const SharedLibrary icu({"icu.dll", "icuin.dll"});
    Default ask = nullptr;
    std::array<char16_t, 128> name{};
    int failure = 0;
    if (!icu.find("ucal_getDefaultTimeZone", ask)) return {};
    const std::int32_t size = ask(name.data(), name.size(), &failure);
    if (failure > 0 || size <= 0 || static_cast<std::size_t>(size) >= name.size()) return {};
    return {name.begin(), name.begin() + size};
}

}  // namespace

void provide_zones() {
    static std::once_flag once;
    std::call_once(once, [] { absl::time_internal::cctz_extension::zone_info_source_factory = &source_of; });
}

absl::TimeZone system_zone() {
    provide_zones();
    absl::TimeZone zone;
    for (const std::string& name : {platform::variable("TZ").value_or(""), name_by_icu(), std::string(own_rules)}) {
        if (!name.empty() && absl::LoadTimeZone(name, &zone)) return zone;
    }
    return absl::UTCTimeZone();
}

std::string_view zones_hint() {
    return "";
}

}  // namespace lurus
