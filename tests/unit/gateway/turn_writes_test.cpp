#include "modules/gateway/server/turn_writes.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/socket_pair.hpp"

namespace lurus::gateway {
namespace {

class Client final : public TurnWriter {
public:
    void on_sent(Io state, std::string_view rest) override {
        states.push_back(state);
        kept.append(rest);
    }
    [[nodiscard]] int descriptor() const { return pair_.ours.descriptor(); }
    [[nodiscard]] bool heard(std::string_view text) { return pair_.hear(text.size()) == text && silent(); }
    [[nodiscard]] bool silent() const { return pair_.silent(); }
    void fill() const { test::SocketPair::fill(descriptor()); }
    void be_gone() { pair_.be_gone(descriptor()); }

    std::vector<Io> states;
    std::string kept;

private:
    boost::asio::io_context io_;
    test::SocketPair pair_{io_};
};

void add(TurnWrites& writes, const std::shared_ptr<Client>& client, std::string_view text,
         TurnWrites::Pace pace = TurnWrites::Pace::turn) {
    const boost::asio::const_buffer buffer(text.data(), text.size());
    writes.add(client, *client, client->descriptor(), std::span(&buffer, 1), pace);
}

TEST_CASE("what is added goes when the turn ends, in order for each client") {
    TurnWrites writes;
    const auto a = std::make_shared<Client>(), b = std::make_shared<Client>();
    add(writes, a, "one ");
    add(writes, a, "two ");
    CHECK(a->silent());
    add(writes, b, "other");
    // A second write of a client that is not the last one lets all before it go, so that its order holds.
    add(writes, a, "three");
    CHECK(a->heard("one two "));
    CHECK(b->heard("other"));
    writes.send();
    CHECK(a->heard("three"));
    CHECK(a->states.empty());
    add(writes, b, "again");
    writes.settle(*a);
    CHECK(b->silent());
    writes.settle(*b);
    CHECK(b->heard("again"));
}

TEST_CASE("a long turn does not hold its first answer back for ever") {
    TurnWrites writes;
    std::vector<std::shared_ptr<Client>> clients;
    for (int i = 0; i < 40; ++i) {
        clients.push_back(std::make_shared<Client>());
        add(writes, clients.back(), "x");
    }
    CHECK(clients.front()->heard("x"));
    CHECK(clients.back()->silent());
    writes.send();
    CHECK(clients.back()->heard("x"));
}

TEST_CASE("events of streams wait for fifteen others at most") {
    TurnWrites writes;
    std::vector<std::shared_ptr<Client>> clients;
    const auto join = [&](TurnWrites::Pace pace) {
        clients.push_back(std::make_shared<Client>());
        add(writes, clients.back(), "x", pace);
    };
    for (int round = 0; round < 2; ++round) {
        clients.clear();
        join(TurnWrites::Pace::turn);
        for (int i = 0; i < 15; ++i) join(TurnWrites::Pace::event);
        CHECK(clients.front()->silent());
        join(TurnWrites::Pace::event);
        CHECK(clients.front()->heard("x"));
        CHECK(clients.back()->heard("x"));
    }
}

TEST_CASE("a client is told what its socket did not take, and when the peer is gone") {
    TurnWrites writes;
    const auto full = std::make_shared<Client>(), gone = std::make_shared<Client>(), well = std::make_shared<Client>();
    full->fill();
    gone->be_gone();
    add(writes, full, "late");
    add(writes, gone, "lost");
    add(writes, well, "fine");
    writes.send();
    CHECK(full->states == std::vector<Io>{Io::again});
    CHECK(full->kept == "late");
    CHECK(gone->states == std::vector<Io>{Io::error});
    CHECK(well->heard("fine"));
}

TEST_CASE("a dropped client's bytes are not sent, and its owner is let go at the turn's end") {
    TurnWrites writes;
    auto dropped = std::make_shared<Client>();
    const auto other = std::make_shared<Client>();
    const std::weak_ptr<Client> watch = dropped;
    add(writes, dropped, "never");
    add(writes, other, "sent");
    writes.drop(*dropped);
    CHECK(dropped->silent());
    dropped.reset();
    CHECK(!watch.expired());
    writes.send();
    CHECK(watch.expired());
    CHECK(other->heard("sent"));
}

}  // namespace
}  // namespace lurus::gateway
