// What the gate releases when, by scripts of what a vendor, a client and the journal do. No sockets, no clock.

#include "modules/gateway/answer/answer_gate.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <string_view>

namespace lurus::gateway {
namespace {

using Next = AnswerGate::Next;
using Silence = AnswerGate::Silence;

/// A relay without sockets: what the gate releases is what the client has.
struct Script {
    explicit Script(AnswerGate::Answer answer) { gate.begin(answer); }

    Script& piece(std::string_view bytes) { return take({.bytes = bytes}); }
    Script& semantic(std::string_view bytes) { return take({.bytes = bytes, .semantic = true}); }
    Script& take(AnswerGate::Piece piece) {
        piece.bytes = kept.emplace_back(piece.bytes);
        gate.take(piece);
        return *this;
    }
    /// What a relay does when it has read: the commit point, then all that may go.
    bool look(bool error = false) {
        const bool good = gate.reach_commit_point(error);
        if (good) send();
        return good;
    }
    void send(bool finish = false) {
        const AnswerGate::Release now = gate.release();
        const std::size_t before = client.size();
        client += now.held;
        for (const auto& one : now.pieces) client += one;
        CHECK(client.size() - before == now.bytes);
        gate.released(finish && now.bytes > 0 && now.all);
        if (now.bytes > 0) gate.open();
        // The caller's buffer is its own again.
        for (auto& old : kept) old.assign(old.size(), '#');
        kept.clear();
    }
    void safe() {
        gate.record_safe();
        client += gate.rest();
        gate.rest_released();
    }

    AnswerGate gate;
    std::string client;
    std::deque<std::string> kept;
};

AnswerGate::Answer stream(bool last_candidate) {
    AnswerGate::Answer answer;
    answer.shape = AnswerGate::Shape::events;
    answer.last_candidate = last_candidate;
    answer.end_is_seen = true;
    return answer;
}

AnswerGate::Answer json() {
    AnswerGate::Answer answer;
    answer.shape = AnswerGate::Shape::json;
    return answer;
}

TEST_CASE("a stream is held until something semantic comes while another candidate is left") {
    Script script(stream(false));
    CHECK(script.piece("start ").look());
    CHECK(script.client.empty());
    CHECK_FALSE(script.gate.committed());
    CHECK(script.gate.untouched());
    CHECK(script.semantic("word ").look());
    CHECK(script.client == "start word ");
    CHECK(script.gate.committed());
    CHECK_FALSE(script.gate.untouched());
    CHECK(script.semantic("more ").look());
    CHECK(script.client == "start word more ");
    CHECK(script.gate.next() == Next::read);
}

TEST_CASE("the last candidate's stream is held for nothing") {
    Script script(stream(true));
    CHECK(script.piece("start ").look());
    CHECK(script.client == "start ");
}

TEST_CASE("an error before the commit point fails the attempt, and the next answer begins anew") {
    Script script(stream(false));
    script.piece("start ").piece("error ");
    CHECK_FALSE(script.look(true));
    CHECK(script.client.empty());
    CHECK(script.gate.untouched());
    script.gate.begin(stream(true));
    CHECK(script.piece("other ").look());
    CHECK(script.client == "other ");
}

TEST_CASE("an error behind the commit point, or of the last candidate, goes to the client") {
    Script behind(stream(false));
    CHECK(behind.semantic("word ").look());
    CHECK(behind.piece("error ").look(true));
    CHECK(behind.client == "word error ");
    Script last(stream(true));
    CHECK(last.piece("error ").look(true));
    CHECK(last.client == "error ");
}

TEST_CASE("an error of the vendor's with its own status is no failed attempt") {
    AnswerGate::Answer answer = stream(false);
    answer.success = false;
    Script script(answer);
    CHECK(script.piece("error").look(true));
    script.gate.body_ended();
    CHECK(script.gate.ended_whole(false, true));
    CHECK(script.look(true));
    CHECK(script.client == "error");
}

TEST_CASE("events that say nothing are not held without bound") {
    Script script(stream(false));
    const std::string comment(AnswerGate::max_held_events, ':');
    CHECK(script.piece(comment).look());
    CHECK(script.client.empty());
    CHECK(script.piece(":").look());
    CHECK(script.client.size() == comment.size() + 1);
}

TEST_CASE("the last event waits for the record") {
    Script script(stream(true));
    CHECK(script.semantic("word ").look());
    CHECK(script.gate.next() == Next::read);
    script.take({.bytes = "finish stop", .semantic = true, .last_event = 7});
    CHECK(script.look());
    CHECK(script.client == "word finish ");
    CHECK(script.gate.next() == Next::record);
    script.safe();
    CHECK(script.client == "word finish stop");
    CHECK(script.gate.next() == Next::read);
    // What a vendor adds behind its last event tells nobody anything.
    CHECK(script.semantic("late ").look());
    CHECK(script.client == "word finish stoplate ");
    script.gate.body_ended();
    CHECK(script.gate.next() == Next::end);
}

TEST_CASE("what comes behind a last event that is held stays behind it") {
    Script script(stream(true));
    script.take({.bytes = "a stop", .semantic = true, .last_event = 2}).semantic("tail").semantic("end");
    CHECK(script.look());
    CHECK(script.client == "a ");
    script.safe();
    CHECK(script.client == "a stoptailend");
}

TEST_CASE("a last event that began in an earlier piece holds the rest of it") {
    Script script(stream(true));
    CHECK(script.semantic("word st").look());
    script.take({.bytes = "op", .semantic = true, .last_event = 0});
    CHECK(script.look());
    CHECK(script.client == "word st");
    script.safe();
    CHECK(script.client == "word stop");
}

TEST_CASE("held for the commit point and for the record at once") {
    Script script(stream(false));
    script.piece("start ").take({.bytes = "word stop", .semantic = true, .last_event = 5});
    CHECK(script.look());
    CHECK(script.client == "start word ");
    CHECK(script.gate.next() == Next::record);
    script.safe();
    CHECK(script.client == "start word stop");
}

TEST_CASE("a JSON answer is released when it is whole, its last bytes with the record") {
    Script script(json());
    CHECK(script.semantic("{...").look());
    CHECK(script.client.empty());
    script.take({.bytes = "...}", .semantic = true, .last_event = 3, .ends_body = true});
    script.gate.body_ended();
    CHECK(script.look());
    CHECK(script.gate.ended_whole(true, false));
    CHECK(script.client == "{...");
    CHECK(script.gate.next() == Next::record);
    script.safe();
    CHECK(script.client == "{......}");
    CHECK(script.gate.next() == Next::end);
}

TEST_CASE("a JSON answer that is too long to be held passes, but for its end") {
    Script script(json());
    const std::string much(AnswerGate::max_held_json, 'x');
    CHECK(script.semantic(much).look());
    CHECK(script.client.empty());
    CHECK(script.semantic("y").look());
    CHECK(script.client.size() == much.size() + 1);
    CHECK(script.semantic("z").look());
    CHECK(script.client.ends_with("yz"));
    script.take({.bytes = "}", .semantic = true, .last_event = 0, .ends_body = true});
    script.gate.body_ended();
    CHECK(script.look());
    CHECK(script.client.ends_with("yz"));
    script.safe();
    CHECK(script.client.ends_with("yz}"));
}

TEST_CASE("of bytes that nobody reads only the last piece waits") {
    Script script(AnswerGate::Answer{});
    CHECK(script.piece("sound ").look());
    CHECK(script.client == "sound ");
    script.take({.bytes = "more", .ends_body = true});
    script.gate.body_ended();
    CHECK(script.look());
    CHECK(script.client == "sound ");
    CHECK(script.gate.next() == Next::record);
    script.safe();
    CHECK(script.client == "sound more");
}

TEST_CASE("a stream whose length was announced ends by its last byte, which waits") {
    AnswerGate::Answer answer = stream(true);
    answer.end_is_seen = false;
    Script script(answer);
    script.semantic("word ").take({.bytes = "end", .semantic = true, .ends_body = true});
    CHECK(script.look());
    CHECK(script.client == "word ");
}

TEST_CASE("what may be the last event waits for what follows") {
    Script script(stream(true));
    CHECK(script.semantic("word ").look());
    script.take({.bytes = "finish ", .semantic = true, .may_be_last = true});
    CHECK(script.look());
    CHECK(script.client == "word ");
    CHECK(script.gate.expects_little());
    CHECK(script.gate.silence() == Silence::release);

    SUBCASE("more comes: it was not the last") {
        CHECK(script.semantic("usage ").look());
        CHECK(script.client == "word finish usage ");
        CHECK_FALSE(script.gate.expects_little());
        CHECK(script.gate.silence() == Silence::timed_out);
    }
    SUBCASE("more comes that may be the last one, too") {
        script.take({.bytes = "again ", .semantic = true, .may_be_last = true});
        CHECK(script.look());
        CHECK(script.client == "word finish ");
    }
    SUBCASE("more comes in the same read") {
        script.take({.bytes = "again ", .semantic = true, .may_be_last = true}).semantic("usage ");
        CHECK(script.look());
        CHECK(script.client == "word finish again usage ");
    }
    SUBCASE("nothing comes for a while") {
        script.gate.release_waiting();
        script.send();
        CHECK(script.client == "word finish ");
        CHECK(script.gate.next() == Next::read);
    }
    SUBCASE("the body ends: it was the last, and waits for the record") {
        script.gate.body_ended();
        CHECK(script.look());
        CHECK(script.gate.ended_whole(true, false));
        CHECK(script.client == "word ");
        CHECK(script.gate.next() == Next::record);
        script.safe();
        CHECK(script.client == "word finish ");
    }
    SUBCASE("the last event comes") {
        script.take({.bytes = "stop", .semantic = true, .last_event = 0});
        CHECK(script.look());
        CHECK(script.client == "word finish ");
        script.safe();
        CHECK(script.client == "word finish stop");
    }
}

TEST_CASE("what may be the last event is held before the commit point, too") {
    Script script(stream(false));
    script.piece("start ").take({.bytes = "all", .semantic = true, .may_be_last = true});
    CHECK(script.look());
    CHECK(script.client == "start ");
    CHECK(script.semantic("more").look());
    CHECK(script.client == "start allmore");
}

TEST_CASE("a stream that ends before its last event is cut") {
    Script script(stream(true));
    CHECK(script.semantic("word ").look());
    script.gate.body_ended();
    CHECK(script.look());
    CHECK_FALSE(script.gate.ended_whole(false, false));
    CHECK(script.gate.next() == Next::read);
    CHECK_FALSE(script.gate.untouched());
    script.gate.append("error");
    script.gate.body_ended();
    script.safe();
    CHECK(script.client == "word error");
}

TEST_CASE("a cut before anything was released leaves the client untouched") {
    Script script(stream(false));
    script.piece("start ");
    CHECK(script.look());
    CHECK(script.gate.untouched());
    script.gate.drop();
    CHECK(script.gate.rest().empty());
    Script last(stream(true));
    CHECK(last.gate.untouched());
    last.piece("start ");
    CHECK_FALSE(last.gate.untouched());
}

TEST_CASE("a cut while something is held: it goes before the error") {
    Script script(stream(true));
    CHECK(script.semantic("word ").look());
    script.take({.bytes = "finish ", .semantic = true, .may_be_last = true});
    CHECK(script.look());
    script.gate.release_waiting();
    script.send();
    script.gate.append("error");
    script.safe();
    CHECK(script.client == "word finish error");
}

TEST_CASE("a keepalive passes the commit point of a stream, and of nothing else") {
    Script script(stream(false));
    CHECK(script.piece("start ").look());
    CHECK(script.gate.keepalive_due());
    script.send();
    CHECK(script.client == "start ");
    CHECK(script.gate.committed());
    CHECK(script.piece("error ").look(true));
    CHECK(script.client == "start error ");
    Script whole(json());
    CHECK(whole.piece("{").look());
    CHECK_FALSE(whole.gate.keepalive_due());
    whole.send();
    CHECK(whole.client.empty());
}

TEST_CASE("a vendor's white space before a JSON answer passes at once where nobody else could answer") {
    Script script(json());
    CHECK(script.take({.bytes = "\n", .blank = true}).look());
    CHECK(script.client == "\n");
    CHECK(script.gate.committed());
    CHECK(script.piece("{\"a\":").look());
    CHECK(script.client == "\n{\"a\":");
    CHECK(script.take({.bytes = "1}", .last_event = 1}).look());
    CHECK(script.client == "\n{\"a\":1");
    CHECK(script.gate.next() == Next::record);
}

TEST_CASE("a vendor's white space is held while another candidate is left, but not for long") {
    AnswerGate::Answer answer = json();
    answer.last_candidate = false;
    SUBCASE("the answer comes soon: it is held until it is whole") {
        Script script(answer);
        CHECK(script.take({.bytes = "\n", .blank = true}).look());
        CHECK(script.piece("{\"error\":1}").gate.untouched());
        CHECK_FALSE(script.look(true));
        CHECK(script.client.empty());
    }
    SUBCASE("the client has waited for a keepalive's time") {
        Script script(answer);
        CHECK(script.take({.bytes = "\n", .blank = true}).look());
        CHECK(script.client.empty());
        CHECK_FALSE(script.gate.keepalive_due());
        script.send();
        CHECK(script.client == "\n");
        CHECK(script.take({.bytes = "\n", .blank = true}).look());
        CHECK(script.client == "\n\n");
    }
    SUBCASE("the first comes when the client has waited") {
        Script script(answer);
        CHECK_FALSE(script.gate.keepalive_due());
        CHECK_FALSE(script.gate.committed());
        CHECK(script.take({.bytes = " ", .blank = true}).look());
        CHECK(script.client == " ");
    }
}

TEST_CASE("a JSON answer that ended before it was whole is cut") {
    Script held(json());
    CHECK(held.piece("{\"a\":").look());
    held.gate.body_ended();
    CHECK_FALSE(held.gate.ended_whole(false, false));
    CHECK(held.look());
    CHECK(held.gate.untouched());
    CHECK(held.client.empty());
    Script opaque(AnswerGate::Answer{});
    CHECK(opaque.piece("sound").look());
    opaque.gate.body_ended();
    CHECK_FALSE(opaque.gate.ended_whole(false, false));
    CHECK(opaque.gate.next() == Next::read);
}

TEST_CASE("a stream that was opened by a keepalive stays open for the next attempt") {
    Script script(stream(false));
    script.gate.open();
    CHECK(script.gate.untouched());
    script.gate.begin(stream(true));
    CHECK(script.gate.opened());
    CHECK_FALSE(script.gate.untouched());
}

TEST_CASE("the client leaves") {
    Script script(stream(true));
    CHECK(script.semantic("word ").look());

    SUBCASE("in the middle: the attempt is given up") {
        CHECK_FALSE(script.gate.client_left(false, false));
        CHECK_FALSE(script.gate.discarding());
    }
    SUBCASE("in the middle of an answer that is drained") {
        CHECK(script.gate.client_left(true, false));
        CHECK(script.gate.discarding());
        CHECK_FALSE(script.gate.client_had_all());
        CHECK(script.gate.silence() == Silence::timed_out);
    }
    SUBCASE("with the finish reason: what it used comes behind it") {
        script.semantic("finish ");
        script.send(true);
        CHECK(script.gate.client_left(false, false));
        CHECK(script.gate.client_had_all());
        CHECK(script.gate.expects_little());
        CHECK(script.gate.silence() == Silence::give_up);
    }
    SUBCASE("with a finish reason that is still held: it does not have it") {
        script.take({.bytes = "finish ", .semantic = true, .may_be_last = true});
        script.send(true);
        CHECK_FALSE(script.gate.client_left(false, false));
    }
    SUBCASE("with an error") {
        script.semantic("error ");
        script.send(true);
        CHECK_FALSE(script.gate.client_left(false, true));
    }
    SUBCASE("when its record is safe") {
        script.take({.bytes = "stop", .semantic = true, .last_event = 0});
        CHECK(script.look());
        script.safe();
        CHECK_FALSE(script.gate.client_left(true, false));
    }
}

TEST_CASE("a vendor that is silent behind its last event ends nothing but the framing") {
    Script script(stream(true));
    script.take({.bytes = "word stop", .semantic = true, .last_event = 5});
    CHECK(script.look());
    script.safe();
    CHECK(script.gate.silence() == Silence::end);
    script.gate.body_ended();
    CHECK(script.gate.next() == Next::end);
}

}  // namespace
}  // namespace lurus::gateway
