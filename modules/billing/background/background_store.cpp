#include "lurus/store/background.hpp"

#include "core/db/sql.hpp"

namespace lurus {
namespace billing {
namespace {

std::string text_of(const Id& id) {
    return id.is_zero() ? std::string() : id.hex();
}

Id id_of(std::string_view text) {
    return Id::parse(text).value_or(Id());
}

class SqlBackground final : public BackgroundStore {
public:
    explicit SqlBackground(sql::Database& database) : database_(database) {}

    Result<void> add(const BackgroundAnswer& answer, UnixMicros oldest) override {
        return database_.write("keeping a background answer", [&](sql::Transaction& db) -> Result<void> {
            if (auto pruned = db.execute("DELETE FROM background_answer WHERE time_us < $1", {oldest}); !pruned)
                return std::unexpected(pruned.error());
            const auto kept = db.execute(
                "INSERT INTO background_answer (id, record_id, time_us, model, upstream_model, key_name, user_id, "
                "key_id, team_id, org_id, input_tokens, output_tokens) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
                {answer.id, text_of(answer.record_id), answer.time, answer.model, answer.upstream_model, answer.key,
                 answer.user, text_of(answer.key_id), text_of(answer.team_id), text_of(answer.org_id),
                 answer.input_tokens, answer.output_tokens});
            if (!kept) return std::unexpected(kept.error());
            return {};
        });
    }

    Result<std::optional<BackgroundAnswer>> claim(std::string_view id, const Id& node, const Id& record) override {
        using Claimed = std::optional<BackgroundAnswer>;
        // Most answers that are read are none of these: that takes no writer.
        const auto known = database_.read("looking for a background answer", [&](sql::Connection& db) {
            return db.exists("SELECT 1 FROM background_answer WHERE id = $1 AND claim_record = ''", {id});
        });
        if (!known) return std::unexpected(known.error());
        if (!*known) return Claimed();
        return database_.write("claiming a background answer", [&](sql::Transaction& db) -> Result<Claimed> {
            const auto taken = db.execute(
                "UPDATE background_answer SET claim_node = $2, claim_record = $3 WHERE id = $1 AND claim_record = ''",
                {id, text_of(node), text_of(record)});
            if (!taken) return std::unexpected(taken.error());
            if (*taken == 0) return Claimed();
            return db.first(
                "SELECT id, record_id, time_us, model, upstream_model, key_name, user_id, key_id, team_id, org_id, "
                "input_tokens, output_tokens FROM background_answer WHERE id = $1",
                {id}, [](const sql::Row& row) {
                    BackgroundAnswer answer;
                    answer.id = row.text(0);
                    answer.record_id = id_of(row.text(1));
                    answer.time = row.integer(2);
                    answer.model = row.text(3);
                    answer.upstream_model = row.text(4);
                    answer.key = row.text(5);
                    answer.user = row.text(6);
                    answer.key_id = id_of(row.text(7));
                    answer.team_id = id_of(row.text(8));
                    answer.org_id = id_of(row.text(9));
                    answer.input_tokens = row.integer(10);
                    answer.output_tokens = row.integer(11);
                    return answer;
                });
        });
    }

    Result<void> booked(std::string_view id) override {
        return change("booking a background answer", "DELETE FROM background_answer WHERE id = $1", id);
    }

    Result<void> release(std::string_view id) override {
        return change("releasing a background answer",
                      "UPDATE background_answer SET claim_node = '', claim_record = '' WHERE id = $1", id);
    }

    Result<std::vector<BackgroundClaim>> claims(const Id& node) override {
        return database_.read("listing claims of background answers", [&](sql::Connection& db) {
            return db.all("SELECT id, claim_record FROM background_answer WHERE claim_node = $1 ORDER BY id",
                          {text_of(node)}, [](const sql::Row& row) {
                              BackgroundClaim claim;
                              claim.id = row.text(0);
                              claim.record_id = id_of(row.text(1));
                              return claim;
                          });
        });
    }

private:
    Result<void> change(std::string_view doing, std::string_view statement, std::string_view id) {
        return database_.write(doing, [&](sql::Transaction& db) -> Result<void> {
            const auto done = db.execute(statement, {id});
            if (!done) return std::unexpected(done.error());
            return {};
        });
    }

    sql::Database& database_;
};

}  // namespace
}  // namespace billing

std::unique_ptr<BackgroundStore> make_background_store(sql::Database& database) {
    return std::make_unique<billing::SqlBackground>(database);
}

}  // namespace lurus
