#include "core/crypto/secret_box.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/os/files.hpp"
#include "core/os/home_style.hpp"
#include "core/os/platform.hpp"

namespace secret_box_test {

namespace fs = std::filesystem;
using lurus::ErrorCode;
using lurus::Secret;
using lurus::SecretBox;

namespace {

struct TemporaryDir {
    fs::path path;
    TemporaryDir() {
        path = fs::temp_directory_path() / ("lurus-secret-box-" + *lurus::random_hex(8));
        fs::create_directories(path);
    }
    TemporaryDir(const TemporaryDir&) = delete;
    TemporaryDir& operator=(const TemporaryDir&) = delete;
    ~TemporaryDir() { fs::remove_all(path); }
};

const std::string hex_key = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
const std::string base64_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

SecretBox box(const std::string& text) {
    auto made = SecretBox::from_text(Secret(text));
    REQUIRE(made.has_value());
    return std::move(*made);
}

}  // namespace

TEST_CASE("secret box: what is sealed opens again, also across spellings of the key") {
    const auto a = box(hex_key);
    const auto b = box(base64_key + "\n");
    const auto c = box("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    for (const std::string& plain :
         {std::string(), std::string("sk-secret"), std::string(100000, 'x'), std::string("\0\xff", 2)}) {
        const auto blob = a.seal(plain, "provider:x");
        REQUIRE(blob.has_value());
        CHECK(blob->size() == plain.size() + 33);
        if (plain.size() > 4) CHECK_FALSE(blob->contains(plain));
        for (const auto* opener : {&a, &b, &c}) {
            const auto opened = opener->open(*blob, "provider:x");
            REQUIRE(opened.has_value());
            CHECK(opened->reveal() == plain);
        }
    }
}

TEST_CASE("secret box: nonces differ, tampering and misbinding are seen") {
    const auto a = box(hex_key);
    std::set<std::string> blobs;
    for (int i = 0; i < 200; ++i) blobs.insert(*a.seal("same", "x"));
    CHECK(blobs.size() == 200);

    const std::string blob = *a.seal("sk-secret", "provider:x");
    CHECK(a.open(blob, "provider:y").error().code == ErrorCode::corrupt);
    CHECK(a.open(blob, "").error().code == ErrorCode::corrupt);
    for (std::size_t i = 0; i < blob.size(); ++i) {
        std::string bad = blob;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        const auto opened = a.open(bad, "provider:x");
        REQUIRE_FALSE(opened.has_value());
        CHECK_FALSE(opened.error().message.contains("sk-secret"));
        CHECK_FALSE(a.open(blob.substr(0, i), "provider:x").has_value());
    }
}

TEST_CASE("secret box: another master key is named as the reason") {
    const std::string blob = *box(hex_key).seal("s", "x");
    const auto opened = box(std::string(64, 'a')).open(blob, "x");
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == ErrorCode::permission_denied);
    CHECK(opened.error().message.contains("another master key"));
}

TEST_CASE("secret box: a wrong key text is refused without being shown") {
    for (const std::string& text :
         {std::string(), std::string("short"), hex_key + "0", hex_key.substr(1), std::string(64, 'g'),
          base64_key.substr(4), std::string(43, '!'), std::string(43, '/')}) {
        const auto made = SecretBox::from_text(Secret(text));
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().code == ErrorCode::invalid_argument);
        if (text.size() > 8) CHECK_FALSE(made.error().message.contains(text));
    }
}

TEST_CASE("secret box: the key file is made once, private, and the same for all who race") {
    const TemporaryDir dir;
    std::vector<std::string> blobs(8);
    {
        std::vector<std::jthread> threads;
        for (auto& blob : blobs) {
            threads.emplace_back([&] {
                auto made = SecretBox::from_file(dir.path);
                if (made) blob = made->seal("s", "x").value_or("");
            });
        }
    }
    const auto last = SecretBox::from_file(dir.path);
    REQUIRE(last.has_value());
    for (const auto& blob : blobs) {
        REQUIRE_FALSE(blob.empty());
        CHECK(last->open(blob, "x").has_value());
    }
    CHECK_FALSE(lurus::platform::readable_by_others(dir.path / "master.key"));
    CHECK(std::distance(fs::directory_iterator(dir.path), fs::directory_iterator()) == 1);
}

TEST_CASE("secret box: a readable, broken or missing-folder key file is refused") {
    const TemporaryDir dir;
    REQUIRE(SecretBox::from_file(dir.path).has_value());
    const fs::path file = dir.path / "master.key";
    if (lurus::platform::home_style() == lurus::platform::HomeStyle::posix) {  // access lists have tests of their own
        fs::permissions(file, fs::perms::group_read, fs::perm_options::add);
        const auto readable = SecretBox::from_file(dir.path);
        REQUIRE_FALSE(readable.has_value());
        CHECK(readable.error().code == ErrorCode::permission_denied);
        CHECK(readable.error().message.contains("chmod 600"));
    }

    REQUIRE(lurus::write_private_file(file, "not a key").has_value());
    const auto broken = SecretBox::from_file(dir.path);
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().code == ErrorCode::corrupt);

    CHECK_FALSE(SecretBox::from_file(dir.path / "absent").has_value());
}

}  // namespace secret_box_test
