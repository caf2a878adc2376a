#include "lurus/ids.hpp"

#include <bit>
#include <random>

namespace lurus {
namespace {

constexpr char digits[] = "0123456789abcdef";

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::uint64_t splitmix(std::uint64_t& s) {
    std::uint64_t z = (s += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

}  // namespace

bool Id::is_zero() const {
    for (auto b : bytes) {
        if (b != 0) return false;
    }
    return true;
}

std::string Id::hex() const {
    std::string out(32, '0');
    for (std::size_t i = 0; i < 16; ++i) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return out;
}

std::optional<Id> Id::parse(std::string_view text) {
    Id id;
    std::size_t n = 0;
    for (char c : text) {
        if (c == '-') continue;
        int v = nibble(c);
        if (v < 0 || n == 32) return std::nullopt;
        id.bytes[n / 2] = static_cast<std::uint8_t>(id.bytes[n / 2] << 4 | v);
        ++n;
    }
    if (n != 32) return std::nullopt;
    return id;
}

std::int64_t Id::unix_ms() const {
    std::int64_t ms = 0;
    for (int i = 0; i < 6; ++i) ms = ms << 8 | bytes[static_cast<std::size_t>(i)];
    return ms;
}

IdGenerator::IdGenerator(std::uint64_t seed) {
    if (seed == 0) {
        std::random_device entropy;
        for (auto& s : state_) s = static_cast<std::uint64_t>(entropy()) << 32 | entropy();
    } else {
        for (auto& s : state_) s = splitmix(seed);
    }
}

// xoshiro256**; ids need to be unlike each other, not secret.
std::uint64_t IdGenerator::random() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

namespace {

Id uuid7(std::int64_t ms, std::uint32_t after_time, std::uint64_t tail) {
    Id id;
    for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
    id.bytes[6] = static_cast<std::uint8_t>(0x70 | (after_time >> 8 & 0xf));
    id.bytes[7] = static_cast<std::uint8_t>(after_time);
    for (std::size_t i = 0; i < 8; ++i) id.bytes[8 + i] = static_cast<std::uint8_t>(tail >> (8 * i));
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

}  // namespace

Id IdGenerator::at(std::int64_t unix_us) {
    const std::uint64_t r = random();
    return uuid7(unix_us / 1000, static_cast<std::uint32_t>(r >> 32), random());
}

Id IdGenerator::next(std::int64_t unix_us) {
    std::int64_t ms = unix_us / 1000;
    const std::uint64_t r = random();
    if (ms > last_ms_) {
        last_ms_ = ms;
        counter_ = static_cast<std::uint32_t>(r & 0x7ff);
    } else if (++counter_ > 0xfff) {  // the clock went back, or more than 4096 in one millisecond: borrow from the next
        counter_ = 0;
        ++last_ms_;
    }
    ms = last_ms_;
    return uuid7(ms, counter_, random());
}

}  // namespace lurus
