#include "lurus/ids.hpp"

#include <bit>
#include <cstring>
#include <random>

namespace lurus {
namespace {

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

template <class T>
T load(const std::uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

std::uint64_t as_little(std::uint64_t value) {
    return std::endian::native == std::endian::little ? value : std::byteswap(value);
}

std::uint64_t as_big(std::uint64_t value) {
    return std::endian::native == std::endian::big ? value : std::byteswap(value);
}

/// `after_time`: 12 bits. The low byte of `tail` comes first.
Id version_7(std::int64_t ms, std::uint64_t after_time, std::uint64_t tail) {
    const std::uint64_t halves[] = {as_big(static_cast<std::uint64_t>(ms) << 16 | 0x7000 | after_time),
                                    as_little(tail)};
    return std::bit_cast<Id>(halves);
}

using Block = std::uint8_t __attribute__((vector_size(16)));

Block digits_of(Block nibbles) {
    const Block letters = reinterpret_cast<Block>(nibbles > 9);
    return nibbles + '0' + (letters & ('a' - '0' - 10));
}

}  // namespace

bool Id::is_zero() const {
    return (load<std::uint64_t>(bytes.data()) | load<std::uint64_t>(bytes.data() + 8)) == 0;
}

std::string Id::hex() const {
    std::string out(32, '0');
    write_hex(out.data());
    return out;
}

void Id::write_hex(char* out) const {
    const auto block = load<Block>(bytes.data());
    const Block high = digits_of(block >> 4), low = digits_of(block & 0xf);
    const Block text[] = {
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
        __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
    };
    std::memcpy(out, text, sizeof text);
}

Id Id::of_unix_ms(std::int64_t ms) {
    return version_7(ms, 0, 0);
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
    return static_cast<std::int64_t>(as_big(load<std::uint64_t>(bytes.data())) >> 16);
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
    return version_7(ms, after_time & 0xfff, (tail & ~0xc0ull) | 0x80);
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
