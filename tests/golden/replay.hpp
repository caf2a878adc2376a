#pragma once
// Replays an answer's bytes through the reader in three ways and insists that all three see the same.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "modules/gateway/answer/answer_reader.hpp"

namespace golden {

struct Case {
    std::string name;
    std::string method = "POST";
    std::string target;
    std::string content_type;
    int status = 200;
    std::string body;
};

struct Seen {
    lurus::Usage usage;
    std::string raw;
    std::string error_type, error_message;
    bool complete = false;
    bool semantic = false;
    int events = 0;
    std::size_t terminal = lurus::gateway::AnswerReader::none;   // in the whole body
    std::size_t committed = lurus::gateway::AnswerReader::none;  // length of the part that reached the commit point
};

/// Checks with doctest; returns what was seen.
Seen replay(const Case& one);

struct Tally {
    int answers = 0, requests = 0, recordings = 0, skipped = 0;
    std::string skipped_why;
};
Tally& tally();

std::string read_file(const std::string& path);
/// Null for absent, else the number; keys as the log's: input, cache_read ...
nlohmann::json usage_json(const lurus::Usage& usage);

}  // namespace golden
