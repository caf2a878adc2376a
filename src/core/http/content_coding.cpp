#include "core/http/content_coding.hpp"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <new>

#include "core/text/ascii.hpp"

namespace lurus {

/// One coding. Its step works as a decoder's does, but is asked again as long as it gets on.
class ContentDecoder::Stage {
public:
    struct Moved {
        std::size_t consumed = 0;
        std::size_t produced = 0;
        bool damaged = false;
    };
    Stage() = default;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    virtual ~Stage() = default;
    virtual Moved step(std::string_view in, std::span<char> out) = 0;
    [[nodiscard]] bool whole() const { return whole_; }

protected:
    bool whole_ = true;
};

namespace {

using Moved = ContentDecoder::Stage::Moved;

constexpr std::size_t between_bytes = 16 << 10;
constexpr int zstd_window_log = 23;  // 8 MiB, the most that RFC 9659 allows here
constexpr std::size_t longest_step = 1 << 30;

constexpr Moved damaged{.consumed = 0, .produced = 0, .damaged = true};

/// gzip, of one or more members, and deflate, which is zlib's format by its specification and without a wrapper by the
/// habit of some senders.
class ZlibStage final : public ContentDecoder::Stage {
public:
    explicit ZlibStage(ContentCoding coding) : gzip_(coding == ContentCoding::gzip) {}
    ~ZlibStage() override {
        if (begun_) inflateEnd(&stream_);
    }

    Moved step(std::string_view in, std::span<char> out) override {
        if (in.empty() && !begun_) return {};
        if (ended_) return after_end(in, out);
        std::size_t consumed = 0;
        while (!begun_) {
            if (consumed == in.size()) return {.consumed = consumed};
            whole_ = false;
            first_[first_size_++] = static_cast<unsigned char>(in[consumed++]);
            if (gzip_ || first_size_ == first_.size()) begin();
        }
        Moved moved = inflate_some(in.substr(consumed), out);
        moved.consumed += consumed;
        return moved;
    }

private:
    void begin() {
        const bool wrapped =
            (first_[0] & 0x0f) == 8 && (first_[0] >> 4) <= 7 && (first_[0] * 256 + first_[1]) % 31 == 0;
        if (inflateInit2(&stream_, gzip_ ? 15 + 16 : wrapped ? 15 : -15) != Z_OK) throw std::bad_alloc();
        begun_ = true;
    }

    Moved inflate_some(std::string_view in, std::span<char> out) {
        Moved moved;
        // The bytes that told the format apart come first.
        while (first_at_ < first_size_) {
            const std::string_view first(reinterpret_cast<const char*>(first_.data()) + first_at_,
                                         first_size_ - first_at_);
            const Moved some = run(first, out);
            if (some.damaged) return damaged;
            first_at_ += some.consumed;
            moved.produced += some.produced;
            out = out.subspan(some.produced);
            if (some.consumed == 0 || ended_) return moved;
        }
        const Moved rest = run(in, out);
        return {.consumed = rest.consumed, .produced = moved.produced + rest.produced, .damaged = rest.damaged};
    }

    Moved run(std::string_view in, std::span<char> out) {
        in = in.substr(0, longest_step);
        out = out.first(std::min(out.size(), longest_step));
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(in.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        const int result = inflate(&stream_, Z_SYNC_FLUSH);
        if (result == Z_MEM_ERROR) throw std::bad_alloc();
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return damaged;
        whole_ = ended_ = result == Z_STREAM_END;
        return {.consumed = in.size() - stream_.avail_in, .produced = out.size() - stream_.avail_out};
    }

    // Zeros that fill up a block of storage are no part of it, as for gzip(1); what else follows is another member.
    Moved after_end(std::string_view in, std::span<char> out) {
        if (in.empty()) return {};
        if (!gzip_) return damaged;
        const std::size_t next = std::min(in.find_first_not_of('\0'), in.size());
        if (next > 0) {
            padded_ = true;
            return {.consumed = next};
        }
        if (padded_ || inflateReset(&stream_) != Z_OK) return damaged;
        return run(in, out);
    }

    const bool gzip_;
    bool begun_ = false;
    bool ended_ = false;
    bool padded_ = false;
    std::array<unsigned char, 2> first_{};
    std::size_t first_size_ = 0;
    std::size_t first_at_ = 0;
    z_stream stream_{};
};

class BrotliStage final : public ContentDecoder::Stage {
public:
    BrotliStage() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
        if (state_ == nullptr) throw std::bad_alloc();
    }
    ~BrotliStage() override { BrotliDecoderDestroyInstance(state_); }

    Moved step(std::string_view in, std::span<char> out) override {
        if (in.empty() && whole_) return {};
        if (ended_) return damaged;
        whole_ = false;
        std::size_t in_left = in.size();
        std::size_t out_left = out.size();
        const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
        const BrotliDecoderResult result =
            BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
        if (result == BROTLI_DECODER_RESULT_ERROR) {
            const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state_);
            if (code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES)
                throw std::bad_alloc();
            return damaged;
        }
        ended_ = whole_ = result == BROTLI_DECODER_RESULT_SUCCESS;
        return {.consumed = in.size() - in_left, .produced = out.size() - out_left};
    }

private:
    BrotliDecoderState* state_;
    bool ended_ = false;
};

class ZstdStage final : public ContentDecoder::Stage {
public:
    ZstdStage() : stream_(ZSTD_createDCtx()) {
        if (stream_ == nullptr) throw std::bad_alloc();
        ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, zstd_window_log);
    }
    ~ZstdStage() override { ZSTD_freeDCtx(stream_); }

    Moved step(std::string_view in, std::span<char> out) override {
        if (in.empty() && whole_) return {};
        ZSTD_inBuffer from{in.data(), in.size(), 0};
        ZSTD_outBuffer to{out.data(), out.size(), 0};
        const std::size_t result = ZSTD_decompressStream(stream_, &to, &from);
        if (ZSTD_isError(result) != 0) {
            if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
            return damaged;
        }
        whole_ = result == 0;
        return {.consumed = from.pos, .produced = to.pos};
    }

private:
    ZSTD_DCtx* stream_;
};

std::unique_ptr<ContentDecoder::Stage> make_stage(ContentCoding coding) {
    switch (coding) {
        case ContentCoding::br: return std::make_unique<BrotliStage>();
        case ContentCoding::zstd: return std::make_unique<ZstdStage>();
        case ContentCoding::gzip:
        case ContentCoding::deflate: break;
    }
    return std::make_unique<ZlibStage>(coding);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// The elements of all fields of that name.
template <typename Use>
void for_each_element(const http1::Head& head, std::string_view name, Use use) {
    for (const http1::Field& field : head.fields) {
        if (!iequals(field.name, name)) continue;
        std::string_view rest = field.value;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(','), rest.size());
            if (const std::string_view element = trimmed(rest.substr(0, end)); !element.empty()) use(element);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
}

struct KnownCoding {
    std::string_view name;
    ContentCoding coding;
};
constexpr KnownCoding coding_names[] = {
    {"gzip", ContentCoding::gzip}, {"x-gzip", ContentCoding::gzip}, {"deflate", ContentCoding::deflate},
    {"br", ContentCoding::br},     {"zstd", ContentCoding::zstd},
};

bool is_refused(std::string_view parameters) {
    const std::size_t at = parameters.find_first_of("qQ");
    if (at == std::string_view::npos) return false;
    const std::string_view value =
        trimmed(parameters.substr(std::min(parameters.find('=', at), parameters.size() - 1) + 1));
    return !value.empty() && value.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

ContentCodings content_codings(const http1::Head& head) {
    ContentCodings out;
    for_each_element(head, "content-encoding", [&](std::string_view name) {
        if (iequals(name, "identity") || !out.unknown.empty()) return;
        const auto* known =
            std::ranges::find_if(coding_names, [&](const auto& each) { return iequals(each.name, name); });
        if (known == std::end(coding_names) || out.count == ContentCodings::most) {
            out.unknown = name;
        } else {
            out.list[out.count++] = known->coding;
        }
    });
    return out;
}

bool asks_for(const http1::Head& head, const ContentCodings& codings) {
    for (std::size_t i = 0; i < codings.count; ++i) {
        bool asked = false;
        for_each_element(head, "accept-encoding", [&](std::string_view element) {
            const std::size_t end = std::min(element.find(';'), element.size());
            const std::string_view name = trimmed(element.substr(0, end));
            const bool named = name == "*" || std::ranges::any_of(coding_names, [&](const auto& each) {
                                   return each.coding == codings.list[i] && iequals(each.name, name);
                               });
            if (named && !is_refused(element.substr(end))) asked = true;
        });
        if (!asked) return false;
    }
    return codings.unknown.empty();
}

ContentDecoder::ContentDecoder(const ContentCodings& codings, std::uint64_t limit) : count_(codings.count) {
    for (std::size_t i = 0; i < count_; ++i) {
        stages_[i] = make_stage(codings.list[count_ - 1 - i]);
        left_[i] = limit;
        if (i > 0) between_[i - 1].bytes.resize(between_bytes);
    }
}
ContentDecoder::~ContentDecoder() = default;
ContentDecoder::ContentDecoder(ContentDecoder&&) noexcept = default;
ContentDecoder& ContentDecoder::operator=(ContentDecoder&&) noexcept = default;

ContentDecoder::Step ContentDecoder::decode(std::string_view in, std::span<char> out) {
    Step step;
    for (bool moved = true; moved && step.produced < out.size();) {
        moved = false;
        for (std::size_t i = 0; i < count_; ++i) {
            const bool last = i + 1 == count_;
            std::string_view from = in.substr(step.consumed);
            if (i > 0)
                from = std::string_view(between_[i - 1].bytes)
                           .substr(between_[i - 1].begin, between_[i - 1].end - between_[i - 1].begin);
            std::span<char> to = out.subspan(step.produced);
            if (!last) {
                if (between_[i].begin < between_[i].end) continue;
                to = between_[i].bytes;
            }
            const Stage::Moved some = stages_[i]->step(from, to);
            step.state = some.damaged ? State::damaged : some.produced > left_[i] ? State::too_large : State::good;
            if (step.state != State::good) return step;
            left_[i] -= some.produced;
            moved = moved || some.consumed > 0 || some.produced > 0;
            (i == 0 ? step.consumed : between_[i - 1].begin) += some.consumed;
            if (last) {
                step.produced += some.produced;
            } else {
                between_[i].begin = 0;
                between_[i].end = some.produced;
            }
        }
        if (count_ == 1 && step.consumed == in.size()) break;  // it said all that it knows, or `out` is full
    }
    return step;
}

bool ContentDecoder::whole() const {
    for (std::size_t i = 0; i < count_; ++i) {
        if (!stages_[i]->whole() || (i > 0 && between_[i - 1].begin < between_[i - 1].end)) return false;
    }
    return true;
}

}  // namespace lurus
