#include "modules/signin/password.hpp"

#include <doctest/doctest.h>

using namespace lurus;
using namespace lurus::signin;

namespace {

constexpr Argon2Cost cheap{.memory_kib = 64, .passes = 1, .lanes = 1};

bool strong(std::string_view password, std::string_view email = "alice@example.com", int length = 12) {
    return check_strength(password, email, length).has_value();
}

}  // namespace

TEST_CASE("a hash is Argon2id in PHC form, salted, and knows its password") {
    const PasswordHasher hasher(cheap);
    const auto first = hasher.hash("blue tractor on a hill");
    const auto second = hasher.hash("blue tractor on a hill");
    REQUIRE(first.has_value());
    CHECK(first->starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    CHECK(*first != *second);
    CHECK(hasher.verify("blue tractor on a hill", *first) == PasswordCheck::right);
    CHECK(hasher.verify("blue tractor on a hil", *first) == PasswordCheck::wrong);
    CHECK(hasher.verify("", *first) == PasswordCheck::wrong);
    CHECK(hasher.verify(std::string("blue tractor on a hill\0x", 24), *first) == PasswordCheck::wrong);
    CHECK(hasher.verify(std::string(2000, 'x'), *first) == PasswordCheck::wrong);
}

TEST_CASE("the default cost is OWASP's, and a hash of another cost is outdated") {
    const PasswordHasher dear;
    const auto hash = dear.hash("blue tractor on a hill");
    REQUIRE(hash.has_value());
    CHECK(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    CHECK(dear.verify("blue tractor on a hill", *hash) == PasswordCheck::right);
    CHECK(PasswordHasher(cheap).verify("blue tractor on a hill", *hash) == PasswordCheck::outdated);
}

TEST_CASE("bcrypt hashes of other systems are verified and outdated") {
    const PasswordHasher hasher(cheap);
    // Published vectors of bcrypt's own test suites.
    for (const std::string_view hash : {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                                        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                                        "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}) {
        CHECK(check_imported_hash(hash).has_value());
        CHECK(hasher.verify("U*U", hash) == PasswordCheck::outdated);
        CHECK(hasher.verify("U*V", hash) == PasswordCheck::wrong);
        CHECK(hasher.verify(std::string("U*U\0", 4), hash) == PasswordCheck::wrong);
    }
}

TEST_CASE("what is no hash verifies nothing and is not imported") {
    const PasswordHasher hasher(cheap);
    for (const std::string_view text :
         {"", "plain", "$1$abc$def", "$2a$05$short", "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
          "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$aGFzaA",
          "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA"}) {
        CAPTURE(text);
        CHECK(hasher.verify("plain", text) == PasswordCheck::wrong);
        CHECK_FALSE(check_imported_hash(text).has_value());
    }
}

TEST_CASE("weak passwords are refused and never repeated in the reason") {
    CHECK(strong("blue tractor on a hill"));
    CHECK(strong("tr4ctor-Hügel-blau"));
    CHECK_FALSE(strong("short"));
    CHECK_FALSE(strong("elevenchars"));
    CHECK(strong("pässwör7dñé!"));  // twelve characters, more bytes
    CHECK_FALSE(strong("ñññññññññññ"));
    for (const std::string_view word :
         {"aaaaaaaaaaaa", "123456789012", "abcdefghijklm", "987654321098", "Password1234", "passwordpassword",
          "!!Qwertyuiop123", "letmein20252026", "CorrectHorseBatteryStaple", "alice1234567", "Alice!alice!"}) {
        CAPTURE(word);
        const auto judged = check_strength(word, "alice@example.com", 12);
        REQUIRE_FALSE(judged.has_value());
        CHECK(judged.error().message.find(word) == std::string::npos);
    }
    CHECK(strong("alice walks over nine bridges"));
    CHECK(strong("kurz+gut", "bob@example.com", 8));
    CHECK_FALSE(strong(std::string(1025, 'x')));
}
