#include "modules/log/journal/row_batch.hpp"

#include "modules/log/journal/row_text.hpp"
#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

using namespace lurus::log;

RequestRecord full_record() {
    RequestRecord r;
    r.id = 7;
    r.trace_id = *Id::parse("00112233445566778899aabbccddeeff");
    r.record_id = *Id::parse("018bcfe568007abc9def0123456789ab");  // of its time
    r.key_id = *Id::parse("0000000000000000000000000000000a");
    r.team_id = *Id::parse("0000000000000000000000000000000b");
    r.org_id = *Id::parse("0000000000000000000000000000000c");
    r.time = 1'700'000'000'000'000;
    r.dialect = Dialect::openai_chat;
    r.upstream_dialect = Dialect::gemini;
    r.operation = "chat.completions";
    r.model = "a";
    r.upstream_model = "b";
    r.route = "c";
    r.provider = "d";
    r.account = "e";
    r.key = "f";
    r.user = "g";
    r.client = "h";
    r.session = "tab\there \"quoted\" back\\slash \x01 \xc3\xa4 \xff";
    r.stream = true;
    r.status = 200;
    r.end = End::complete;
    r.error = std::string("nul\0inside", 10);
    r.ttfb_us = 12;
    r.duration_us = 34;
    r.bytes_in = 56;
    r.bytes_out = -78;
    r.usage.input = INT64_MAX;
    r.usage.output = 0;
    r.usage.service_tier = "flex";
    r.usage_raw = "{\"a\":\n1}";
    r.cost = Money{INT64_MIN};
    r.tariff = "t";
    Attempt a;
    a.provider = r.provider;
    a.account = r.account;
    a.upstream_model = r.upstream_model;
    a.chosen_because = "route";
    a.outcome = "ok";
    a.status = 200;
    a.started_us = 3;
    a.duration_us = 30;
    a.usage = r.usage;
    a.cost = r.cost;
    r.attempts.push_back(a);
    return r;
}

/// Out and in again, with what the shared names hold taken from the record itself.
RequestRecord through_text(const RequestRecord& record, std::string& row) {
    append_row(row, record, 5);
    SharedNamesCache cache;
    const SharedNames& names = cache.of(record).names;
    RequestRecord back;
    back.id = record.id;
    std::int64_t id = 0;
    RowText text(row);
    REQUIRE(text.numbers(back, id));
    CHECK(id == 5);
    names.give_to(back);
    REQUIRE(text.labels(back));
    REQUIRE(text.rest(back, names.because()));
    return back;
}

TEST_CASE("a row's text gives the record back, byte for byte, and is one line of JSON") {
    RequestRecord record = full_record();
    SUBCASE("one plain attempt") {}
    SUBCASE("no attempt") {
        record.attempts.clear();
    }
    SUBCASE("two attempts") {
        record.attempts.insert(record.attempts.begin(), record.attempts.front());
        record.attempts.front().outcome = "status_429";
        record.attempts.front().status = 429;
    }
    SUBCASE("rare usage") {
        record.usage.images = 3;
        record.usage.image_output = 5;
        record.usage.estimated = true;
    }
    SUBCASE("an attempt whose usage differs") {
        record.attempts.front().usage.output = 1;
    }
    SUBCASE("an id that is not of its time") {
        record.record_id = *Id::parse("00112233445566778899aabbccddeeff");
    }
    SUBCASE("nothing known") {
        record = RequestRecord();
    }
    std::string row;
    const RequestRecord back = through_text(record, row);
    CHECK(row.find('\n') == row.npos);
    CHECK(to_json(back) == to_json(record));
    CHECK(back.session == record.session);
    CHECK(back.error == record.error);
    CHECK(back.usage_raw == record.usage_raw);
    CHECK(back.usage == record.usage);
}

TEST_CASE("text that is not a row is refused, not read past") {
    std::string row;
    append_row(row, full_record(), 5);
    const auto reads = [](std::string_view text) {
        RequestRecord record;
        std::int64_t names_id = 0;
        RowText reader(text);
        return reader.numbers(record, names_id) && reader.labels(record) && reader.rest(record, {});
    };
    CHECK(reads(row));
    int refused = 0;
    for (std::size_t size = 0; size < row.size(); ++size) {
        const std::string cut(row, 0, size);  // its own memory: reading past it would be seen
        refused += reads(cut) ? 0 : 1;
    }
    CHECK(refused == static_cast<int>(row.size()));
    std::string noise = row;
    noise[3] = 'x';
    CHECK(!reads(noise));
}

TEST_CASE("shared names are told apart by every text and id, also when their hashes are the same") {
    SharedNamesCache cache;
    RequestRecord record = full_record();
    record.client = "12345678-middle-12345678";
    auto& first = cache.of(record);
    CHECK(first.id == 0);
    first.id = 1;
    CHECK(cache.of(record).id == 1);
    for (const auto text : {&RequestRecord::operation, &RequestRecord::model, &RequestRecord::route,
                            &RequestRecord::account, &RequestRecord::user, &RequestRecord::tariff}) {
        RequestRecord other = record;
        (other.*text) += "x";
        CHECK(cache.of(other).id == 0);
    }
    for (const auto id : {&RequestRecord::key_id, &RequestRecord::team_id, &RequestRecord::org_id}) {
        RequestRecord other = record;
        (other.*id).bytes[3] ^= 1;
        CHECK(cache.of(other).id == 0);
    }
    RequestRecord other = record;
    other.upstream_dialect = Dialect::anthropic;
    CHECK(cache.of(other).id == 0);
    // Same length, same ends.
    for (char c = 'a'; c < 'z'; ++c) {
        other = record;
        other.client[10] = c;
        auto& known = cache.of(other);
        CHECK(known.names.texts[8] == other.client);
        known.id = c;
        CHECK(cache.of(other).id == c);
    }
}

TEST_CASE("a cursor finds every row, the next one after a gap, and none after the last") {
    LogFixture f;
    f.open();
    Samples samples(51);
    std::vector<RequestRecord> all;
    for (int batch = 0; batch < 40; ++batch) f.append(samples, 1 + samples.below(90), all);
    f.log.reset();
    SQLite::Database db(f.settings.file.string(), SQLite::OPEN_READWRITE);
    RowCursor rows(db);
    CHECK(rows.last_id() == static_cast<std::int64_t>(all.size()));
    const auto batches = db.execAndGet("SELECT count(*) FROM chunk").getInt64();
    CHECK(batches > 40);
    CHECK(batches < static_cast<std::int64_t>(all.size()) / 2);
    rows.forget();
    std::size_t seen = 0;
    for (bool any = rows.seek(1); any; any = rows.next()) CHECK(to_json(rows.record()) == to_json(all[seen++]));
    CHECK(seen == all.size());
    CHECK(!rows.seek(static_cast<std::int64_t>(all.size()) + 1));
    for (int round = 0; round < 200; ++round) {
        const int id = 1 + samples.below(static_cast<int>(all.size()));
        REQUIRE(rows.seek(id));
        CHECK(rows.id() == id);
        CHECK(rows.time() == all[static_cast<std::size_t>(id) - 1].time);
    }
    // Cut in the middle of a batch, as retention does.
    rows.forget();
    REQUIRE(rows.seek(100));
    const std::int64_t batch = rows.batch_id();
    db.exec("DELETE FROM chunk WHERE id <= " + std::to_string(batch));
    rows.forget();
    REQUIRE(rows.seek(1));
    CHECK(rows.id() > 100);
    CHECK(to_json(rows.record()) == to_json(all[static_cast<std::size_t>(rows.id()) - 1]));
}

TEST_CASE("the view shows each record to any SQLite") {
    LogFixture f;
    f.open();
    Samples samples(52);
    std::vector<RequestRecord> all;
    f.append(samples, 300, all);
    f.log.reset();
    SQLite::Database db(f.settings.file.string(), SQLite::OPEN_READONLY);
    SQLite::Statement select(db,
                             "SELECT id, time, model, trace_id, usage_raw, status, output, session, upstream_dialect, "
                             "record_id, node_id, key_id, team_id, org_id FROM record ORDER BY id");
    std::size_t at = 0;
    for (; select.executeStep(); ++at) {
        const auto& r = all.at(at);
        CHECK(select.getColumn(0).getInt64() == r.id);
        CHECK(select.getColumn(1).getInt64() == r.time);
        CHECK(select.getColumn(2).getString() == r.model);
        CHECK(select.getColumn(3).getString() == r.trace_id.hex());
        CHECK(select.getColumn(4).getString() == r.usage_raw);
        CHECK(select.getColumn(5).getInt() == r.status);
        CHECK(select.getColumn(6).isNull() == !r.usage.output.has_value());
        CHECK(select.getColumn(7).getString() == r.session);
        CHECK(select.getColumn(8).getInt() == static_cast<int>(r.upstream_dialect));
        CHECK(select.getColumn(9).getString() == r.record_id.hex());
        CHECK(select.getColumn(10).getString() == r.node_id.hex());
        for (const auto& [column, id] : {std::pair(11, r.key_id), {12, r.team_id}, {13, r.org_id}})
            CHECK(select.getColumn(column).getString() == (id.is_zero() ? "" : id.hex()));
    }
    CHECK(at == all.size());
}

}  // namespace
}  // namespace lurus::test
