#include "core/db/postgres_connection.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <pqxx/except>
#include <pqxx/prepared_statement>
#include <pqxx/result>
#include <ranges>
#include <utility>

#include "core/json/json_bytes.hpp"

namespace lurus::sql {
namespace {

std::string hex_text(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out = "\\x";
    out.reserve(2 + bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

/// Rows come as texts. What `bytes` returns lives as long as the row.
class PostgresRow final : public Row {
public:
    explicit PostgresRow(const pqxx::row& row) : row_(row) {}

    bool is_null(int column) const override { return field(column).is_null(); }
    std::int64_t integer(int column) const override {
        const std::string_view value = text(column);
        if (value == "t") return 1;
        std::int64_t out = 0;
        std::from_chars(value.data(), value.data() + value.size(), out);
        return out;
    }
    std::string_view text(int column) const override {
        const auto value = field(column);
        return value.is_null() ? std::string_view() : std::string_view(value.c_str(), value.size());
    }
    std::string_view bytes(int column) const override {
        std::string_view value = text(column);
        if (!value.starts_with("\\x")) return value;
        value.remove_prefix(2);
        std::string& out = decoded_[column];
        out.clear();
        for (std::size_t at = 0; at + 1 < value.size(); at += 2)
            out += static_cast<char>(json::bytes::hex_digit(value[at]) * 16 + json::bytes::hex_digit(value[at + 1]));
        return out;
    }

private:
    [[nodiscard]] pqxx::field field(int column) const { return row_[static_cast<pqxx::row::size_type>(column)]; }

    const pqxx::row row_;
    mutable std::map<int, std::string> decoded_;
};

// The highest of $1, $2 ...: the server wants as many as the statement names, where SQLite takes no notice of more.
std::size_t parameters_of(std::string_view statement) {
    std::size_t most = 0;
    for (auto at = statement.find('$'); at != std::string_view::npos; at = statement.find('$', at + 1)) {
        std::size_t number = 0;
        std::from_chars(statement.data() + at + 1, statement.data() + statement.size(), number);
        most = std::max(most, number);
    }
    return most;
}

std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
ErrorCode code_of(std::string_view state) {
    if (state.starts_with("23")) return ErrorCode::conflict;
    // Connections, resources, an operator's interference, a standby that takes no changes, locks and time limits.
    if (state.starts_with("08") || state.starts_with("53") || state.starts_with("57") || state.starts_with("58") ||
        state.starts_with("40") || state == "25006" || state == "25P03" || state == "55P03")
        return ErrorCode::unavailable;
    if (state.starts_with("28") || state == "3D000" || state == "42501") return ErrorCode::unavailable;
    if (state.starts_with("XX")) return ErrorCode::corrupt;
    return ErrorCode::internal;
}

// libpqxx 6 connects anew by itself in the middle of a transaction unless it is told not to; newer ones never do.
template <class Any>
void stay_closed(Any& connection) {
    // Deprecated there in favour of the newer ones' way.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    if constexpr (requires { connection.inhibit_reactivation(true); }) connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::connect(const PostgresAddress& address,
                                                                        SocketDeadlines& deadlines,
                                                                        std::chrono::milliseconds answer) {
    const std::string server = "PostgreSQL at " + address.shown;
    try {
        std::unique_ptr<PostgresConnection> made(new PostgresConnection(deadlines, answer, server));
        made->connection_ = std::make_unique<pqxx::connection>(std::string(address.conninfo.reveal()));
        stay_closed(*made->connection_);
        made->socket_.opened(made->connection_->sock());
        made->session_ = std::make_unique<pqxx::nontransaction>(*made->connection_);
        return made;
    } catch (const std::exception& e) {
        return fail(ErrorCode::unavailable, server + ": " + first_line(e.what()));
    }
}

PostgresConnection::~PostgresConnection() {
    socket_.closed();
}

Result<pqxx::result> PostgresConnection::run(std::string_view statement, const Values& values) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    std::vector<const char*> parameters;
    const std::size_t used = parameters_of(statement);
    for (const Value& value : values | std::views::take(used)) {
        const auto& held = value.held();
        if (const auto* integer = std::get_if<std::int64_t>(&held)) {
            parameters.push_back(texts.emplace_back(std::to_string(*integer)).c_str());
        } else if (const auto* text = std::get_if<std::string>(&held)) {
            if (text->contains('\0'))
                return fail(ErrorCode::invalid_argument, doing_ + ": PostgreSQL keeps no text with a zero byte in it");
            parameters.push_back(text->c_str());
        } else if (const auto* bytes = std::get_if<Bytes>(&held)) {
            parameters.push_back(texts.emplace_back(hex_text(bytes->data)).c_str());
        } else {
            parameters.push_back(nullptr);
        }
    }
    if (broken_) return fail(ErrorCode::unavailable, doing_ + ": the connection to " + server_ + " is lost");
    constexpr std::chrono::milliseconds at_once{2000};
    const auto patience = std::exchange(first_, false) ? std::min(at_once, answer_) : answer_;
    const SocketDeadlines::Within deadline(deadlines_, socket_, patience);
    const auto lost = [&](const std::exception& e) {
        broken_ = true;
        return fail(ErrorCode::unavailable,
                    doing_ + ": " + server_ + ": " +
                        (socket_.is_shut() ? "no answer within " + std::to_string(patience.count()) + " ms"
                                           : first_line(e.what())));
    };
    try {
        return parameters.empty()
                   ? session_->exec(std::string(statement))
                   : session_->exec_params(std::string(statement), pqxx::prepare::make_dynamic_params(parameters));
    } catch (const pqxx::sql_error& e) {
        if (socket_.is_shut() || e.sqlstate().empty()) return lost(e);
        const ErrorCode code = code_of(e.sqlstate());
        if (e.sqlstate().starts_with("57P") || e.sqlstate().starts_with("08") || e.sqlstate() == "25P03")
            broken_ = true;
        return fail(code, doing_ + ": " + server_ + ": " + first_line(e.what()));
    } catch (const std::exception& e) {
        return lost(e);
    }
}

Result<std::int64_t> PostgresConnection::execute(std::string_view statement, const Values& values) {
    const auto done = run(statement, values);
    if (!done) return std::unexpected(done.error());
    return static_cast<std::int64_t>(done->affected_rows());
}

Result<void> PostgresConnection::query(std::string_view statement, const Values& values,
                                       const std::function<Result<bool>(const Row&)>& each) {
    const auto rows = run(statement, values);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
        const auto more = each(PostgresRow(row));
        if (!more) return std::unexpected(more.error());
        if (!*more) break;
    }
    return {};
}

}  // namespace lurus::sql
