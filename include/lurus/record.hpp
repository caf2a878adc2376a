#pragma once
// The record of one request: what the journal keeps, the log shows and the bill is made from.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/dialect.hpp"
#include "lurus/ids.hpp"
#include "lurus/money.hpp"
#include "lurus/usage.hpp"

namespace lurus {

/// How a request ended, seen from the client.
enum class End : std::uint8_t {
    complete,      // the whole answer was relayed
    client_gone,   // the client left before the end
    upstream_cut,  // the vendor's answer broke off after the commit point
    error,         // the client got an error (the vendor's or ours)
};

constexpr std::string_view name_of(End e) {
    switch (e) {
        case End::complete: return "complete";
        case End::client_gone: return "client_gone";
        case End::upstream_cut: return "upstream_cut";
        case End::error: return "error";
    }
    return "error";
}

constexpr std::optional<End> end_from(std::string_view name) {
    for (End e : {End::complete, End::client_gone, End::upstream_cut, End::error}) {
        if (name_of(e) == name) return e;
    }
    return std::nullopt;
}

/// One try of one account. Its id is made of the record's and its place: see `attempt_id`.
struct Attempt {
    std::string provider;
    std::string account;
    std::string upstream_model;
    std::string
        chosen_because;  // why this candidate: `route`, `provider/model`, `default for anthropic`, `fallback 2` ...
    std::string
        outcome;  // `ok`, `refused`, `connect_timeout`, `reset`, `idle_timeout`, `status_429`, `error_event` ...
    std::optional<int> status;    // the vendor's status, if one came
    std::int64_t started_us = 0;  // after the request's start
    std::int64_t duration_us = 0;
    Usage usage;  // what this try cost, as far as it was seen
    std::optional<Money> cost;
};

/// Strings are UTF-8, cut to 512 bytes by whoever fills them. Durations are microseconds.
/// Ids are those of the moment at which the request was admitted, whatever becomes of names afterwards. Zero = unknown,
/// or none.
struct RequestRecord {
    std::int64_t id = 0;  // monotone within a journal, given by it when the record is appended
    Id record_id;         // UUIDv7 of `time`, the same everywhere; a journal gives one to a record without
    Id node_id;           // of the node whose journal it came into, which says so
    Id trace_id;          // the caller's, where they brought one: may repeat
    UnixMicros time = 0;  // when the request's head was read
    Dialect dialect = Dialect::openai;
    Dialect upstream_dialect = Dialect::openai;
    std::string operation;  // `messages`, `chat.completions`, `responses`, `embeddings`, `generateContent` ...
    std::string model;      // as the client named it
    std::string upstream_model;
    std::string route;
    std::string provider;
    std::string account;
    std::string key;  // the key's name
    std::string
        user;  // id of the member who owned the key, of the organisation where nobody did; empty = the default one
    Id key_id;
    Id team_id;
    Id org_id;
    std::string client;  // the user agent
    std::string session;
    bool stream = false;
    int status = 0;  // what the client got; 0 = nothing was sent
    End end = End::error;
    std::string error;                    // empty, or what went wrong in a few words
    std::optional<std::int64_t> ttfb_us;  // first byte of the answer; empty = none came
    std::int64_t duration_us = 0;
    std::int64_t bytes_in = 0;   // the request's body
    std::int64_t bytes_out = 0;  // the answer's body
    Usage usage;
    std::string usage_raw;      // the vendor's own usage object(s) as JSON; empty = none
    std::optional<Money> cost;  // empty = unpriced or unknown
    /// Which price was used; several, joined by ` + `, where models took turns; then `; unpriced: web_search` where a
    /// part has no price and the cost is without it. Empty = none.
    std::string tariff;
    std::vector<Attempt> attempts;
    std::string request_body;  // kept only where log.bodies says so
    std::string response_body;

    /// The member who owned the key; empty = nobody, or unknown.
    [[nodiscard]] std::string_view member_id() const;
};

/// Of the attempt at this place, from 0, of the record's attempts: `<record id>-1` for the first.
std::string attempt_id(const Id& record_id, std::size_t place);

}  // namespace lurus
