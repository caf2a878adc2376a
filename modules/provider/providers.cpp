#include <spdlog/spdlog.h>

#include "modules/provider/service.hpp"

namespace lurus {

Result<std::unique_ptr<Providers>> make_providers(const ProviderSettings& settings, ProviderStore& store,
                                                  const Clock& clock) {
    Result<SecretBox> box = settings.master_key.empty() ? SecretBox::from_file(settings.data_dir)
                                                        : SecretBox::from_text(settings.master_key);
    if (!box) {
        if (!settings.master_key.empty()) return fail(box.error().code, "LURUS_MASTER_KEY: " + box.error().message);
        // Whoever stores no credentials can work without it.
        spdlog::warn("stored credentials cannot be used: {}", box.error().message);
    }
    auto service =
        std::make_unique<provider::ProviderService>(store, std::move(box), settings.demo, clock, settings.outside);
    if (auto loaded = service->refresh(); !loaded) return std::unexpected(loaded.error());
    return service;
}

}  // namespace lurus
