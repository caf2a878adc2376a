#include "cli/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "cli/cli_format.hpp"
#include "control/state/control_plane.hpp"
#include "core/os/disk_room.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"

namespace lurus::cli {
namespace {

namespace fs = std::filesystem;
using Level = Finding::Level;

constexpr std::uintmax_t mebibyte = 1 << 20;

Finding check_room(const fs::path& dir) {
    std::error_code ec;
    auto space = fs::space(dir, ec);
    if (ec)
        return {Level::warning, "disk", "free space cannot be told: " + ec.message(),
                "look at the file system of " + dir.string()};
    std::string free = format_bytes(static_cast<std::int64_t>(space.available)) + " free";
    if (const auto room = room_in(dir); room && *room < least_room)
        return {Level::broken, "disk", "full: " + format_bytes(static_cast<std::int64_t>(*room)) + " free",
                "make room: until then changes are refused and records wait in memory; the server goes on by itself"};
    if (space.available < 100 * mebibyte)
        return {Level::broken, "disk", free,
                "make room: the log cannot be written on a full disk, and answers wait for it"};
    if (space.available < 1024 * mebibyte)
        return {Level::warning, "disk", free, "make room soon, or set log.retention_days"};
    return {Level::good, "disk", free, ""};
}

std::optional<Finding> check_secret_file(const fs::path& file) {
    std::error_code ec;
    if (!fs::exists(file, ec)) return std::nullopt;
    std::string name = file.filename().string();
    if (platform::readable_by_others(file))
        return Finding{Level::broken, name, "other users can read it", platform::private_hint(file)};
    return Finding{Level::good, name, "only its owner can read it", ""};
}

}  // namespace

std::vector<Finding> check_data_folder(const fs::path& dir) {
    std::error_code ec;
    if (!fs::exists(dir, ec)) return {{Level::good, "data folder", dir.string() + " is made at the first start", ""}};
    if (!fs::is_directory(dir, ec))
        return {{Level::broken, "data folder", dir.string() + " is no folder", "move it away, or give --data-dir"}};
    std::vector<Finding> out;
    fs::path trial = dir / ".doctor";
    auto written = write_private_file(trial, "");
    fs::remove(trial, ec);
    const auto room = room_in(dir);
    if (!written && room && *room < least_room) return {check_room(dir)};
    if (!written)
        return {{Level::broken, "data folder", written.error().message,
                 "make it writable for this user, or give --data-dir"}};
    out.push_back({Level::good, "data folder", dir.string() + " is writable", ""});
    out.push_back(check_room(dir));
    for (const char* name : {"master.key", "admin.token"}) {
        if (auto finding = check_secret_file(dir / name)) out.push_back(std::move(*finding));
    }
    return out;
}

Finding check_clock(UnixMicros now) {
    LocalTime local = local_time(now);
    std::string text = format_date_time(local);
    if (local.year < 2025 || local.year > 2100)
        return {Level::broken, "clock", "it says " + text,
                "set the machine's clock: records, prices and key expiry go by it"};
    return {Level::good, "clock", text, ""};
}

std::optional<std::int64_t> parse_http_date(std::string_view date) {
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (date.size() != 29 || date.substr(3, 2) != ", " || date.substr(25) != " GMT") return std::nullopt;
    for (std::size_t m = 0; m < months.size(); ++m) {
        if (date.substr(8, 3) != months[m]) continue;
        auto time = parse_time(
            fmt::format("{}-{:02}-{}T{}Z", date.substr(12, 4), m + 1, date.substr(5, 2), date.substr(17, 8)));
        if (!time) return std::nullopt;
        return *time / 1'000'000;
    }
    return std::nullopt;
}

Finding check_clock_against(UnixMicros now, std::string_view date, const std::string& whose) {
    auto theirs = parse_http_date(date);
    if (!theirs)
        return {Level::warning, "clock", whose + " sent no readable Date", "compare the machine's clock with another"};
    std::int64_t off = now / 1'000'000 - *theirs;
    std::string by = format_duration(std::abs(off) * 1'000'000);
    if (std::abs(off) > 300)
        return {Level::broken, "clock", fmt::format("{} {} {}", by, off > 0 ? "ahead of" : "behind", whose),
                "set the machine's clock"};
    return {Level::good, "clock", fmt::format("within {} of {}", off == 0 ? "1s" : by, whose), ""};
}

std::string render_findings(const std::vector<Finding>& findings, const Style& style) {
    std::string out;
    for (const auto& f : findings) {
        bool good = f.level == Level::good, broken = f.level == Level::broken;
        out += colored(good     ? "✓"
                       : broken ? "✗"
                                : "!",
                       good     ? Color::green
                       : broken ? Color::red
                                : Color::yellow,
                       style.color);
        std::string what = printable(f.what);
        while (display_width(what) < 16) what += ' ';
        out += " " + what + " " + printable(f.detail) + "\n";
        if (!f.fix.empty())
            out += "                   " + colored("→ " + printable(f.fix), Color::dim, style.color) + "\n";
    }
    auto count = [&](Level level) {
        return std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.level == level; });
    };
    auto broken = count(Level::broken), warnings = count(Level::warning);
    if (broken == 0 && warnings == 0) return out + "All is well.\n";
    return out + fmt::format("{} broken, {} to look at.\n", broken, warnings);
}

Json json_of(const Finding& f) {
    return {{"check", f.what},
            {"level", f.level == Level::good     ? "good"
                      : f.level == Level::broken ? "broken"
                                                 : "warning"},
            {"detail", f.detail},
            {"fix", f.fix.empty() ? Json(nullptr) : Json(f.fix)}};
}

bool any_broken(const std::vector<Finding>& findings) {
    return std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.level == Level::broken; });
}

}  // namespace lurus::cli
