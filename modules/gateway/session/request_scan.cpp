#include "modules/gateway/session/request_scan.hpp"

#include <algorithm>

#include "core/json/json_scan.hpp"
#include "core/text/ascii.hpp"
#include "modules/gateway/dialect/dialect.hpp"

namespace lurus::gateway {
namespace {

using json::Kind;

constexpr std::size_t max_session = 512;

// A session found in the body, with how much it is worth; the best one stays.
struct SessionHints {
    std::string value;
    int rank = 0;

    void offer(std::string candidate, int candidate_rank) {
        if (candidate.empty() || candidate_rank < rank) return;
        if (candidate.size() > max_session) candidate.resize(max_session);
        value = std::move(candidate);
        rank = candidate_rank;
    }
};

RequestFacts found(RequestFacts facts, SessionHints hints, const Endpoint& endpoint) {
    facts.session = std::move(hints.value);
    facts.stream = facts.stream || endpoint.streams;
    return facts;
}

RequestFacts broken(std::string_view why, std::size_t offset) {
    RequestFacts facts;
    facts.error = std::string(why) + " at byte " + std::to_string(offset);
    facts.error_offset = offset;
    return facts;
}

// Claude Code writes a JSON text with `session_id`, and before that `user_<hash>_account_<uuid>_session_<uuid>`.
std::string session_of_user_id(const std::string& user_id) {
    if (user_id.starts_with('{')) return json::string_value(json::find(user_id, {"session_id"}));
    constexpr std::string_view marker = "_session_";
    const std::size_t at = user_id.rfind(marker);
    return at == std::string::npos ? std::string{} : user_id.substr(at + marker.size());
}

class JsonScan {
public:
    JsonScan(const Endpoint& endpoint, const ScanRules& rules, std::string_view body)
        : endpoint_(endpoint), rules_(rules), body_(body), reader_(body) {}

    RequestFacts run() {
        std::string_view key;
        if (reader_.peek() != Kind::object && !reader_.failed())
            return broken("expected a JSON object", reader_.offset());
        reader_.enter_object();
        const std::size_t inside = reader_.offset();
        if (endpoint_.answer.dialect == Dialect::openai_chat)
            ask_usage_ = {.begin = inside, .end = inside, .text = R"("stream_options":{"include_usage":true},)"};
        while (reader_.next_member(key)) member(key);
        reader_.finish();
        if (reader_.failed()) return broken(reader_.error(), reader_.error_offset());
        if (facts_.stream) facts_.ask_usage = ask_usage_;
        return found(std::move(facts_), std::move(hints_), endpoint_);
    }

private:
    void member(std::string_view raw_key) {
        std::string plain;
        std::string_view key = raw_key;
        if (raw_key.find('\\') != std::string_view::npos) key = plain = json::unescape(raw_key);
        if (key == "model") {
            const std::string_view value = reader_.skip();
            if (endpoint_.model_in_body) model(value);
        } else if (key == "stream") {
            facts_.stream = reader_.skip() == "true";
        } else if (key == "stream_options" && endpoint_.answer.dialect == Dialect::openai_chat) {
            stream_options(reader_.skip());
        } else if (key == "background") {
            facts_.background = reader_.skip() == "true";
        } else if (const MaxOutputField* field = max_output_field(key)) {
            facts_.max_output = max_output(*field, reader_.skip());
        } else if (key == "metadata" || key == "client_metadata") {
            metadata();
        } else if (key == "prompt_cache_key") {
            hints_.offer(json::string_value(reader_.skip()), 2);
        } else if (key == "store") {
            facts_.keeps = reader_.skip() != "false";
        } else if (key == "session_id") {
            hints_.offer(json::string_value(reader_.skip()), 3);
        } else if (key == "conversation") {
            const std::string_view value = reader_.skip();
            hints_.offer(json::string_value(json::kind_of(value) == Kind::object ? json::find(value, {"id"}) : value),
                         1);
        } else {
            reader_.skip();
        }
    }

    [[nodiscard]] const MaxOutputField* max_output_field(std::string_view key) const {
        for (const MaxOutputField& field : rules_.max_output) {
            if (field.key == key) return &field;
        }
        return nullptr;
    }

    static std::optional<std::int64_t> max_output(const MaxOutputField& field, std::string_view value) {
        if (field.members.front().empty()) return json::to_int64(value);
        std::string_view found;
        for (const std::string_view member : field.members) {
            if (found.empty() && !member.empty()) found = json::find(value, {member});
        }
        return json::to_int64(found);
    }

    // What is neither an object nor null the vendor may refuse in its own words; the same for `include_usage`.
    void stream_options(std::string_view value) {
        ask_usage_ = {};
        const Kind kind = json::kind_of(value);
        if (kind == Kind::null) ask_usage_ = edit_of(value, R"({"include_usage":true})");
        if (kind != Kind::object) return;
        json::Reader options(value, json::Mode::trusting);
        options.enter_object();
        const std::size_t inside = options.offset();
        std::string_view key;
        bool empty = true;
        bool said = false;
        while (options.next_member(key)) {
            const std::string_view option = options.skip();
            empty = false;
            if (!json::key_equals(key, "include_usage")) continue;
            said = true;
            ask_usage_ = {};
            if (option == "false" || option == "null") ask_usage_ = edit_of(option, "true");
        }
        if (!said)
            ask_usage_ =
                edit_of(value.substr(inside, 0), empty ? R"("include_usage":true)" : R"("include_usage":true,)");
    }

    [[nodiscard]] BodyEdit edit_of(std::string_view range, std::string_view text) const {
        const auto begin = static_cast<std::size_t>(range.data() - body_.data());
        return {.begin = begin, .end = begin + range.size(), .text = text};
    }

    void model(std::string_view value) {
        facts_.model.clear();
        facts_.model_begin = facts_.model_end = 0;
        if (json::kind_of(value) != Kind::string) return;
        facts_.model = json::string_value(value);
        facts_.model_begin = static_cast<std::size_t>(value.data() - body_.data());
        facts_.model_end = facts_.model_begin + value.size();
    }

    void metadata() {
        if (reader_.peek() != Kind::object) {
            reader_.skip();
            return;
        }
        reader_.enter_object();
        std::string_view key;
        while (reader_.next_member(key)) {
            const std::string_view value = reader_.skip();
            if (json::key_equals(key, "user_id")) {
                hints_.offer(session_of_user_id(json::string_value(value)), 5);
            } else if (json::key_equals(key, "session_id")) {
                hints_.offer(json::string_value(value), 4);
            } else if (json::key_equals(key, "thread_id")) {
                hints_.offer(json::string_value(value), 1);
            }
        }
    }

    const Endpoint& endpoint_;
    const ScanRules& rules_;
    std::string_view body_;
    json::Reader reader_;
    RequestFacts facts_;
    BodyEdit ask_usage_;
    SessionHints hints_;
};

// `name="value"` or `name=value` among a header's parameters.
std::string_view parameter(std::string_view header, std::string_view name) {
    std::size_t at = header.find(';');
    while (at != std::string_view::npos) {
        ++at;
        while (at < header.size() && (header[at] == ' ' || header[at] == '\t')) ++at;
        const std::size_t equals = header.find_first_of("=;", at);
        if (equals == std::string_view::npos || header[equals] == ';') {
            at = equals;
            continue;
        }
        const bool wanted = iequals(trim(header.substr(at, equals - at)), name);
        std::string_view value;
        if (equals + 1 < header.size() && header[equals + 1] == '"') {
            std::size_t close = equals + 2;
            while (close < header.size() && header[close] != '"') close += header[close] == '\\' ? 2 : 1;
            close = std::min(close, header.size());
            value = header.substr(equals + 2, close - equals - 2);
            at = header.find(';', close);
        } else {
            at = header.find(';', equals);
            value = trim(header.substr(equals + 1, at == std::string_view::npos ? at : at - equals - 1));
        }
        if (wanted) return value;
    }
    return {};
}

// multipart/form-data (RFC 7578): only fields without a file name are looked at, a file's bytes are stepped over.
class FormScan {
public:
    FormScan(const Endpoint& endpoint, std::string_view content_type, std::string_view body)
        : endpoint_(endpoint), body_(body), boundary_(parameter(content_type, "boundary")) {}

    RequestFacts run() {
        facts_.model_is_json = false;
        if (boundary_.empty() || boundary_.size() > 200) return broken("multipart form without a boundary", 0);
        const std::string delimiter = "\r\n--" + std::string(boundary_);
        const std::string_view first = std::string_view(delimiter).substr(2);
        std::size_t at = body_.starts_with(first) ? 0 : body_.find(delimiter);
        if (at == std::string_view::npos) return broken("multipart form without its boundary", 0);
        at += at == 0 && body_.starts_with(first) ? first.size() : delimiter.size();
        while (true) {
            if (body_.substr(at, 2) == "--") break;
            const std::size_t line = body_.find("\r\n", at);
            if (line == std::string_view::npos) return broken("unexpected end of the form", body_.size());
            // A part without headers has its blank line right here.
            const std::size_t blank = body_.find("\r\n\r\n", line);
            if (blank == std::string_view::npos) return broken("unexpected end of the form", body_.size());
            const std::size_t begin = blank + 4;
            const std::size_t end = body_.find(delimiter, begin - 2);
            if (end == std::string_view::npos) return broken("unexpected end of the form", body_.size());
            part(body_.substr(line, blank - line), std::min(begin, end), end);
            at = end + delimiter.size();
        }
        return found(std::move(facts_), std::move(hints_), endpoint_);
    }

private:
    void part(std::string_view headers, std::size_t begin, std::size_t end) {
        constexpr std::string_view disposition = "content-disposition:";
        std::string_view line;
        while (!headers.empty()) {
            const std::size_t stop = headers.find("\r\n");
            const std::string_view candidate = headers.substr(0, stop);
            if (istarts_with(candidate, disposition)) line = candidate.substr(disposition.size());
            if (stop == std::string_view::npos) break;
            headers.remove_prefix(stop + 2);
        }
        if (line.empty() || !parameter(line, "filename").empty() || !parameter(line, "filename*").empty()) return;
        const std::string_view name = parameter(line, "name");
        const std::string_view value = body_.substr(begin, end - begin);
        if (name == "model" && endpoint_.model_in_body) {
            facts_.model = value;
            facts_.model_begin = begin;
            facts_.model_end = end;
        } else if (name == "stream") {
            facts_.stream = value == "true" || value == "True" || value == "1";
        } else if (name == "prompt_cache_key" || name == "session_id") {
            hints_.offer(std::string(value), 2);
        }
    }

    const Endpoint& endpoint_;
    std::string_view body_;
    std::string_view boundary_;
    RequestFacts facts_;
    SessionHints hints_;
};

}  // namespace

RequestFacts scan_request(const Endpoint& endpoint, std::string_view content_type, std::string_view body) {
    const bool opaque = endpoint.operation == Operation::resource && !endpoint.model_in_body;
    if (!opaque && istarts_with(trim(content_type), "multipart/form-data"))
        return FormScan(endpoint, content_type, body).run();
    const ScanRules& rules = *rules_of(endpoint.dialect).scan;
    const bool wants_json = endpoint.model_in_body || rules.json_body;
    // A message of a WebSocket is a body when the caller says that it names the model.
    const bool bodiless = (endpoint.websocket && !endpoint.model_in_body) ||
                          endpoint.operation == Operation::models_list || endpoint.operation == Operation::model_get ||
                          opaque;
    if (bodiless || (!wants_json && body.empty())) {
        RequestFacts facts;
        facts.stream = endpoint.streams;
        return facts;
    }
    return JsonScan(endpoint, rules, body).run();
}

namespace {

// Looked at here and there: words have blanks or other marks between them.
bool is_base64(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); at += 29) {
        const char c = text[at];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '+' && c != '/' && c != '=') return false;
    }
    return true;
}

// A file's bytes that count as no text: what is left of them are a picture's usual tokens, and some of a long document.
std::size_t without_text(std::string_view file) {
    constexpr std::size_t left = 4000;
    const std::size_t kept = left + file.size() / 50;
    return file.size() > kept && is_base64(file) ? file.size() - kept : 0;
}

}  // namespace

std::size_t files_bytes_of(std::string_view body) {
    constexpr std::string_view marker = "base64";
    constexpr std::string_view name = R"("data")";
    std::size_t bytes = 0;
    for (std::size_t at = body.find(marker); at != std::string_view::npos; at = body.find(marker, at)) {
        at += marker.size();
        if (at == body.size()) break;
        std::size_t begin = at + 1;  // behind a data URL's comma
        if (body[at] == '"') {
            const std::string_view around = body.substr(at, 256);
            const std::size_t data = around.find(name);
            begin = data == std::string_view::npos ? body.size() : body.find('"', at + data + name.size());
            if (begin >= body.size()) continue;
            ++begin;
        } else if (body[at] != ',') {
            continue;
        }
        const std::size_t end = std::min(body.find('"', begin), body.size());
        bytes += without_text(body.substr(begin, end - begin));
        at = end;
    }
    return bytes;
}

int session_header_rank(std::string_view name) {
    struct Ranked {
        std::string_view name;
        int rank;
    };
    static constexpr Ranked known[] = {
        {"x-claude-code-session-id", 9},
        {"session-id", 8},
        {"session_id", 8},
        {"x-session-id", 7},
        {"conversation_id", 6},
        {"conversation-id", 6},
        {"x-conversation-id", 6},
        {"thread-id", 5},
        {"thread_id", 5},
        {"x-thread-id", 5},
        {"x-session-affinity", 4},
        {"x-litellm-session-id", 3},
        {"helicone-session-id", 3},
    };
    // Every field of every request is asked, and almost none is one of these: their lengths and last letters tell.
    static constexpr std::uint64_t lengths = [] {
        std::uint64_t bits = 0;
        for (const Ranked& each : known) bits |= std::uint64_t{1} << each.name.size();
        return bits;
    }();
    if (name.empty() || name.size() >= 64 || (lengths >> name.size() & 1) == 0) return 0;
    const char last = lower(name.back());
    if (last != 'd' && last != 'y') return 0;
    for (const Ranked& each : known) {
        if (iequals(name, each.name)) return each.rank;
    }
    return 0;
}

std::string quote_json(std::string_view text) {
    return json::quote(text);
}

}  // namespace lurus::gateway
