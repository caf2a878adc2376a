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
#include "modules/gateway/session/endpoint.hpp"
#include "modules/gateway/session/request_scan.hpp"

namespace lurus::gateway {

/// Views point into `bytes`, `chunked_body` or `plain_body`. The dialect is the client's; an attempt's Target has the
/// upstream's.
struct Request {
    std::string bytes;  // head, and the body when it was not chunked
    http1::RequestHead head;
    std::size_t target_at = 0;  // where `head.target` stood in the bytes that were parsed
    bool head_only = false;     // the method is HEAD: answers have no body
    std::string chunked_body;
    std::string plain_body;       // of one that came compressed: what it says
    std::string_view coded_body;  // of such a one: as it came
    std::string_view body;
    std::shared_ptr<const GatewaySnapshot> snapshot;
    Id trace_id;
    UnixMicros time = 0;
    std::int64_t started_us = 0;       // monotonic
    Family family = Family::openai;    // the client's: whose error shape it understands
    Endpoint endpoint;                 // names the client's dialect
    const KeyInfo* key = nullptr;      // kept alive by the snapshot; null on an open listener
    std::optional<IpAddress> address;  // whom it comes from; empty on a Unix socket
    RequestFacts facts;
    std::optional<Result<Resolution>> resolution;  // of `facts.model`; see candidates_of()
    RequestRecord record;

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
