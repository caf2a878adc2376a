// Any query and body at every route of the management API, as one who may do everything: nothing is a 500, a refusal is
// a problem document, an answer is JSON.
//
// Input: the route (1 byte), the value of the path's parameters and the query up to the first line feed, the body.

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "app/wiring.hpp"
#include "core/http/url.hpp"

using namespace lurus;
using namespace lurus::app;
using namespace lurus::config;
using namespace lurus::control;

namespace {

constexpr int calls_per_folder = 4000;  // so that what earlier inputs made does not slow later ones down

// They ask another machine.
const std::set<std::string> left_out{"testProvider", "fetchProviderModels", "startOidc", "finishOidc"};

/// A control plane over a folder of its own, gone with it.
class Installation {
public:
    Installation() {
        std::string name = (std::filesystem::temp_directory_path() / "lurus-fuzz-api-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        dir_ = name;
        Config config;
        config.data_dir = dir_ / "data";
        auto loader = [config]() -> Result<Config> { return config; };
        auto opened = open_control_plane(config, Use::command, loader, system_clock());
        if (!opened) {
            std::fprintf(stderr, "%s\n", opened.error().message.c_str());
            std::abort();
        }
        plane_ = std::move(*opened);
        for (const auto& route : plane_->dispatcher().routes()) {
            if (!left_out.contains(route.operation_id)) routes_.push_back(&route);
        }
    }
    Installation(const Installation&) = delete;
    Installation& operator=(const Installation&) = delete;
    ~Installation() {
        plane_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(dir_, ignored);
    }

    void call(std::uint8_t which, std::string_view value, std::string_view query, std::string_view body) const {
        const ApiRoute& route = *routes_[which % routes_.size()];
        std::string target;
        std::string_view rest = route.path;
        for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
            target += rest.substr(0, open);
            target += percent_encode(value);
            rest.remove_prefix(rest.find('}') + 1);
        }
        target += rest;
        if (!query.empty()) target += "?" + std::string(query);
        const ApiResponse response = plane_->local(route.method, target, std::string(body));
        if (const char* wrong = judge(response)) {
            std::fprintf(stderr, "%s: %s %s -> %d %s\n", wrong, route.method.c_str(), target.c_str(), response.status,
                         response.body.c_str());
            std::abort();
        }
    }

private:
    static const char* judge(const ApiResponse& response) {
        const auto body = nlohmann::json::parse(response.body, nullptr, false);
        if (response.status == 500) return "an error of the server's own";
        if (response.status >= 400) {
            if (response.content_type != "application/problem+json") return "no problem document";
            if (!body.is_object() || body.value("status", 0) != response.status) return "another status in the problem";
        } else if (!response.body.empty() && response.content_type == "application/json" && body.is_discarded()) {
            return "no JSON";
        }
        return nullptr;
    }

    std::filesystem::path dir_;
    std::unique_ptr<ControlPlane> plane_;
    std::vector<const ApiRoute*> routes_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    spdlog::set_level(spdlog::level::off);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static auto installation = std::make_unique<Installation>();
    static int calls = 0;
    if (++calls % calls_per_folder == 0) {
        installation.reset();
        installation = std::make_unique<Installation>();
    }
    if (size < 2) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto line = text.find('\n');
    const std::string_view head = text.substr(0, line);
    const std::string_view body = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
    const auto question = head.find('?');
    installation->call(data[0], head.substr(0, question),
                       question == std::string_view::npos ? std::string_view() : head.substr(question + 1), body);
    return 0;
}
