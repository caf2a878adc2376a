#include <nlohmann/json.hpp>

#include "core/db/sqlite.hpp"
#include "core/os/home_style.hpp"
#include "tests/unit/provider/support.hpp"

using namespace lurus;
using namespace lurus::provider::test;
namespace fs = std::filesystem;

namespace {

std::string file_bytes(const fs::path& dir) {
    std::string all;
    for (const auto& entry : fs::directory_iterator(dir)) {
        if (entry.path().filename() != "master.key") all += read_file(entry.path()).value_or("");
    }
    return all;
}

}  // namespace

TEST_CASE("providers: what is added stays, sealed") {
    Fixture f;
    auto s = spec("mine", "openai", {"gpt-*"}, "sk-very-secret-credential");
    s.headers = {{"x-extra", "header-secret"}};
    s.idle_timeout_ms = 77;
    s.tls_verify = false;
    s.on_client_gone = "drain";
    REQUIRE(f.providers->add(s).has_value());
    CHECK(f.find("demo") == nullptr);
    f.reopen();
    const auto p = f.find("mine");
    REQUIRE(p);
    CHECK(p->credential.reveal() == "sk-very-secret-credential");
    CHECK(p->credential_source == "stored");
    CHECK(p->source == "store");
    CHECK(p->headers == std::vector<std::pair<std::string, std::string>>{{"x-extra", "header-secret"}});
    CHECK(p->idle_timeout_ms == 77);
    CHECK_FALSE(p->tls_verify);
    CHECK(p->on_client_gone == OnClientGone::drain);
    CHECK(f.resolve(Family::openai, "gpt-5") == "mine:gpt-5 (model pattern)");
    f.providers.reset();
    f.store.reset();
    f.database.reset();
    const std::string bytes = file_bytes(f.dir.path());
    CHECK(bytes.contains("mine"));
    CHECK_FALSE(bytes.contains("very-secret"));
    CHECK_FALSE(bytes.contains("header-secret"));
}

TEST_CASE("providers: names are taken once, removal and its refusals") {
    Fixture f;
    REQUIRE(f.providers->add(spec("s", "openai")).has_value());
    CHECK(f.providers->add(spec("s", "openai")).error().message.contains("remove it first"));
    f.configure({spec("c", "anthropic")}, {route("r", {"s/gpt-5"})});
    CHECK(f.providers->add(spec("c", "openai")).error().message.contains("in the configuration file"));
    CHECK(f.providers->remove("c").error().code == ErrorCode::conflict);
    CHECK(f.providers->remove("nope").error().code == ErrorCode::not_found);
    const auto used = f.providers->remove("s");
    CHECK(used.error().code == ErrorCode::conflict);
    CHECK(used.error().message.contains("'r'"));
    f.configure({spec("c", "anthropic")});
    CHECK(f.providers->remove("s").has_value());
    CHECK(f.find("s") == nullptr);
    f.configure({});
    CHECK(f.providers->remove("demo").error().message.contains("built in"));
    f.reopen();
    CHECK(f.find("s") == nullptr);
}

TEST_CASE("providers: a bad configuration changes nothing") {
    Fixture f;
    f.configure({spec("a", "openai")}, {route("r", {"a"})});
    const auto before = f.providers->snapshot();
    int called = 0;
    f.providers->on_change([&] { ++called; });
    CHECK(f.refused({spec("a", "openai"), spec("a", "openai")}).contains("two providers are named 'a'"));
    CHECK(f.refused({spec("a", "openai"), spec("b", "nope")}).contains("provider 'b'"));
    CHECK(f.refused({spec("a", "openai")}, {route("r", {"a"}), route("r", {"a"})})
              .contains("two routes are for the model 'r'"));
    CHECK(f.refused({spec("a", "openai")}, {route("r", {"gone/x"})}).contains("'gone/x'"));
    CHECK(f.providers->snapshot() == before);
    f.configure({spec("b", "openai")});
    CHECK(f.providers->snapshot() != before);
    CHECK(called == 0);  // who commits publishes
}

TEST_CASE("providers: what is prepared has no effect before it is committed") {
    Fixture f;
    f.configure({spec("a", "openai", {"m-a"})});
    const auto before = f.providers->snapshot();
    {
        const auto dropped = f.providers->prepare({spec("b", "openai", {"m-b"})}, {});
        REQUIRE(dropped.has_value());
        CHECK(f.providers->snapshot() == before);
    }
    CHECK(f.providers->snapshot() == before);
    CHECK(f.resolve(Family::openai, "m-a") == "a:m-a (model)");
}

TEST_CASE("providers: what is stored between preparing and committing stays") {
    Fixture f;
    REQUIRE(f.providers->add(spec("gone", "openai", {"m-gone"})).has_value());
    auto prepared = f.providers->prepare({spec("b", "openai", {"m-b"})}, {route("r", {"gone/x", "b/y"})});
    REQUIRE(prepared.has_value());
    REQUIRE(f.providers->add(spec("new", "openai", {"m-new"})).has_value());
    REQUIRE(f.providers->remove("gone").has_value());
    (*prepared)->commit();
    CHECK(f.resolve(Family::openai, "m-b") == "b:m-b (model)");
    CHECK(f.resolve(Family::openai, "m-new") == "new:m-new (model)");
    CHECK(f.resolve(Family::openai, "r") == "b:y (route)");
    CHECK(f.find("gone") == nullptr);
}

TEST_CASE("providers: a file's provider hides a stored one of the same name") {
    Fixture f;
    REQUIRE(f.providers->add(spec("x", "openai", {"stored-model"})).has_value());
    f.configure({spec("x", "anthropic")});
    CHECK(f.find("x")->source == "config");
    f.configure({});
    CHECK(f.find("x")->source == "store");
}

TEST_CASE("providers: under another master key one is out, the others go on") {
    Fixture f;
    REQUIRE(f.providers->add(spec("sealed", "openai")).has_value());
    auto by_env = spec("open", "anthropic", {}, "");
    by_env.api_key_file = (f.dir.path() / "k").string();
    REQUIRE(write_private_file(f.dir.path() / "k", "sk-x").has_value());
    REQUIRE(f.providers->add(by_env).has_value());
    f.settings.master_key = Secret(std::string(64, 'b'));
    f.reopen();
    CHECK(f.find("sealed")->problem.contains("another master key"));
    CHECK(f.find("open")->problem.empty());
    CHECK(f.resolve(Family::openai, "gpt-5").contains("another master key"));
    CHECK(f.resolve(Family::anthropic, "claude-x") == "open:claude-x (model pattern)");
    CHECK(f.providers->remove("sealed").has_value());

    f.providers.reset();
    f.settings.master_key = Secret("short");
    const auto made = make_providers(f.settings, *f.store, f.clock);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message.contains("LURUS_MASTER_KEY"));
}

TEST_CASE("providers: a key file that others may read stops stored credentials only") {
    if (platform::home_style() == platform::HomeStyle::windows) return;  // its access lists have tests of their own
    Fixture f;
    REQUIRE(f.providers->add(spec("sealed", "openai")).has_value());
    fs::permissions(f.dir.path() / "master.key", fs::perms::others_read, fs::perm_options::add);
    f.reopen();
    CHECK(f.find("sealed")->problem.contains("can be read by others"));
    CHECK(f.providers->add(spec("new", "openai")).error().message.contains("can be read by others"));
    f.configure({spec("c", "openai", {"m"})});
    CHECK(f.resolve(Family::openai, "m") == "c:m (model)");
}

TEST_CASE("providers: a stored route survives the loss of its provider") {
    Fixture f;
    f.configure({spec("c", "openai")});
    {
        auto db = open_sqlite(f.file, "provider");
        REQUIRE(db.has_value());
        (*db)->exec(
            R"(INSERT INTO route (model, family, targets, created_us) VALUES ('kept', '', '["gone/x","c/y"]', 1))");
    }
    f.reopen();
    f.configure({spec("c", "openai")});
    CHECK(f.resolve(Family::openai, "kept") == "c:y (route)");
}
