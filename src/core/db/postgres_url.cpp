#include "core/db/postgres_url.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>

namespace lurus::sql {
namespace {

std::string quoted_value(std::string_view value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

Error not_understood() {
    return Error{ErrorCode::invalid_argument,
                 "the address of PostgreSQL is not understood: postgresql://USER:PASSWORD@HOST:PORT/DATABASE, where "
                 "special characters of the password are written as %XX"};
}

// A password with an @ or a / in it is taken apart there, and what is shown of the address would have a part of it.
bool has_part_of_password(const std::map<std::string, std::string>& values) {
    const auto contains = [&](const char* keyword, auto&& is_odd) {
        const auto found = values.find(keyword);
        return found != values.end() && std::ranges::any_of(found->second, is_odd);
    };
    const auto is_at = [](char c) { return c == '@'; };
    return contains("host", is_at) || contains("dbname", is_at) ||
           contains("port", [](char c) { return c != ',' && (c < '0' || c > '9'); });
}

}  // namespace

Result<PostgresAddress> read_postgres_url(const Secret& url, int connect_seconds) {
    char* said = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfoParse(std::string(url.reveal()).c_str(), &said), PQconninfoFree);
    if (!options) {
        // libpq repeats the whole text where it cannot be parsed, and with it the password.
        PQfreemem(said);
        return std::unexpected(not_understood());
    }
    std::map<std::string, std::string> values;
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) values.insert_or_assign(option->keyword, option->val);
    }
    if (has_part_of_password(values)) return std::unexpected(not_understood());
    values.try_emplace("connect_timeout", std::to_string(connect_seconds));
    values.try_emplace("application_name", "lurus");
    // Kerberos is not linked; asking the server for it costs a round trip.
    values.try_emplace("gssencmode", "disable");
    values["client_encoding"] = "UTF8";
    PostgresAddress out;
    std::string conninfo;
    for (const auto& [keyword, value] : values) conninfo += keyword + "=" + quoted_value(value) + " ";
    out.conninfo = Secret(std::move(conninfo));
    const auto shown = [&](const char* keyword, const char* otherwise) {
        const auto found = values.find(keyword);
        return found == values.end() || found->second.empty() ? std::string(otherwise) : found->second;
    };
    out.shown = shown("host", shown("hostaddr", "localhost").c_str()) + ":" + shown("port", "5432") + "/" +
                shown("dbname", shown("user", "").c_str());
    return out;
}

}  // namespace lurus::sql
