#include "modules/gateway/server/turn_writes.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <array>
#include <vector>

namespace lurus::gateway {
namespace {

class Client final : public TurnWriter {
public:
    Client() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_.data()) == 0); }
    ~Client() {
        ::close(fds_[0]);
        ::close(fds_[1]);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void on_sent(Io state, std::string_view rest) override {
        states.push_back(state);
        kept.append(rest);
    }
    [[nodiscard]] int descriptor() const { return fds_[0]; }
    [[nodiscard]] std::string received() const {
        std::string out(1 << 20, '\0');
        const auto n = ::recv(fds_[1], out.data(), out.size(), 0);
        out.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        return out;
    }
    void fill() const {
        const std::string filler(4096, 'x');
        while (::send(fds_[0], filler.data(), filler.size(), MSG_NOSIGNAL) > 0) {
        }
    }
    void hang_up() const { ::shutdown(fds_[1], SHUT_RDWR); }

    std::vector<Io> states;
    std::string kept;

private:
    std::array<int, 2> fds_{};
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
    CHECK(a->received().empty());
    add(writes, b, "other");
    // A second write of a client that is not the last one lets all before it go, so that its order holds.
    add(writes, a, "three");
    CHECK(a->received() == "one two ");
    CHECK(b->received() == "other");
    writes.send();
    CHECK(a->received() == "three");
    CHECK(a->states.empty());
    add(writes, b, "again");
    writes.settle(*a);
    CHECK(b->received().empty());
    writes.settle(*b);
    CHECK(b->received() == "again");
}

TEST_CASE("a long turn does not hold its first answer back for ever") {
    TurnWrites writes;
    std::vector<std::shared_ptr<Client>> clients;
    for (int i = 0; i < 40; ++i) {
        clients.push_back(std::make_shared<Client>());
        add(writes, clients.back(), "x");
    }
    CHECK(clients.front()->received() == "x");
    CHECK(clients.back()->received().empty());
    writes.send();
    CHECK(clients.back()->received() == "x");
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
        CHECK(clients.front()->received().empty());
        join(TurnWrites::Pace::event);
        CHECK(clients.front()->received() == "x");
        CHECK(clients.back()->received() == "x");
    }
}

TEST_CASE("a client is told what its socket did not take, and when the peer is gone") {
    TurnWrites writes;
    const auto full = std::make_shared<Client>(), gone = std::make_shared<Client>(), well = std::make_shared<Client>();
    full->fill();
    gone->hang_up();
    add(writes, full, "late");
    add(writes, gone, "lost");
    add(writes, well, "fine");
    writes.send();
    CHECK(full->states == std::vector<Io>{Io::again});
    CHECK(full->kept == "late");
    CHECK(gone->states == std::vector<Io>{Io::error});
    CHECK(well->received() == "fine");
}

TEST_CASE("a dropped client's bytes are not sent, and its owner is let go at the turn's end") {
    TurnWrites writes;
    auto dropped = std::make_shared<Client>();
    const auto other = std::make_shared<Client>();
    const std::weak_ptr<Client> watch = dropped;
    add(writes, dropped, "never");
    add(writes, other, "sent");
    writes.drop(*dropped);
    CHECK(dropped->received().empty());
    dropped.reset();
    CHECK(!watch.expired());
    writes.send();
    CHECK(watch.expired());
    CHECK(other->received() == "sent");
}

}  // namespace
}  // namespace lurus::gateway
