#include "modules/provider/demo.hpp"

namespace lurus::provider {
namespace {

class DemoVendor final : public LocalVendor {
public:
    [[nodiscard]] LocalReply answer(std::string_view, std::string_view,
                                    const std::vector<std::pair<std::string, std::string>>&,
                                    std::string_view) const override {
        LocalReply reply;
        reply.status = 404;
        return reply;
    }
};

}  // namespace

std::shared_ptr<const LocalVendor> demo_vendor() {
    static const auto vendor = std::make_shared<const DemoVendor>();
    return vendor;
}

std::vector<std::string> demo_models(Family family) {
    switch (family) {
        case Family::anthropic: return {"claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"};
        case Family::openai: return {"gpt-5.5", "gpt-5.5-mini", "gpt-4.1", "gpt-4.1-mini", "text-embedding-3-small"};
        case Family::gemini:
            return {"gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-embedding-001"};
    }
    return {};
}

}  // namespace lurus::provider
