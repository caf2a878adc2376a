#pragma once
// One request while it is served. Owned by its session's coroutine.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/http1.hpp"
#include "lurus/gateway.hpp"
#include "lurus/record.hpp"
#include "lurus/store/kept.hpp"
#include "modules/gateway/server/body_budget.hpp"
#include "modules/gateway/session/endpoint.hpp"
#include "modules/gateway/session/request_scan.hpp"

namespace lurus::gateway {

/// A body that passes to the vendor as it comes.
struct Upload {
    http1::BodyFramer framer;     // takes the client's framing off
    std::uint64_t most = 0;       // payload that is passed
    std::size_t logged_most = 0;  // of it, what the record keeps
    bool invited = false;         // the client waits for no `100 Continue` any more
};

/// Views point into `bytes`, `chunked_body` or `plain_body`. The dialect is the client's; an attempt's Target has the
/// upstream's.
struct Request {
    BodyRoom room;      // what its body takes of the process's memory for bodies
    std::string bytes;  // head, and the body when it was not chunked
    http1::RequestHead head;
    std::size_t target_at = 0;    // where `head.target` stood in the bytes that were parsed
    std::size_t unread_head = 0;  // as long as the session's input begins with the head: its size
    bool body_open = false;       // a chunked body is being read, or one that passes as it comes
    std::unique_ptr<Upload> upload;
    bool head_only = false;  // the method is HEAD: answers have no body
    std::string chunked_body;
    std::string plain_body;       // of one that came compressed: what it says
    std::string_view coded_body;  // of such a one: as it came
    std::string_view body;
    std::size_t files_bytes = 0;  // of the body, as files_bytes_of() counted them before it was given back
    std::shared_ptr<const GatewaySnapshot> snapshot;
    Id trace_id;
    UnixMicros time = 0;
    std::int64_t started_us = 0;           // monotonic
    Family family = Family::openai;        // the client's: whose error shape it understands
    std::string served;                    // the target as the dialects know it, where it is not the client's
    Endpoint endpoint;                     // names the client's dialect
    const KeyInfo* key = nullptr;          // kept alive by the snapshot; null on an open listener
    std::optional<IpAddress> address;      // whom it comes from; empty on a Unix socket
    std::string_view path_class = "none";  // for the metrics: the endpoint's name, `unknown`, `own`, `api`; constants
    std::string cors;                      // fields of its answer, where a page of another origin may read it
    RequestFacts facts;
    std::unique_ptr<const KeptThing> pinned;       // what it names and whoever has that
    std::optional<Result<Resolution>> resolution;  // of `facts.model`; see candidates_of()
    RequestRecord record;

    [[nodiscard]] std::string_view target() const { return endpoint.target.empty() ? head.target : endpoint.target; }

    /// It has a body, of which nothing or not all was read.
    [[nodiscard]] bool has_unread_body() const {
        return body_open || (unread_head != 0 && (head.chunked || head.content_length.value_or(0) > 0));
    }
    /// Gives back what only a request that may be sent (again) needs: its bytes and every view of them.
    void release_sent();
    /// It asks for this model, so for other candidates.
    void set_model(std::string_view model);
};

/// Why a request goes no further.
struct Rejection {
    int status = 400;
    std::string message;
    std::string body;  // empty: the dialect's error with the message
    std::string fields;
    bool recorded = true;
};

}  // namespace lurus::gateway
