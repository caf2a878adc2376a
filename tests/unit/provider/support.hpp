#pragma once
// What the module's tests share: a folder of their own, a clock, declarations in one line, a scripted vendor.

#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../in_force.hpp"
#include "core/db/sql_sqlite.hpp"
#include "core/os/files.hpp"
#include "lurus/provider.hpp"
#include "lurus/store/providers.hpp"

namespace lurus::provider::test {

class TemporaryDir {
public:
    TemporaryDir() : path_(std::filesystem::temp_directory_path() / ("lurus-provider-" + *random_hex(8))) {
        std::filesystem::create_directories(path_);
    }
    TemporaryDir(const TemporaryDir&) = delete;
    TemporaryDir& operator=(const TemporaryDir&) = delete;
    ~TemporaryDir() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

class TestClock final : public Clock {
public:
    [[nodiscard]] UnixMicros now() const override { return 1'795'000'000'000'000 + ++ticks_; }
    [[nodiscard]] std::int64_t monotonic_us() const override { return ++ticks_; }

private:
    mutable std::atomic<std::int64_t> ticks_ = 0;
};

inline ProviderSpec spec(std::string name, std::string kind, std::vector<std::string> models = {},
                         std::string key = "sk-test-0123456789abcdef") {
    ProviderSpec out;
    out.name = std::move(name);
    out.kind = std::move(kind);
    out.models = std::move(models);
    out.api_key = Secret(std::move(key));
    return out;
}

inline ProviderSpec at(ProviderSpec spec, std::string base_url) {
    spec.base_url = std::move(base_url);
    return spec;
}

inline RouteSpec route(std::string model, std::vector<std::string> to, std::optional<Family> family = {}) {
    RouteSpec out;
    out.model = std::move(model);
    out.to = std::move(to);
    out.family = family;
    return out;
}

/// `provider:upstream-model (because)`, in order; or `!code message`.
inline std::string shown(const Result<Resolution>& resolution) {
    if (!resolution) return "!" + resolution.error().message;
    std::string out;
    for (const Candidate& candidate : resolution->candidates) {
        if (!out.empty()) out += ", ";
        out += candidate.provider->name + ":" + candidate.upstream_model + " (" + candidate.because + ")";
    }
    return out;
}

/// Providers over a folder of their own.
struct Fixture {
    TemporaryDir dir;
    TestClock clock;
    std::filesystem::path file = dir.path() / "lurus.db";
    ProviderSettings settings;
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<ProviderStore> store;
    std::unique_ptr<Providers> providers;

    Fixture() {
        settings.data_dir = dir.path();
        reopen();
    }
    void reopen() {
        providers.reset();
        auto opened = sql::open_sqlite(file, {"provider"});
        REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
        store = make_provider_store(**opened);
        database = *std::move(opened);
        auto made = make_providers(settings, *store, clock);
        REQUIRE_MESSAGE(made.has_value(), made.error().message);
        providers = std::move(*made);
    }
    void configure(std::vector<ProviderSpec> specs, std::vector<RouteSpec> routes = {}) {
        auto done = lurus::test::in_force(providers->prepare(std::move(specs), std::move(routes)));
        REQUIRE_MESSAGE(done.has_value(), done.error().message);
    }
    [[nodiscard]] std::string refused(std::vector<ProviderSpec> specs, std::vector<RouteSpec> routes = {}) const {
        auto done = lurus::test::in_force(providers->prepare(std::move(specs), std::move(routes)));
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == ErrorCode::invalid_argument);
        return done.error().message;
    }
    [[nodiscard]] std::string resolve(Family family, std::string_view model) const {
        return shown(providers->snapshot()->resolve(family, model));
    }
    [[nodiscard]] std::shared_ptr<const Provider> find(std::string_view name) const {
        for (const auto& provider : providers->snapshot()->providers()) {
            if (provider->name == name) return provider;
        }
        return nullptr;
    }
    [[nodiscard]] std::vector<std::string> models(Family family) const {
        std::vector<std::string> out;
        for (const auto& entry : providers->snapshot()->models(family)) out.push_back(entry.id);
        return out;
    }
};

/// Answers every connection with what `answer` makes of the request's text; keeps the requests.
class ScriptedVendor {
public:
    using Answer = std::function<std::string(const std::string& request)>;

    explicit ScriptedVendor(Answer answer)
        : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}),
          thread_([this, answer = std::move(answer)] {
              for (;;) {
                  boost::system::error_code error;
                  auto socket = acceptor_.accept(error);
                  if (error || stopping_) return;
                  std::string in = read(socket);
                  const std::string out = answer(in);
                  {
                      const std::lock_guard lock(mutex_);
                      requests_.push_back(std::move(in));
                  }
                  boost::asio::write(socket, boost::asio::buffer(out), error);
              }
          }) {}
    ~ScriptedVendor() {
        stopping_ = true;
        boost::system::error_code ignored;
        boost::asio::ip::tcp::socket poke(context_);
        poke.connect({boost::asio::ip::address_v4::loopback(), port()}, ignored);
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    [[nodiscard]] std::string url(const std::string& path = "") const {
        return "http://127.0.0.1:" + std::to_string(port()) + path;
    }
    [[nodiscard]] std::vector<std::string> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    static std::string json(int status, const std::string& body) {
        return "HTTP/1.1 " + std::to_string(status) +
               " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               body;
    }

private:
    static std::string read(boost::asio::ip::tcp::socket& socket) {
        std::string in;
        std::size_t wanted = std::string::npos;
        while (in.size() < wanted) {
            char block[4096];
            boost::system::error_code error;
            const auto n = socket.read_some(boost::asio::buffer(block), error);
            if (error) break;
            in.append(block, n);
            const auto end = in.find("\r\n\r\n");
            if (end == std::string::npos) continue;
            const auto length = in.find("Content-Length: ");
            wanted = end + 4 + (length < end ? std::stoul(in.substr(length + 16)) : 0);
        }
        return in;
    }

    boost::asio::io_context context_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace lurus::provider::test
