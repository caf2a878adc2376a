#pragma once
// What every ProviderStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include "lurus/store/providers.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

inline StoredProvider provider_called(std::string name, std::int64_t version = 0) {
    StoredProvider provider;
    provider.spec.name = std::move(name);
    provider.spec.kind = "openai";
    provider.version = version;
    return provider;
}

inline RouteSpec route_for(std::string model, std::vector<std::string> to = {"p/x"},
                           std::optional<Family> family = {}) {
    RouteSpec route;
    route.model = std::move(model);
    route.to = std::move(to);
    route.family = family;
    return route;
}

TEST_CASE_TEMPLATE_DEFINE("providers: what one handle writes, the other reads", Adapter, providers_read_your_writes) {
    Adapter adapter;
    StoredProvider full = provider_called("second");
    full.spec.base_url = "https://example.com/v1";
    full.spec.api_key_env = "NAME";
    full.spec.api_key_file = "/a/file";
    full.spec.models = {"a", "b*"};
    full.spec.groups = {"g"};
    full.spec.api_version = "2026-01-01";
    full.spec.connect_timeout_ms = 1;
    full.spec.first_byte_timeout_ms = 2;
    full.spec.idle_timeout_ms = 3;
    full.spec.on_client_gone = "drain";
    full.spec.ask_usage = false;
    full.spec.tls_verify = false;
    full.spec.ca_file = "/ca";
    full.spec.disabled = true;
    full.sealed = std::string("\x00\xff\x01", 3);
    got(adapter.one().add_provider(provider_called("zero"), 100));
    const auto version = got(adapter.one().add_provider(full, 101));
    got(adapter.one().add_route(route_for("m", {"second/a", "zero"}), 102));
    got(adapter.two().add_route(route_for("*", {"zero"}, Family::gemini), 103));
    StoredModelList list;
    list.provider = "zero";
    list.base_url = "https://other.example";
    list.fetched = 104;
    list.models = {{"one", 5}, {"two", 0}};
    done(adapter.two().put_model_list(list));

    for (ProviderStore* store : {&adapter.one(), &adapter.two()}) {
        const StoredProviders all = got(store->all());
        REQUIRE(all.providers.size() == 2);
        CHECK(all.providers[0].spec.name == "zero");
        CHECK(all.providers[0].sealed.empty());
        CHECK_FALSE(all.providers[0].spec.ask_usage.has_value());
        CHECK_FALSE(all.providers[0].spec.tls_verify.has_value());
        const StoredProvider& read = all.providers[1];
        CHECK(read.version == version);
        CHECK(read.sealed == full.sealed);
        CHECK(read.spec.kind == "openai");
        CHECK(read.spec.base_url == full.spec.base_url);
        CHECK(read.spec.api_key_env == "NAME");
        CHECK(read.spec.api_key_file == "/a/file");
        CHECK(read.spec.models == full.spec.models);
        CHECK(read.spec.groups == full.spec.groups);
        CHECK(read.spec.api_version == "2026-01-01");
        CHECK(read.spec.connect_timeout_ms == 1);
        CHECK(read.spec.first_byte_timeout_ms == 2);
        CHECK(read.spec.idle_timeout_ms == 3);
        CHECK(read.spec.on_client_gone == "drain");
        CHECK(read.spec.ask_usage == false);
        CHECK(read.spec.tls_verify == false);
        CHECK(read.spec.ca_file == "/ca");
        CHECK(read.spec.disabled);
        REQUIRE(all.routes.size() == 2);
        CHECK(all.routes[0].spec.to == std::vector<std::string>{"second/a", "zero"});
        CHECK_FALSE(all.routes[0].spec.family.has_value());
        CHECK(all.routes[1].spec.family == Family::gemini);
        REQUIRE(all.lists.size() == 1);
        CHECK(all.lists[0].base_url == list.base_url);
        CHECK(all.lists[0].fetched == 104);
        REQUIRE(all.lists[0].models.size() == 2);
        CHECK(all.lists[0].models[0].id == "one");
        CHECK(all.lists[0].models[0].created == 5);
    }
}

TEST_CASE_TEMPLATE_DEFINE("providers: a change names the version that it read", Adapter, providers_compare_and_set) {
    Adapter adapter;
    const auto first = got(adapter.one().add_provider(provider_called("p"), 100));
    CHECK(adapter.two().add_provider(provider_called("p"), 101).error().code == ErrorCode::conflict);
    const auto second = got(adapter.two().replace_provider(provider_called("p", first)));
    CHECK(second != first);
    CHECK(adapter.one().replace_provider(provider_called("p", first)).error().code == ErrorCode::conflict);
    CHECK(adapter.one().remove_provider("p", first).error().code == ErrorCode::conflict);
    CHECK(adapter.one().replace_provider(provider_called("gone", 1)).error().code == ErrorCode::conflict);
    done(adapter.one().remove_provider("p", second));
    // Made again, it has none of the versions that it had.
    const auto third = got(adapter.one().add_provider(provider_called("p"), 200));
    CHECK(third != first);
    CHECK(third != second);

    const auto route = got(adapter.one().add_route(route_for("m"), 100));
    CHECK(adapter.two().add_route(route_for("m"), 101).error().code == ErrorCode::conflict);
    const auto changed = got(adapter.two().replace_route(StoredRoute{route_for("m", {"q"}), route}));
    CHECK(adapter.one().replace_route(StoredRoute{route_for("m"), route}).error().code == ErrorCode::conflict);
    CHECK(adapter.one().remove_route("m", std::nullopt, route).error().code == ErrorCode::conflict);
    CHECK(adapter.one().remove_route("m", Family::openai, changed).error().code == ErrorCode::conflict);
    CHECK(got(adapter.one().all()).routes.at(0).spec.to == std::vector<std::string>{"q"});
    done(adapter.one().remove_route("m", std::nullopt, changed));
    CHECK(got(adapter.two().all()).routes.empty());
}

TEST_CASE_TEMPLATE_DEFINE("providers: of two at once one wins", Adapter, providers_race) {
    Adapter adapter;
    for (int round = 0; round < 20; ++round) {
        const std::string name = "p" + std::to_string(round);
        const auto add = [&](ProviderStore& store) {
            return [&store, name] { return store.add_provider(provider_called(name), 100).has_value(); };
        };
        CHECK(winners(add(adapter.one()), add(adapter.two())) == 1);
        const auto version = got(adapter.one().all()).providers.back().version;
        const auto replace = [&](ProviderStore& store) {
            return
                [&store, name, version] { return store.replace_provider(provider_called(name, version)).has_value(); };
        };
        CHECK(winners(replace(adapter.one()), replace(adapter.two())) == 1);
        const auto remove = [&](ProviderStore& store) {
            return [&store, name, version] { return store.remove_provider(name, version + 1).has_value(); };
        };
        CHECK(winners(remove(adapter.one()), remove(adapter.two())) == 1);
    }
}

TEST_CASE_TEMPLATE_DEFINE("providers: a list goes with its provider", Adapter, providers_lists) {
    Adapter adapter;
    StoredModelList list;
    list.provider = "p";
    list.fetched = 1;
    done(adapter.one().put_model_list(list));
    list.fetched = 2;
    done(adapter.two().put_model_list(list));
    CHECK(got(adapter.one().all()).lists.at(0).fetched == 2);
    const auto version = got(adapter.one().add_provider(provider_called("p"), 100));
    CHECK(got(adapter.two().all()).lists.empty());
    done(adapter.two().put_model_list(list));
    done(adapter.one().remove_provider("p", version));
    CHECK(got(adapter.two().all()).lists.empty());
}

TEST_CASE_TEMPLATE_DEFINE("providers: the feed tells both handles what changed, in order", Adapter, providers_feed) {
    Adapter adapter;
    ChangeFeed& feed = adapter.two().changes();
    CHECK(head_of(feed) == 0);
    const auto version = got(adapter.one().add_provider(provider_called("p"), 100));
    got(adapter.two().add_route(route_for("m"), 101));
    const auto first = changes_after(feed, 0);
    REQUIRE(first.size() == 2);
    const auto seen = head_of(feed);
    CHECK_FALSE(adapter.one().add_provider(provider_called("p"), 102).has_value());
    CHECK_FALSE(adapter.one().remove_provider("p", version + 7).has_value());
    CHECK(head_of(feed) == seen);
    got(adapter.one().replace_provider(provider_called("p", version)));
    CHECK(changes_after(feed, seen) == std::vector{first[0]});
    const auto later = head_of(feed);
    done(adapter.one().remove_provider("p", version + 1));
    CHECK(changes_after(feed, later) == std::vector{"-" + first[0]});
    CHECK(changes_after(adapter.one().changes(), 0) == std::vector{first[1], "-" + first[0]});
}

}  // namespace lurus::test

#define LURUS_PROVIDER_STORE_SUITE(Adapter)                         \
    TEST_CASE_TEMPLATE_INVOKE(providers_read_your_writes, Adapter); \
    TEST_CASE_TEMPLATE_INVOKE(providers_compare_and_set, Adapter);  \
    TEST_CASE_TEMPLATE_INVOKE(providers_race, Adapter);             \
    TEST_CASE_TEMPLATE_INVOKE(providers_lists, Adapter);            \
    TEST_CASE_TEMPLATE_INVOKE(providers_feed, Adapter)
