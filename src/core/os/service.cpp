#include "core/os/service.hpp"

namespace lurus::platform {

std::string_view run_name(ServiceState::Run run) {
    switch (run) {
        case ServiceState::Run::starting: return "starting";
        case ServiceState::Run::running: return "running";
        case ServiceState::Run::stopping: return "stopping";
        case ServiceState::Run::failed: return "failed";
        case ServiceState::Run::stopped: break;
    }
    return "stopped";
}

}  // namespace lurus::platform
