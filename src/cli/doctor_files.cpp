#include "cli/doctor.hpp"
#include "config/config_files.hpp"

namespace lurus::cli {

std::vector<Finding> check_named_files(const config::Config& config, UnixMicros now) {
    using Level = config::FileFinding::Level;
    std::vector<Finding> out;
    for (const auto& found : config::check_files(config, now)) {
        Finding finding{Finding::Level::broken, "file", found.what, found.fix};
        if (found.level == Level::good) finding.level = Finding::Level::good;
        if (found.level == Level::soon) finding.level = Finding::Level::warning;
        if (finding.fix.empty() && found.level != Level::good)
            finding.fix = "correct the file, or what names it (" + found.where + ")";
        out.push_back(std::move(finding));
    }
    return out;
}

}  // namespace lurus::cli
