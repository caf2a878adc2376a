#include "connect/connect.hpp"

#include <doctest/doctest.h>

#include <toml++/toml.h>
#include <nlohmann/json.hpp>

#include "cli/cmd_connect.hpp"
#include "core/crypto/sha256.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/files.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::cli;
using namespace lurus::connect;
namespace fs = std::filesystem;

namespace {

const Target target = {"http://127.0.0.1:18100", "cr_0123456789abcdef"};

struct Machine {
    test::Scratch scratch;
    ClientHome home{scratch.dir() / "home", {}};
    fs::path data = scratch.dir() / "data";

    [[nodiscard]] std::vector<SettingsFile> wanted(const std::string& id, const Target& t = target) const {
        return settings_for(*find_client(id), home, t);
    }

    /// As the command does it: plan, keep, write.
    Result<Plan> connect(const std::string& id, const Target& t = target) const {
        auto earlier = load_connection(data, id);
        auto plan = plan_connect(wanted(id, t), earlier ? &*earlier : nullptr);
        if (!plan) return plan;
        Connection connection{id, t.url, t.key, "", {}};
        for (const auto& file : plan->files) connection.files.push_back(file.saved);
        REQUIRE(save_connection(data, connection));
        if (auto written = apply_plan(*plan, data); !written) return std::unexpected(written.error());
        return plan;
    }

    std::vector<Undone> undo(const std::string& id) const {
        auto connection = load_connection(data, id);
        REQUIRE(connection);
        auto undone = undo_connection(*connection, data);
        REQUIRE_MESSAGE(undone.has_value(), (undone ? "" : undone.error().message));
        REQUIRE(forget_connection(data, id));
        return *undone;
    }

    fs::path put(const std::string& name, std::string_view text) const { return scratch.write("home/" + name, text); }
    [[nodiscard]] std::string text(const std::string& name) const {
        return read_file(home.home / name).value_or("(none)");
    }
};

const char* const json_files[] = {
    "",
    "{}",
    "{}\n",
    "{\n  \"model\": \"opus\"\n}\n",
    "{\"model\":\"opus\"}",
    "{\r\n  \"model\": \"opus\",\r\n  \"env\": {\r\n    \"A\": \"1\"\r\n  }\r\n}\r\n",
    "{\n  // why\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"https://other\", // theirs\n    \"ANTHROPIC_API_KEY\": "
    "\"sk-ant-secret-of-mine\"\n  },\n}",
    "\xEF\xBB\xBF{\n\t\"permissions\": {\"allow\": [\"Bash(ls:*)\"]},\n\t\"env\": {}\n}",
    "{\"env\":{\"ANTHROPIC_AUTH_TOKEN\":\"old-token-of-mine-12345\",\"Z\":\"9\"},\"hooks\":{\"a\":[{}, []]}}",
};

const char* const toml_files[] = {
    "",
    "model = \"gpt-5\"\n",
    "# mine\nmodel = \"gpt-5\" # fast\napproval_policy = \"never\"\n\n[features]\nplugins = false\n",
    "model_provider = \"azure\"\r\n\r\n[model_providers.azure]\r\nname = \"Azure\"\r\nbase_url = \"https://x\"\r\n",
    "[projects.\"/home/u/a b\"]\ntrust_level = \"trusted\"",
    "model_provider = 'lurus'\n[model_providers.lurus]\nname = 'old'\nenv_key = 'OLD_KEY'\nbase_url = "
    "'http://old/v1'\nwire_api = 'responses'\n[z]\n",
    "notify = [\n  \"a\", # [model_providers.lurus]\n]\n",
};

}  // namespace

TEST_CASE("claude: any starting file, connected, undone byte for byte") {
    for (const char* before : json_files) {
        CAPTURE(before);
        Machine m;
        m.put(".claude/settings.json", before);
        REQUIRE(m.connect("claude"));
        auto now = nlohmann::json::parse(std::string_view(m.text(".claude/settings.json"))
                                             .substr(std::string_view(before).starts_with("\xEF") ? 3 : 0),
                                         nullptr, false, true);
        if (!now.is_discarded()) {  // trailing commas are beyond this parser
            CHECK(now["env"]["ANTHROPIC_BASE_URL"] == target.url);
            CHECK(now["env"]["ANTHROPIC_AUTH_TOKEN"] == target.key);
            CHECK(!now["env"].contains("ANTHROPIC_API_KEY"));
        }
        auto state = inspect_client(*find_client("claude"), m.home);
        CHECK(state.url == target.url);
        CHECK(state.key == target.key);
        auto undone = m.undo("claude");
        CHECK(undone.at(0).how == Undone::How::restored);
        CHECK(m.text(".claude/settings.json") == before);
    }
}

TEST_CASE("codex: any starting file stays valid TOML with the rest untouched, undone byte for byte") {
    for (const char* before : toml_files) {
        CAPTURE(before);
        Machine m;
        m.put(".codex/config.toml", before);
        auto plan = m.connect("codex");
        REQUIRE_MESSAGE(plan.has_value(), (plan ? "" : plan.error().message));
        auto now = toml::parse(m.text(".codex/config.toml"));
        CHECK(now["model_provider"].value<std::string>() == "lurus");
        auto provider = now["model_providers"]["lurus"];
        CHECK(provider["base_url"].value<std::string>() == target.url + "/v1");
        CHECK(provider["wire_api"].value<std::string>() == "responses");
        CHECK(provider["experimental_bearer_token"].value<std::string>() == target.key);
        CHECK(!provider["env_key"]);
        auto original = toml::parse(before);
        for (auto&& [name, value] : original) {
            if (name != "model_provider" && name != "model_providers") CHECK(now.contains(name));
        }
        m.undo("codex");
        CHECK(m.text(".codex/config.toml") == before);
    }
}

TEST_CASE("gemini: two files, made and removed, or kept") {
    Machine fresh;
    REQUIRE(fresh.connect("gemini"));
    CHECK(nlohmann::json::parse(fresh.text(".gemini/settings.json"))["security"]["auth"]["selectedType"] ==
          "gemini-api-key");
    CHECK(fresh.text(".gemini/.env") ==
          "GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:18100\nGEMINI_API_KEY=" + target.key + "\n");
    for (const auto& undone : fresh.undo("gemini")) CHECK(undone.how == Undone::How::removed);
    CHECK(!fs::exists(fresh.home.home / ".gemini"));

    Machine used;
    used.put(".gemini/settings.json",
             "{\"ui\":{\"theme\":\"x\"},\"security\":{\"auth\":{\"selectedType\":\"oauth-personal\"}}}");
    used.put(".gemini/.env", "# mine\nexport GEMINI_API_KEY='AIzaSomethingSecret'\nDEBUG=1");
    REQUIRE(used.connect("gemini"));
    CHECK(used.text(".gemini/.env") ==
          "# mine\nexport GEMINI_API_KEY=" + target.key + "\nDEBUG=1\nGOOGLE_GEMINI_BASE_URL=http://127.0.0.1:18100\n");
    used.undo("gemini");
    CHECK(used.text(".gemini/.env") == "# mine\nexport GEMINI_API_KEY='AIzaSomethingSecret'\nDEBUG=1");
}

TEST_CASE("a file that was not there is made 0600 and removed with the folder made for it") {
    Machine m;
    REQUIRE(m.connect("claude"));
    fs::path file = m.home.home / ".claude/settings.json";
    CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(m.undo("claude").at(0).how == Undone::How::removed);
    CHECK(!fs::exists(m.home.home / ".claude"));

    // A folder that others use meanwhile stays.
    REQUIRE(m.connect("claude"));
    m.put(".claude/projects.txt", "x");
    m.undo("claude");
    CHECK(!fs::exists(file));
    CHECK(fs::exists(m.home.home / ".claude/projects.txt"));
}

TEST_CASE("twice is harmless: nothing changes, and the undo still restores the original") {
    Machine m;
    const char* before = "{\n  \"env\": {\n    \"A\": \"1\"\n  }\n}\n";
    m.put(".claude/settings.json", before);
    REQUIRE(m.connect("claude"));
    std::string once = m.text(".claude/settings.json");
    auto again = m.connect("claude");
    REQUIRE(again);
    CHECK(again->changes.empty());
    CHECK(m.text(".claude/settings.json") == once);
    // Another key and address: still the original comes back.
    REQUIRE(m.connect("claude", {"http://10.0.0.1:1", "cr_another-key-000"}));
    CHECK(m.text(".claude/settings.json") != once);
    m.undo("claude");
    CHECK(m.text(".claude/settings.json") == before);
}

TEST_CASE("changed by its owner since: the undo takes out our settings only") {
    Machine m;
    m.put(".claude/settings.json", "{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"https://mine\"\n  }\n}\n");
    REQUIRE(m.connect("claude"));
    std::string text = m.text(".claude/settings.json");
    text.insert(text.find('{') + 1, "\n  \"model\": \"opus\", // new");
    m.put(".claude/settings.json", text);
    auto undone = m.undo("claude");
    CHECK(undone.at(0).how == Undone::How::edited);
    CHECK(undone.at(0).left.empty());
    CHECK(m.text(".claude/settings.json") ==
          "{\n  \"model\": \"opus\", // new\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"https://mine\"\n  }\n}\n");
}

TEST_CASE("a setting that its owner changed since is left alone and named") {
    Machine m;
    REQUIRE(m.connect("claude"));
    m.put(".claude/settings.json",
          "{\"env\":{\"ANTHROPIC_BASE_URL\":\"https://new\",\"ANTHROPIC_AUTH_TOKEN\":\"" + target.key + "\"}}");
    auto undone = m.undo("claude");
    CHECK(undone.at(0).left == std::vector<std::string>{"env.ANTHROPIC_BASE_URL"});
    CHECK(m.text(".claude/settings.json") == "{\"env\":{\"ANTHROPIC_BASE_URL\":\"https://new\"}}");
}

TEST_CASE("connecting again after its owner's edits keeps those edits through the undo") {
    Machine m;
    m.put(".codex/config.toml", "model = \"a\"\n");
    REQUIRE(m.connect("codex"));
    std::string text = m.text(".codex/config.toml");
    m.put(".codex/config.toml", text + "\n[features]\nx = true\n");
    REQUIRE(m.connect("codex", {"http://10.0.0.1:1", target.key}));
    m.undo("codex");
    auto now = toml::parse(m.text(".codex/config.toml"));
    CHECK(now["model"].value<std::string>() == "a");
    CHECK(now["features"]["x"].value<bool>() == true);
    CHECK(!now["model_provider"]);
    CHECK(!now["model_providers"]);
}

TEST_CASE("a symbolic link stays one, and its target is written; modes stay") {
    Machine m;
    fs::path real = m.scratch.write("dotfiles/claude.json", "{}\n");
    fs::permissions(real, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
    fs::create_directories(m.home.home / ".claude");
    fs::create_symlink("../../dotfiles/claude.json", m.home.home / ".claude/settings.json");
    REQUIRE(m.connect("claude"));
    CHECK(fs::is_symlink(m.home.home / ".claude/settings.json"));
    CHECK(read_file(real)->find(target.url) != std::string::npos);
    CHECK(fs::status(real).permissions() == (fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read));
    CHECK(readable_warning(real));
    m.undo("claude");
    CHECK(fs::is_symlink(m.home.home / ".claude/settings.json"));
    CHECK(*read_file(real) == "{}\n");
}

TEST_CASE("a file with two names keeps both, connected and undone") {
    Machine m;
    fs::path real = m.put("dotfiles/claude.json", "{}\n");
    fs::create_directories(m.home.home / ".claude");
    fs::create_hard_link(real, m.home.home / ".claude/settings.json");
    REQUIRE(m.connect("claude"));
    CHECK(fs::hard_link_count(real) == 2);
    CHECK(read_file(real)->find(target.url) != std::string::npos);
    m.undo("claude");
    CHECK(fs::hard_link_count(real) == 2);
    CHECK(*read_file(real) == "{}\n");
    CHECK(fs::is_empty(m.data / "connect"));
}

TEST_CASE("a write in place that was cut is mended, wherever it was cut; what somebody wrote since is left") {
    const std::string before = "{\"a\":1,\"long\":\"................\"}", after = "{\"b\":2}";
    for (const auto& [old_bytes, new_bytes] : {std::pair(before, after), std::pair(after, before)}) {
        for (std::size_t cut = 0; cut <= new_bytes.size(); ++cut) {
            Machine m;
            const fs::path file = m.put("settings.json", old_bytes);
            const fs::path rescue = m.data / "connect";
            fs::create_hard_link(file, m.scratch.dir() / "other");
            // The copy that a write makes first: the folder refuses to let go of it.
            REQUIRE(platform::replace_file(file, new_bytes, rescue));
            CHECK(fs::is_empty(rescue));
            const auto kept = rescue / ("writing." + sha256_hex(file.string()).substr(0, 16));
            REQUIRE(write_private_file(kept, std::to_string(old_bytes.size()) + " " + std::to_string(new_bytes.size()) +
                                                 "\n" + old_bytes + new_bytes));
            const std::string torn = new_bytes.substr(0, cut) + old_bytes.substr(std::min(cut, old_bytes.size()));
            m.put("settings.json", torn);
            REQUIRE(mend_files({file}, m.data));
            CHECK(m.text("settings.json") == (torn == new_bytes ? new_bytes : old_bytes));
            CHECK(fs::is_empty(rescue));
            CHECK(fs::hard_link_count(file) == 2);
        }
    }
    Machine m;
    const fs::path file = m.put("settings.json", "{\"mine\":true}");
    REQUIRE(make_private_dir(m.data / "connect"));
    REQUIRE(write_private_file(m.data / "connect" / ("writing." + sha256_hex(file.string()).substr(0, 16)),
                               "7 3\n{\"a\":1}{ }"));
    REQUIRE(mend_files({file}, m.data));
    CHECK(m.text("settings.json") == "{\"mine\":true}");
}

TEST_CASE("only the file that holds the key is warned about") {
    Machine m;
    m.put(".gemini/settings.json", "{}");
    auto plan = m.connect("gemini");
    REQUIRE(plan);
    REQUIRE(plan->files.size() == 2);
    for (const auto& file : plan->files) CHECK(file.holds_key == (file.saved.path.filename() == ".env"));
    CHECK(m.connect("claude")->files.at(0).holds_key);
}

TEST_CASE("gemini: a project's own .env hides ours") {
    Machine m;
    const Client& gemini = *find_client("gemini");
    const fs::path project = m.home.home / "work/project";
    fs::create_directories(project);
    CHECK_FALSE(hiding_file(gemini, m.home, m.home.home));
    m.put(".gemini/.env", "A=1\n");
    CHECK_FALSE(hiding_file(gemini, m.home, project));
    const fs::path file = m.put("work/.env", "B=1\n");
    CHECK(hiding_file(gemini, m.home, project) == file);
    CHECK(hiding_file(gemini, m.home, project.parent_path()) == file);
    CHECK_FALSE(hiding_file(gemini, m.home, m.home.home));
    CHECK_FALSE(hiding_file(*find_client("claude"), m.home, project));
}

TEST_CASE("a read-only file is refused before anything is written") {
    Machine m;
    const fs::path file = m.put(".claude/settings.json", "{}\n");
    fs::permissions(file, fs::perms::owner_read);
    auto plan = plan_connect(m.wanted("claude"), nullptr);
    REQUIRE(!plan);
    CHECK(plan.error().code == ErrorCode::permission_denied);
    CHECK(plan.error().message == file.string() + " is read-only: chmod u+w " + file.string());
}

TEST_CASE("a client is remembered in the data folder where it is one's own, else in the user's") {
    Machine m;
    const Client& claude = *find_client("claude");
    CHECK(remembering_folder(m.data, m.home, claude) == m.data);
    const fs::path own = m.home.home / ".local/share/lurus";
    CHECK(m.home.data_folder() == own);
    CHECK(remembering_folder(own, m.home, claude) == own);
    CHECK(remembering_folder(m.scratch.write("file", "") / "data", m.home, claude) == own);
    REQUIRE(m.connect("claude"));
    CHECK(remembering_folder(m.data, m.home, claude) == m.data);
    const ClientHome other{m.scratch.dir() / "other", {{"XDG_DATA_HOME", (m.scratch.dir() / "xdg").string()}}};
    CHECK(other.data_folder() == m.scratch.dir() / "xdg/lurus");
}

TEST_CASE("a file that cannot be edited is refused before anything is written") {
    for (const char* broken : {"{\"env\": \"text\"}", "{\"env\":", "not json"}) {
        Machine m;
        m.put(".claude/settings.json", broken);
        auto plan = plan_connect(m.wanted("claude"), nullptr);
        REQUIRE(!plan);
        CHECK(plan.error().code == ErrorCode::invalid_argument);
        CHECK(plan.error().message.find("settings.json: line 1:") != std::string::npos);
        CHECK(m.text(".claude/settings.json") == broken);
    }
    Machine m;
    m.put(".gemini/settings.json", "{}");
    m.put(".gemini/.env", std::string_view("A=\0", 3));
    CHECK(!plan_connect(m.wanted("gemini"), nullptr));
    CHECK(m.text(".gemini/settings.json") == "{}");
}

TEST_CASE("what is shown never holds a whole secret; what is kept is private") {
    Machine m;
    m.put(".claude/settings.json", "{\"env\":{\"ANTHROPIC_API_KEY\":\"sk-ant-secret-of-mine\"}}");
    auto plan = m.connect("claude");
    REQUIRE(plan);
    CHECK(plan->changes.size() == 3);
    for (const auto& change : plan->changes) {
        CHECK(change.before.value_or("").find("secret-of") == std::string::npos);
        CHECK(change.after.value_or("").find("0123456789") == std::string::npos);
    }
    for (const auto& entry : fs::recursive_directory_iterator(m.data)) {
        if (entry.is_regular_file())
            CHECK(entry.status().permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    }
    CHECK(fs::status(m.data / "connect").permissions() == fs::perms::owner_all);
    m.undo("claude");
    CHECK(fs::is_empty(m.data / "connect"));
    CHECK(mask_secret("short") == "…");
}

TEST_CASE("the folders that clients are told by variables are honoured") {
    Machine m;
    m.home.environment = {{"CLAUDE_CONFIG_DIR", (m.scratch.dir() / "c").string()},
                          {"CODEX_HOME", (m.scratch.dir() / "x").string()}};
    CHECK(m.wanted("claude").at(0).path == m.scratch.dir() / "c/settings.json");
    CHECK(m.wanted("codex").at(0).path == m.scratch.dir() / "x/config.toml");
    CHECK(m.wanted("gemini").at(0).path == m.home.home / ".gemini/settings.json");
    m.home.environment["ANTHROPIC_API_KEY"] = "sk";
    CHECK(environment_warnings(*find_client("claude"), m.home).size() == 1);
}

TEST_CASE("opencode: three vendors in the file that is there") {
    Machine m;
    m.put(".config/opencode/opencode.jsonc",
          "{\n  // mine\n  \"provider\": {\n    \"anthropic\": {\"options\": {\"timeout\": 5}}\n  }\n}\n");
    REQUIRE(m.connect("opencode"));
    std::string text = m.text(".config/opencode/opencode.jsonc");
    auto now = nlohmann::json::parse(text, nullptr, true, true);
    CHECK(now["provider"]["anthropic"]["options"]["baseURL"] == target.url + "/v1");
    CHECK(now["provider"]["anthropic"]["options"]["timeout"] == 5);
    CHECK(now["provider"]["google"]["options"]["baseURL"] == target.url + "/v1beta");
    CHECK(text.find("// mine") != std::string::npos);
    CHECK(inspect_client(*find_client("opencode"), m.home).url == target.url);
    m.undo("opencode");
    CHECK(m.text(".config/opencode/opencode.jsonc").find("baseURL") == std::string::npos);
}

TEST_CASE("codex counts as connected only when our provider is the chosen one") {
    Machine m;
    REQUIRE(m.connect("codex"));
    CHECK(inspect_client(*find_client("codex"), m.home).url == target.url);
    std::string text = m.text(".codex/config.toml");
    text.replace(text.find("model_provider = \"lurus\""), 24, "model_provider = \"openai\"");
    m.put(".codex/config.toml", text);
    CHECK(inspect_client(*find_client("codex"), m.home).url.empty());
}

TEST_CASE("addresses as people type them") {
    CHECK(clean_url("http://a:1/").value_or("") == "http://a:1");
    CHECK(clean_url("https://a.example/v1/").value_or("") == "https://a.example");
    CHECK(clean_url("https://a.example/gw").value_or("") == "https://a.example/gw");
    CHECK(!clean_url("a.example"));
    CHECK(!clean_url(""));
}

TEST_CASE("a Windows home: names without case, its own folders, its own words") {
    Machine m;
    m.home.style = platform::HomeStyle::windows;
    m.home.environment = {{"Anthropic_Api_Key", "sk-ant"}, {"LocalAppData", (m.scratch.dir() / "local").string()}};
    CHECK(m.home.variable("ANTHROPIC_API_KEY") == "sk-ant");
    CHECK(m.home.variable("ANTHROPIC_API").empty());
    CHECK(m.home.data_folder() == m.scratch.dir() / "local" / "lurus");
    const auto warnings = environment_warnings(*find_client("claude"), m.home);
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0] ==
          "ANTHROPIC_API_KEY is set in this shell and reaches Claude Code too: Remove-Item Env:ANTHROPIC_API_KEY, and "
          "for good [Environment]::SetEnvironmentVariable('ANTHROPIC_API_KEY', $null, 'User')");
    CHECK(unset_for_good(m.home).find("environment variables") != std::string_view::npos);
    m.home.environment = {{"CODEX_home", (m.scratch.dir() / "elsewhere").string()}};
    CHECK(m.home.data_folder() == m.home.home / "AppData" / "Local" / "lurus");
    CHECK(m.wanted("codex").at(0).path == m.scratch.dir() / "elsewhere" / "config.toml");
    CHECK(m.wanted("claude").at(0).path == m.home.home / ".claude" / "settings.json");
    CHECK(m.wanted("gemini").at(1).path == m.home.home / ".gemini" / ".env");

    m.home.style = platform::HomeStyle::posix;
    CHECK(m.home.variable("CODEX_HOME").empty());
    CHECK(unset_for_good(m.home).find("start file") != std::string_view::npos);
}

TEST_CASE("a file below the home is shown by its way from there") {
    const ClientHome posix{"/people/ann", {}, platform::HomeStyle::posix};
    CHECK(posix.relative("/people/ann/.claude/settings.json") == "~/.claude/settings.json");
    CHECK(posix.relative("/people/anna/x") == "/people/anna/x");
    CHECK(posix.relative("/people/ANN/x") == "/people/ANN/x");
    CHECK(posix.relative("/people/ann") == "/people/ann");
    CHECK(ClientHome{"/", {}}.relative("/x") == "/x");
    const ClientHome windows{R"(C:\Users\Ann)", {}, platform::HomeStyle::windows};
    CHECK(windows.relative(R"(c:\users\ann\.claude/settings.json)") == R"(~\.claude\settings.json)");
    CHECK(windows.relative(R"(C:\Users\Anna\x)") == R"(C:\Users\Anna\x)");
}

TEST_CASE("gemini: a folder that is reached by another name hides nothing") {
    Machine m;
    m.put(".gemini/.env", "A=1\n");
    fs::create_directory_symlink(m.home.home, m.scratch.dir() / "link");
    CHECK_FALSE(hiding_file(*find_client("gemini"), m.home, m.scratch.dir() / "link"));
}
