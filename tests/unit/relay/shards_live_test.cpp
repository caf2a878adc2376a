#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <thread>

#include "tests/unit/relay/rig.hpp"

namespace lurus::test {
namespace {

bool live_in_the_end(Gateway& gateway) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < until) {
        if (gateway.shards_live()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
}

TEST_CASE("a shard that hangs gives no sign of life, and gives it when it goes on") {
    std::promise<void> hangs, goes_on;
    const Rig rig(Family::openai);
    Gateway& gateway = rig.gateway();
    CHECK(gateway.shards_live());
    CHECK(live_in_the_end(gateway));
    // The shard lets go of it when the next one comes, and with that runs what deletes it.
    gateway.publish(std::shared_ptr<const GatewaySnapshot>(new GatewaySnapshot(rig.snapshot()),
                                                           [&](const GatewaySnapshot* snapshot) {
                                                               hangs.set_value();
                                                               goes_on.get_future().wait();
                                                               delete snapshot;
                                                           }));
    gateway.publish(std::make_shared<GatewaySnapshot>(rig.snapshot()));
    hangs.get_future().wait();
    (void)gateway.shards_live();  // the sign that was asked for before may have come
    CHECK_FALSE(gateway.shards_live());
    CHECK_FALSE(gateway.shards_live());
    goes_on.set_value();
    CHECK(live_in_the_end(gateway));
}

}  // namespace
}  // namespace lurus::test
