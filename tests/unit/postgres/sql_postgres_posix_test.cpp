// The driver where its server or the way to it fails.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "tests/unit/latch.hpp"
#include "tests/unit/postgres_server.hpp"

using namespace lurus;
using namespace lurus::test;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<sql::PostgresDatabase> open_with(const std::string& url, auto&& change) {
    auto address = sql::read_postgres_url(Secret(url), 2);
    REQUIRE(address.has_value());
    sql::PostgresSettings settings;
    settings.address = *std::move(address);
    change(settings);
    return sql::open_postgres(settings);
}

Result<std::int64_t> number_of(sql::Connection& db, std::string_view query, const sql::Values& values = {}) {
    auto found = db.first(query, values, [](const sql::Row& row) { return row.integer(0); });
    if (!found) return std::unexpected(found.error());
    return found->value_or(-1);
}

std::int64_t count_of(sql::Database& database, std::string_view query) {
    const auto found = database.read("counting", [&](sql::Connection& db) { return number_of(db, query); });
    REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().message));
    return *found;
}

Result<std::int64_t> add_flag(sql::Database& database, const std::string& name) {
    return database.write("adding a flag", [&](sql::Transaction& t) {
        t.changed("flags", name);
        return t.execute("INSERT INTO flag (name, value, changed_us) VALUES ($1, 'v', 1)", {name});
    });
}

/// Stands between the driver and the server, and cuts where it is told to.
class Proxy {
public:
    enum class Cut : std::uint8_t { none, before_commit, after_commit };

    explicit Proxy(const std::filesystem::path& server) : server_(server / ".s.PGSQL.5432") {
        const auto address = address_of(folder_.path / ".s.PGSQL.5432");
        listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 8) == 0);
        thread_ = std::thread([this] { run(); });
    }
    ~Proxy() {
        ending_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    /// The same database as `url`, by this way.
    [[nodiscard]] std::string url(const std::string& url) const {
        return "host='" + folder_.path.string() + "' user=lurus dbname=" + url.substr(url.rfind('=') + 1);
    }
    /// At the next commit; whether anybody is let in afterwards.
    void cut(Cut where, bool open_afterwards) {
        open_ = open_afterwards;
        cut_ = where;
    }

private:
    static sockaddr_un address_of(const std::filesystem::path& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        return address;
    }
    // One connection after another: the driver of these tests has no two at a time.
    void run() {
        bool was_cut = false;
        while (!ending_) {
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) return;
            if (!was_cut || open_) was_cut = relay(client) || was_cut;
            ::close(client);
        }
    }
    /// True when it was cut.
    bool relay(int client) {
        const int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto address = address_of(server_);
        if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            ::close(server);
            return false;
        }
        std::array<pollfd, 2> both{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
        std::array<char, 8192> bytes{};
        bool cut = false;
        for (bool open = true; open && !ending_;) {
            ::poll(both.data(), both.size(), 50);
            for (auto& end : both) {
                if (end.revents == 0 || !open) continue;
                const auto count = ::recv(end.fd, bytes.data(), bytes.size(), 0);
                const std::string_view said(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
                const bool commits = end.fd == client && said.contains("COMMIT");
                cut = commits && cut_ != Cut::none;
                const bool passes = !cut || cut_ == Cut::after_commit;
                if (passes && !said.empty()) {
                    const int other = end.fd == client ? server : client;
                    static_cast<void>(::send(other, said.data(), said.size(), MSG_NOSIGNAL));
                }
                open = !said.empty() && !cut;
            }
        }
        if (cut) cut_ = Cut::none;
        ::close(server);
        return cut;
    }

    TempFolder folder_;
    const std::filesystem::path server_;
    int listener_ = -1;
    std::atomic<Cut> cut_ = Cut::none;
    std::atomic<bool> open_ = true, ending_ = false;
    std::thread thread_;
};

/// Debian's pgbouncer in front of the server, one connection for everybody, given from transaction to transaction.
class Bouncer {
public:
    Bouncer() {
        auto& server = PostgresServer::here();
        const std::string dir = folder_.path.string();
        std::ofstream(folder_.path / "users") << "\"lurus\" \"\"\n";
        std::ofstream(folder_.path / "pgbouncer.ini")
            << "[databases]\n* = host=" << server.folder().string() << "\n[pgbouncer]\nunix_socket_dir = " << dir
            << "\nlisten_addr =\nauth_type = trust\nauth_file = " << dir << "/users\npool_mode = transaction\n"
            << "default_pool_size = 1\nmax_client_conn = 50\nlogfile = " << dir << "/log\npidfile = " << dir
            << "/pid\n";
        const std::vector<std::string> own{"chown", "-R", "--reference=" + (server.folder() / "data").string(), dir};
        REQUIRE(platform::run_child(own, 5000)->exit_code == 0);
        const auto started =
            platform::run_child(server.as_server({"/usr/sbin/pgbouncer", "-q", "-d", dir + "/pgbouncer.ini"}), 10'000);
        REQUIRE(started.has_value());
        REQUIRE_MESSAGE(started->exit_code == 0, started->out);
        // It goes into the background first, and writes this then.
        for (int i = 0; i < 1000 && !(std::ifstream(folder_.path / "pid") >> pid_); ++i)
            std::this_thread::sleep_for(10ms);
        REQUIRE(pid_ > 0);
    }
    ~Bouncer() {
        ::kill(pid_, SIGTERM);
        for (int i = 0; i < 500 && ::kill(pid_, 0) == 0; ++i) std::this_thread::sleep_for(10ms);
    }
    [[nodiscard]] std::string url(const std::string& url) const {
        return "host='" + folder_.path.string() + "' port=6432 user=lurus dbname=" + url.substr(url.rfind('=') + 1);
    }

private:
    TempFolder folder_;
    pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("PostgreSQL: a server that is frozen ends a statement by its deadline, and the next use is good again") {
    const std::string url = PostgresServer::here().new_database();
    const auto database = open_with(url, [](auto& settings) { settings.answer = 300ms; });
    pid_t frozen = 0;
    const auto read = database->read("asking", [&](sql::Connection& db) -> Result<std::int64_t> {
        const auto pid = number_of(db, "SELECT pg_backend_pid()");
        if (!pid) return pid;
        frozen = static_cast<pid_t>(*pid);
        REQUIRE(::kill(frozen, SIGSTOP) == 0);
        return number_of(db, "SELECT 1");
    });
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == ErrorCode::unavailable);
    CHECK(read.error().message.starts_with("asking: PostgreSQL at "));
    CHECK(read.error().message.ends_with("no answer within 300 ms"));
    CHECK(count_of(*database, "SELECT 7") == 7);  // by another connection
    ::kill(frozen, SIGCONT);
}

TEST_CASE("PostgreSQL: a statement that the server itself holds up ends by its limit, and the connection goes on") {
    const std::string url = PostgresServer::here().new_database();
    const auto database = open_with(url, [](auto& settings) { settings.answer = 2s; });
    const auto slow = database->read("sleeping", [](sql::Connection& db) {
        static_cast<void>(db.execute("SET LOCAL statement_timeout = 50", {}));
        return db.execute("SELECT pg_sleep(60)", {});
    });
    REQUIRE_FALSE(slow.has_value());
    CHECK(slow.error().code == ErrorCode::unavailable);
    CHECK(count_of(*database, "SELECT 7") == 7);
}

TEST_CASE("PostgreSQL: a commit whose answer is lost is looked up") {
    const std::string url = PostgresServer::here().new_database();
    const auto direct = PostgresServer::here().open(url);
    Proxy proxy(PostgresServer::here().folder());
    const auto database = open_with(proxy.url(url), [](auto& settings) { settings.connections = 1; });
    REQUIRE(add_flag(*database, "first").has_value());
    const std::string_view lost = "SELECT count(*) FROM flag WHERE name = 'lost'";
    SUBCASE("the server has committed") {
        proxy.cut(Proxy::Cut::after_commit, true);
        const auto added = add_flag(*database, "lost");
        CHECK_MESSAGE(added.has_value(), (added ? "" : added.error().message));
        CHECK(count_of(*direct, lost) == 1);
    }
    SUBCASE("the server was not asked to") {
        proxy.cut(Proxy::Cut::before_commit, true);
        const auto added = add_flag(*database, "lost");
        REQUIRE_FALSE(added.has_value());
        CHECK(added.error().code == ErrorCode::unavailable);
        CHECK_FALSE(added.error().message.contains("not known"));
        CHECK(count_of(*direct, lost) == 0);
    }
    SUBCASE("nobody can be asked") {
        proxy.cut(Proxy::Cut::after_commit, false);
        const auto added = add_flag(*database, "lost");
        REQUIRE_FALSE(added.has_value());
        CHECK(added.error().code == ErrorCode::unavailable);
        CHECK(added.error().message.ends_with("whether it was stored is not known"));
        return;
    }
    CHECK(add_flag(*database, "then").has_value());
}

TEST_CASE("PostgreSQL: who waits for a connection waits no longer than its limit") {
    const std::string url = PostgresServer::here().new_database();
    SUBCASE("none becomes free") {
        const auto database = open_with(url, [](auto& settings) {
            settings.connections = 1;
            settings.wait = 30ms;
        });
        std::string message;
        const auto outer = database->read("holding it", [&](sql::Connection&) -> Result<void> {
            const auto inner = database->read("waiting", [](sql::Connection&) -> Result<void> { return {}; });
            if (!inner && inner.error().code == ErrorCode::unavailable) message = inner.error().message;
            return {};
        });
        CHECK(outer.has_value());
        CHECK(message == "waiting: all 1 connections to PostgreSQL are in use");
        CHECK(count_of(*database, "SELECT 7") == 7);
    }
    SUBCASE("one becomes free") {
        const auto database = open_with(url, [](auto& settings) {
            settings.connections = 1;
            settings.wait = 1min;
        });
        Latch held(1);
        std::thread other;
        const auto outer = database->read("holding it", [&](sql::Connection& db) {
            other = std::thread([&] {
                held.count_down();
                CHECK(count_of(*database, "SELECT 7") == 7);
            });
            held.wait();
            return number_of(db, "SELECT 1");
        });
        other.join();
        CHECK(outer.has_value());
    }
}

TEST_CASE("PostgreSQL: it is used through pgbouncer, one connection from transaction to transaction") {
    const std::string url = PostgresServer::here().new_database();
    const Bouncer bouncer;
    const std::string by = bouncer.url(url);
    const auto one = PostgresServer::here().open(by), two = PostgresServer::here().open(by);
    CHECK(one->changed().value());
    constexpr int rounds = 20;
    std::atomic<int> failed = 0;
    const auto write = [&](sql::Database& database, const std::string& prefix) {
        for (int i = 0; i < rounds; ++i)
            if (!add_flag(database, prefix + std::to_string(i))) ++failed;
    };
    std::thread other([&] { write(*two, "two"); });
    write(*one, "one");
    other.join();
    CHECK(failed == 0);
    CHECK(count_of(*one, "SELECT count(*) FROM flag") == 2 * rounds);
    // Each has a number and a mark of its own: no transaction took another's.
    const auto direct = PostgresServer::here().open(url);
    CHECK(count_of(*direct,
                   "SELECT count(DISTINCT f.number) FROM commit_feed f JOIN row_change c ON c.mark = f.mark "
                   "WHERE c.table_name = 'flag'") == 2 * rounds);
    CHECK(count_of(*direct, "SELECT max(number) - count(*) FROM commit_feed") == 0);
    // What fails leaves nothing behind for who has the connection next.
    CHECK(add_flag(*one, "one0").error().code == ErrorCode::conflict);
    CHECK(add_flag(*two, "after").has_value());
}
