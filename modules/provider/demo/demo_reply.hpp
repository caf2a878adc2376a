#pragma once
// A request as the demo's dialects see it, and the replies they make.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/provider.hpp"
#include "modules/provider/demo/demo_plan.hpp"

namespace lurus::provider::demo {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Call {
    std::string_view method;
    std::string path;   // without the query
    std::string query;  // without the question mark
    const Headers& headers;
    std::string_view raw;  // the body
    json body;             // discarded when it is no JSON

    [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// A failure as a vendor would tell it. `kind`: the OpenAI or Anthropic type, the Gemini status; empty = the status's
/// usual one.
LocalReply failure(Family family, int status, std::string_view message, std::string_view kind = {},
                   std::string_view code = {});
/// The body of the same.
ordered_json failure_body(Family family, int status, std::string_view message, std::string_view kind = {},
                          std::string_view code = {});

/// `demo-error-429` asks for that failure; nothing for other names.
std::optional<LocalReply> wanted_failure(Family family, std::string_view model);

LocalReply json_reply(const ordered_json& body);
LocalReply bytes_reply(std::string content_type, std::string bytes);

/// Builds a stream, one part an event.
class Stream {
public:
    explicit Stream(std::string content_type);
    /// `event: name` and the data.
    void event(std::string_view name, const ordered_json& data);
    void data(const ordered_json& data, std::string_view line_end = "\n");
    void raw(std::string bytes);
    LocalReply take() { return std::move(reply_); }

private:
    LocalReply reply_;
};

/// Models that misbehave in a stream: `demo-cut` stops without an end, `demo-error-event` sends an error inside 200.
bool wants_cut(std::string_view model);
bool wants_error_event(std::string_view model);

constexpr std::int64_t made_at = 1'767'225'600;  // seconds; constant, so that the same request has the same answer

// One for each dialect.
LocalReply anthropic_messages(const Call& call);
LocalReply anthropic_count_tokens(const Call& call);
LocalReply openai_chat(const Call& call);
LocalReply openai_completions(const Call& call);
LocalReply openai_responses(const Call& call);
LocalReply openai_compact(const Call& call);
LocalReply openai_input_tokens(const Call& call);
LocalReply openai_embeddings(const Call& call);
LocalReply openai_moderations(const Call& call);
LocalReply openai_images(const Call& call);
LocalReply openai_speech(const Call& call);
LocalReply openai_transcription(const Call& call);
/// `rest` is what follows `/models/`: `gemini-2.5-pro:generateContent`.
LocalReply gemini_call(const Call& call, std::string_view rest);
LocalReply models(const Call& call, Family family, std::string_view id);

}  // namespace lurus::provider::demo
