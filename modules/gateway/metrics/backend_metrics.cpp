#include "modules/gateway/metrics/backend_metrics.hpp"

namespace lurus::gateway {

std::string backend_metrics(std::string_view backend, BackendMode mode) {
    std::string out =
        "# HELP gateway_backend_mode 1 for the mode that a backend is in.\n# TYPE gateway_backend_mode gauge\n";
    for (const auto each : {BackendMode::off, BackendMode::online, BackendMode::offline, BackendMode::replaying}) {
        out.append("gateway_backend_mode{backend=\"").append(backend).append("\",mode=\"").append(name_of(each));
        out.append(each == mode ? "\"} 1\n" : "\"} 0\n");
    }
    return out;
}

}  // namespace lurus::gateway
