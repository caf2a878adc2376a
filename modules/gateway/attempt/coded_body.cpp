#include "modules/gateway/attempt/coded_body.hpp"

#include <limits>
#include <memory>
#include <vector>

#include "core/text/ascii.hpp"

namespace lurus::gateway {

// An answer may be of any length: the client's reading bounds it.
CodedBody::CodedBody(const ContentCodings& codings) : decoder_(codings, std::numeric_limits<std::uint64_t>::max()) {}

void CodedBody::add(std::string_view bytes) {
    bytes_.erase(0, at_);
    at_ = 0;
    bytes_.append(bytes);
    pending_ = !bytes_.empty();
}

std::optional<std::string_view> CodedBody::next() {
    const ContentDecoder::Step step = decoder_.decode(std::string_view(bytes_).substr(at_), piece_);
    if (step.state != ContentDecoder::State::good) {
        pending_ = false;
        return std::nullopt;
    }
    at_ += step.consumed;
    pending_ = at_ < bytes_.size() || step.produced == piece_.size();
    return std::string_view(piece_.data(), step.produced);
}

std::unique_ptr<CodedBody> take_coding_off(http1::ResponseHead& answer, const http1::Head& request, bool read) {
    if (answer.find("content-encoding") == nullptr) return nullptr;
    const ContentCodings codings = content_codings(answer);
    // A part of a compressed body cannot be decoded.
    if (codings.count == 0 || !codings.unknown.empty() || answer.status == 206) return nullptr;
    if (!read && asks_for(request, codings)) return nullptr;
    std::erase_if(answer.fields, [](const http1::Field& field) {
        return iequals(field.name, "content-encoding") || iequals(field.name, "content-length");
    });
    answer.content_length.reset();
    return std::make_unique<CodedBody>(codings);
}

}  // namespace lurus::gateway
