#pragma once
// The composition root: which implementation each port has, and the modules over one data folder, made in order.

#include <memory>

#include "control/state/control_plane.hpp"

namespace lurus::app {

/// Makes the data folder (0700) when it is not there. `conflict`: another server holds the folder.
Result<control::Modules> make_modules(const config::Config& config, control::Use use, const Clock& clock);

/// A control plane over them. `loader` loads the configuration again.
Result<std::unique_ptr<control::ControlPlane>> open_control_plane(config::Config config, control::Use use,
                                                                  control::ConfigLoader loader, const Clock& clock);

/// One command's look at the configured folder.
Result<std::unique_ptr<control::ControlPlane>> open_folder(const config::Config& config);

/// Whether a server would start with this configuration; nothing in its data folder is opened, so routes to what may be
/// stored there are not judged. Every mistake on a line of its own.
Result<void> judge_configuration(const config::Config& config);

/// Holds the data folder against every server. `conflict`: another one has it; `instead`: what to do, for the message.
Result<std::unique_ptr<platform::FileLock>> lock_folder(const std::filesystem::path& data_dir,
                                                        std::string_view instead);

/// Reads the folder's token or makes it (32 random bytes as hex, 0600).
Result<Secret> admin_token_of(const std::filesystem::path& data_dir);

}  // namespace lurus::app
