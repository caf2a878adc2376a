#pragma once
// How an attempt ended. The record keeps its name.

#include <cstdint>
#include <string>
#include <string_view>

#include "lurus/record.hpp"

namespace lurus::gateway {

enum class Outcome : std::uint8_t {
    ok,
    status,   // the vendor answered with an error; which one is the attempt's status
    limited,  // its model is over a limit of ours, so it was not asked
    // there was no connection
    dns,
    refused,
    connect_error,
    connect_timeout,
    tls,
    no_websocket,
    // there was no answer that could be passed on
    reset,  // also in the middle of an answer
    first_byte_timeout,
    bad_answer,
    redirect,
    content_type,
    error_event,  // an error inside of a 200; before the commit point the next candidate is asked
    // the answer broke off
    bad_framing,
    truncated,
    idle_timeout,
    // how the request ended is how the attempt did
    client_gone,
    upstream_cut,
    error,
};

constexpr std::string_view name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::ok: return "ok";
        case Outcome::status: return "status";
        case Outcome::limited: return "limited";
        case Outcome::dns: return "dns";
        case Outcome::refused: return "refused";
        case Outcome::connect_error: return "connect_error";
        case Outcome::connect_timeout: return "connect_timeout";
        case Outcome::tls: return "tls";
        case Outcome::no_websocket: return "no_websocket";
        case Outcome::reset: return "reset";
        case Outcome::first_byte_timeout: return "first_byte_timeout";
        case Outcome::bad_answer: return "bad_answer";
        case Outcome::redirect: return "redirect";
        case Outcome::content_type: return "content_type";
        case Outcome::error_event: return "error_event";
        case Outcome::bad_framing: return "bad_framing";
        case Outcome::truncated: return "truncated";
        case Outcome::idle_timeout: return "idle_timeout";
        case Outcome::client_gone: return "client_gone";
        case Outcome::upstream_cut: return "upstream_cut";
        case Outcome::error: return "error";
    }
    return "error";
}

/// As the record has it: `status_429` for an error answer of that status.
inline std::string recorded(Outcome outcome, int status) {
    std::string text(name_of(outcome));
    if (outcome == Outcome::status) text.append("_").append(std::to_string(status));
    return text;
}

/// Of the attempt that a request ended with.
constexpr Outcome outcome_of(End end) {
    switch (end) {
        case End::complete: return Outcome::ok;
        case End::client_gone: return Outcome::client_gone;
        case End::upstream_cut: return Outcome::upstream_cut;
        case End::error: return Outcome::error;
    }
    return Outcome::error;
}

/// What the client is told when no other attempt does better.
constexpr int client_status(Outcome outcome, int vendor_status) {
    switch (outcome) {
        case Outcome::status: return vendor_status;
        case Outcome::limited: return 429;
        case Outcome::no_websocket: return 426;
        case Outcome::connect_timeout:
        case Outcome::first_byte_timeout:
        case Outcome::idle_timeout: return 504;
        default: return 502;
    }
}

}  // namespace lurus::gateway
