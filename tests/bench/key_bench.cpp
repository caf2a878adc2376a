// What many keys cost: listing and searching over the management API's handler, and a change until its snapshot is
// there.
//   lurus_key_bench [--keys N]

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/db/sql_sqlite.hpp"
#include "core/os/files.hpp"
#include "lurus/identity.hpp"
#include "lurus/ids.hpp"
#include "lurus/store/keys.hpp"
#include "lurus/store/people.hpp"
#include "modules/identity/keys/key_text.hpp"

namespace {

using namespace lurus;

// Of this thread's CPU, which others on the machine do not change.
double milliseconds(const std::function<void()>& work) {
    const auto now = [] {
        timespec t{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
    };
    const double begin = now();
    work();
    return now() - begin;
}

void report(const char* what, const std::function<void()>& work) {
    std::vector<double> took;
    for (int i = 0; i < 21; ++i) took.push_back(milliseconds(work));
    std::ranges::sort(took);
    std::printf("%-40s median %7.2f ms   worst %7.2f ms\n", what, took[took.size() / 2], took.back());
}

void fill(KeyStore& store, int count) {
    IdGenerator ids;
    for (int i = 0; i < count; ++i) {
        KeyInfo key;
        key.created = 1'795'000'000'000'000 + i;
        key.id = ids.next(key.created).hex();
        key.name = "key number " + std::to_string(i);
        key.note = "made for the bench";
        key.tags = {"tag-" + std::to_string(i % 1000), "bench"};
        key.source = "store";
        key.hint = "cr_…wxyz";
        key.hash = identity::hash_of(key.name);
        (void)store.insert(key);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("lurus_key_bench");
    int count = 100'000;
    app.add_option("--keys", count)->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    const auto folder = std::filesystem::temp_directory_path() / ("lurus-key-bench-" + random_hex(8).value());
    std::filesystem::create_directories(folder);
    const auto database = sql::open_sqlite(folder / "lurus.db", {"identity", "limits", "tenancy"}).value();
    const auto keys = make_key_store(*database);
    const auto people = make_people_store(*database);
    fill(*keys, count);
    auto made = make_identity(IdentitySettings(), *keys, *people, system_clock());
    if (!made) return std::fprintf(stderr, "%s\n", made.error().message.c_str()), 1;
    const auto routes = (*made)->api();
    const auto list = std::ranges::find(routes, "listKeys", &ApiRoute::operation_id);
    ApiRequest request;
    request.principal.kind = Principal::Kind::admin_token;
    request.principal.role = Role::owner;
    const auto ask = [&](std::map<std::string, std::string> query) {
        return [&, query = std::move(query)] {
            request.query = query;
            (void)list->handler(request);
        };
    };
    std::printf("%d keys\n", count);
    report("the first page of 100", ask({}));
    report("a page of 1000", ask({{"limit", "1000"}}));
    report("a text that one key has", ask({{"q", std::to_string(count - 1)}}));
    report("a text that none has", ask({{"q", "absent"}}));
    report("a tag", ask({{"tag", "tag-7"}}));
    bool disabled = false;
    report("a change, until it is published", [&] {
        disabled = !disabled;
        (void)(*made)->set_disabled("key number 7", disabled);
    });
    made->reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return 0;
}
