#include <atomic>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;

TEST_CASE("a made key is found by its text and never stored in clear") {
    Fixture f;
    const auto made = f.create("laptop");
    const std::string text(made.key.reveal());
    CHECK(text.starts_with("cr_"));
    CHECK(text.size() >= 3 + 32);
    CHECK(text.substr(3).find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
          std::string::npos);
    CHECK(made.info.hint == "cr_…" + text.substr(text.size() - 4));
    CHECK(made.info.id.size() == 32);

    const auto snapshot = f.identity->snapshot();
    const auto* found = snapshot->find(text);
    REQUIRE(found != nullptr);
    CHECK(found->name == "laptop");
    CHECK(found->usable_at(f.clock.now()));
    CHECK(snapshot->find(text.substr(0, text.size() - 1)) == nullptr);
    CHECK(snapshot->find(text + "x") == nullptr);
    CHECK(snapshot->find("") == nullptr);

    for (const auto& entry : std::filesystem::directory_iterator(f.folder.path)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        CHECK(bytes.find(text) == std::string::npos);
        CHECK(bytes.find(text.substr(3, 32)) == std::string::npos);
    }
}

TEST_CASE("keys do not repeat and use the whole alphabet") {
    Fixture f;
    std::set<std::string> seen;
    std::set<char> characters;
    for (int i = 0; i < 100; ++i) {
        const auto made = f.create("key " + std::to_string(i));
        const std::string text(made.key.reveal());
        CHECK(seen.insert(text).second);
        characters.insert(text.begin() + 3, text.end());
    }
    CHECK(characters.size() == 62);
    const auto snapshot = f.identity->snapshot();
    for (const auto& text : seen) CHECK(snapshot->find(text) != nullptr);
}

TEST_CASE("keys survive a restart with everything that was said of them") {
    Fixture f;
    NewKey wanted;
    wanted.name = "ci";
    wanted.note = "build \"server\"";
    wanted.models = {"claude-*", "gpt-5"};
    wanted.families = {Family::anthropic, Family::openai};
    wanted.expires = f.clock.now() + 1'000'000;
    const auto made = f.identity->create_key(wanted);
    REQUIRE(made.has_value());
    f.identity.reset();
    f.identity = f.open();
    const auto snapshot = f.identity->snapshot();
    const auto* key = snapshot->find(made->key.reveal());
    REQUIRE(key != nullptr);
    CHECK(key->id == made->info.id);
    CHECK(key->note == wanted.note);
    CHECK(key->models == wanted.models);
    CHECK(key->families == wanted.families);
    CHECK(key->created == f.clock.now());
    CHECK(key->usable_at(f.clock.now()));
    CHECK_FALSE(key->usable_at(f.clock.now() + 1'000'000));
    CHECK(key->allows_model("claude-opus-5-5"));
    CHECK(key->allows_model("gpt-5"));
    CHECK_FALSE(key->allows_model("gpt-5-mini"));
    CHECK(key->allows(Family::openai));
    CHECK_FALSE(key->allows(Family::gemini));
}

TEST_CASE("revoked and disabled keys") {
    Fixture f;
    const auto made = f.create("old");
    int changes = 0;
    f.identity->on_change([&] { ++changes; });

    REQUIRE(f.identity->set_disabled("old", true).has_value());
    CHECK_FALSE(f.identity->snapshot()->find(made.key.reveal())->usable_at(f.clock.now()));
    REQUIRE(f.identity->set_disabled(made.info.id, false).has_value());
    CHECK(f.identity->snapshot()->find(made.key.reveal())->usable_at(f.clock.now()));

    const auto before = f.identity->snapshot();
    REQUIRE(f.identity->revoke_key("old").has_value());
    CHECK(f.identity->snapshot()->find(made.key.reveal()) == nullptr);
    CHECK(before->find(made.key.reveal()) != nullptr);  // a snapshot once taken never changes
    CHECK(changes == 3);

    const auto again = f.identity->revoke_key("old");
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().code == ErrorCode::not_found);
    CHECK(changes == 3);
    CHECK_FALSE(f.identity->set_disabled("old", true).has_value());

    f.create("old");  // the name is free again
    f.identity.reset();
    f.identity = f.open();
    CHECK(f.identity->snapshot()->find(made.key.reveal()) == nullptr);
    CHECK(f.identity->list_keys()->size() == 1);
}

TEST_CASE("what cannot be a key is refused") {
    Fixture f;
    f.create("taken");
    const auto refused = [&](NewKey wanted) {
        const auto made = f.identity->create_key(wanted);
        REQUIRE_FALSE(made.has_value());
        return made.error().code;
    };
    NewKey key;
    CHECK(refused(key) == ErrorCode::invalid_argument);
    key.name = "taken";
    CHECK(refused(key) == ErrorCode::conflict);
    for (const std::string name : {" a", "a ", "a\nb", "\xff", "\xc0\x80", "0123456789abcdef0123456789abcdef"}) {
        key.name = name;
        CHECK(refused(key) == ErrorCode::invalid_argument);
    }
    key.name = std::string(65, 'x');
    CHECK(refused(key) == ErrorCode::invalid_argument);
    key.name = "fine";
    key.models = {""};
    CHECK(refused(key) == ErrorCode::invalid_argument);
    key.models.clear();
    key.expires = f.clock.now();
    CHECK(refused(key) == ErrorCode::invalid_argument);
    CHECK(f.identity->list_keys()->size() == 1);
}

TEST_CASE("keys of the configuration stand beside the stored ones") {
    Fixture f;
    const auto made = f.create("stored");
    REQUIRE(in_force(f.identity->prepare({configured("ci", "sk-fixed-value"), configured("short", "12345678")}))
                .has_value());
    const auto snapshot = f.identity->snapshot();
    REQUIRE(snapshot->find("sk-fixed-value") != nullptr);
    CHECK(snapshot->find("sk-fixed-value")->name == "ci");
    CHECK(snapshot->find("sk-fixed-value")->source == "config");
    CHECK(snapshot->find("sk-fixed-value")->hint == "…alue");
    CHECK(snapshot->find("12345678") != nullptr);
    CHECK(snapshot->find(made.key.reveal()) != nullptr);
    CHECK(snapshot->all().size() == 3);

    const auto revoked = f.identity->revoke_key("ci");
    REQUIRE_FALSE(revoked.has_value());
    CHECK(revoked.error().code == ErrorCode::conflict);
    CHECK(revoked.error().message.find("configuration") != std::string::npos);

    NewKey same;
    same.name = "ci";
    CHECK(f.identity->create_key(same).error().code == ErrorCode::conflict);

    REQUIRE(in_force(f.identity->prepare({})).has_value());
    CHECK(f.identity->snapshot()->find("sk-fixed-value") == nullptr);
    CHECK(f.identity->snapshot()->find(made.key.reveal()) != nullptr);
}

TEST_CASE("a configuration that cannot be is refused whole, and never shows a value") {
    Fixture f;
    const auto made = f.create("stored");
    REQUIRE(in_force(f.identity->prepare({configured("good", "good-value-1")})).has_value());
    const std::vector<std::vector<ConfiguredKey>> bad = {
        {configured("a", "other-value-2"), configured("stored", "other-value-1")},
        {configured("a", "other-value-1"), configured("a", "other-value-2")},
        {configured("a", "other-value-1"), configured("b", "other-value-1")},
        {configured("a", "1234567")},
        {configured("a", "has a space in it")},
        {configured("", "other-value-1")},
        {configured("a", std::string(made.key.reveal()))},
    };
    for (const auto& keys : bad) {
        const auto done = f.identity->prepare(keys);
        REQUIRE_FALSE(done.has_value());
        for (const auto& key : keys) CHECK(done.error().message.find(key.value.reveal()) == std::string::npos);
        CHECK(f.identity->snapshot()->find("good-value-1") != nullptr);
        CHECK(f.identity->snapshot()->find("other-value-1") == nullptr);
    }
    CHECK(f.identity->prepare(bad[0]).error().message.find("`stored`") != std::string::npos);
}

TEST_CASE("keys of a configuration count from its commit, beside what was stored since it was prepared") {
    Fixture f;
    REQUIRE(in_force(f.identity->prepare({configured("before", "sk-before-value")})).has_value());
    auto prepared = f.identity->prepare({configured("ci", "sk-fixed-value")});
    REQUIRE(prepared.has_value());
    const auto made = f.create("ci");
    CHECK(f.identity->snapshot()->find("sk-fixed-value") == nullptr);
    CHECK(f.identity->snapshot()->find("sk-before-value") != nullptr);
    (*prepared)->commit();
    CHECK(f.identity->snapshot()->find("sk-before-value") == nullptr);
    REQUIRE(f.identity->snapshot()->find("sk-fixed-value") != nullptr);
    REQUIRE(f.identity->snapshot()->find(made.key.reveal()) != nullptr);
    CHECK(f.identity->snapshot()->find("sk-fixed-value")->id != f.identity->snapshot()->find(made.key.reveal())->id);
}

TEST_CASE("the prefix can be another one") {
    Fixture f;
    f.identity.reset();
    f.identity = f.open("team-");
    CHECK(f.create("a").key.reveal().starts_with("team-"));
    IdentitySettings settings;
    settings.key_prefix = "has space";
    CHECK_FALSE(make_identity(settings, *f.stores.keys, *f.stores.people, f.clock).has_value());
}

TEST_CASE("snapshots swap under readers") {
    Fixture f;
    const auto fixed = f.create("always there");
    const std::string text(fixed.key.reveal());
    std::atomic<bool> stop = false;
    std::atomic<std::int64_t> reads = 0;
    std::atomic<std::int64_t> lost = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            while (!stop) {
                const auto snapshot = f.identity->snapshot();
                const auto* key = snapshot->find(text);
                if (key == nullptr || key->name != "always there" || snapshot->find("cr_absent") != nullptr) ++lost;
                ++reads;
            }
        });
    }
    std::vector<std::thread> writers;
    std::atomic<int> made = 0;
    for (int w = 0; w < 2; ++w) {
        writers.emplace_back([&, w] {
            for (int i = 0; i < 40; ++i) {
                NewKey wanted;
                wanted.name = std::to_string(w) + "/" + std::to_string(i);
                if (f.identity->create_key(wanted)) ++made;
                if (i % 2 == 0 && f.identity->revoke_key(wanted.name)) --made;
            }
        });
    }
    for (auto& writer : writers) writer.join();
    while (reads < 1000) std::this_thread::yield();
    stop = true;
    for (auto& reader : readers) reader.join();
    CHECK(lost == 0);
    CHECK(made == 40);
    CHECK(f.identity->snapshot()->all().size() == 41);
}
