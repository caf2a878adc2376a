#pragma once
// A PostgreSQL server of the test's own: in its own folder, reached by a socket in it, gone with it.

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/db/sql_postgres.hpp"
#include "core/os/child.hpp"
#include "tests/unit/world.hpp"

namespace lurus::test {

class PostgresServer {
public:
    /// The one of this process, started when it is first asked for.
    static PostgresServer& here() {
        static PostgresServer server;
        return server;
    }

    /// A new database with nothing in it, as a URL.
    std::string new_database() { return make_database("template1"); }
    /// What a backup of this one that is taken now would restore. Nobody may be connected to it.
    std::string copy_of(const std::string& url) { return make_database(url.substr(url.rfind('=') + 1)); }
    /// One statement, as somebody else who is connected.
    void psql(const std::string& url, const std::string& statement) {
        run({program("psql"), "-d", url, "-v", "ON_ERROR_STOP=1", "-qc", statement});
    }
    /// Where its socket is.
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path; }
    /// `command`, as the user whose server it is.
    [[nodiscard]] std::vector<std::string> as_server(std::vector<std::string> command) const {
        if (as_root_)
            command.insert(command.begin(), {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"});
        return command;
    }
    /// One with the schema.
    std::unique_ptr<sql::PostgresDatabase> open(const std::string& url) {
        auto address = sql::read_postgres_url(Secret(url), 2);
        if (!address) FAIL(address.error().message);
        sql::PostgresSettings settings;
        settings.address = *std::move(address);
        auto database = sql::open_postgres(settings);
        const auto done = database->migrate();
        if (!done) FAIL(done.error().message);
        return database;
    }

private:
    PostgresServer() {
        namespace fs = std::filesystem;
        for (const auto& release : fs::directory_iterator("/usr/lib/postgresql")) {
            if (fs::exists(release.path() / "bin/initdb")) programs_ = release.path() / "bin";
        }
        REQUIRE_MESSAGE(!programs_.empty(), "there is no PostgreSQL in /usr/lib/postgresql");
        // It refuses to run as root.
        as_root_ = platform::run_child({"id", "-u"}, 5000).value().out == "0\n";
        if (as_root_) run({"chown", "postgres", folder_.path.string()});
        const std::string data = (folder_.path / "data").string();
        run(as_server(
            {program("initdb"), "-D", data, "-U", "lurus", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"}));
        run(as_server({program("pg_ctl"), "-D", data, "-w", "-s", "-l", data + "/log", "-o",
                       "-k '" + folder_.path.string() + "' -c listen_addresses= -c fsync=off", "start"}));
    }
    ~PostgresServer() {
        static_cast<void>(platform::run_child(as_server({program("pg_ctl"), "-D", (folder_.path / "data").string(),
                                                         "-w", "-s", "-m", "immediate", "stop"}),
                                              20'000));
    }

    [[nodiscard]] std::string program(const char* name) const { return (programs_ / name).string(); }
    std::string make_database(const std::string& original) {
        const std::string name = "d" + std::to_string(++databases_);
        psql("host='" + folder_.path.string() + "' user=lurus dbname=postgres",
             "CREATE DATABASE " + name + " TEMPLATE " + original);
        return "host='" + folder_.path.string() + "' user=lurus dbname=" + name;
    }
    static void run(const std::vector<std::string>& command) {
        const auto end = platform::run_child(command, 60'000);
        REQUIRE_MESSAGE(end.has_value(), (end ? "" : end.error().message));
        REQUIRE_MESSAGE(end->exit_code == 0, end->out);
    }

    TempFolder folder_;
    std::filesystem::path programs_;
    bool as_root_ = false;
    int databases_ = 0;
};

/// A port over a PostgreSQL database, twice.
template <class Port, auto Make>
class TwoPostgres {
public:
    Port& one() { return *one_.store; }
    Port& two() { return *two_.store; }

private:
    struct Handle {
        std::unique_ptr<sql::Database> database;
        std::unique_ptr<Port> store;
    };
    Handle open() const {
        Handle handle;
        handle.database = PostgresServer::here().open(url_);
        handle.store = Make(*handle.database);
        return handle;
    }

    const std::string url_ = PostgresServer::here().new_database();
    Handle one_ = open(), two_ = open();
};

}  // namespace lurus::test
