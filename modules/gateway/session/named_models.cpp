#include "modules/gateway/session/named_models.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/http/url.hpp"
#include "core/json/json_scan.hpp"
#include "core/text/ascii.hpp"
#include "core/text/lookalike.hpp"

namespace lurus::gateway {
namespace {

using json::Kind;

constexpr std::string_view google_prefix = "models/";
constexpr int deepest = 12;  // no vendor looks for a model's name below

bool among(const auto& names, std::string_view name) {
    return std::ranges::find(names, name) != std::end(names);
}

// What people say and what they describe, which asks for nothing.
constexpr std::string_view contents[] = {"messages",
                                         "message",
                                         "input",
                                         "inputs",
                                         "contents",
                                         "content",
                                         "system",
                                         "systeminstruction",
                                         "prompt",
                                         "prompts",
                                         "instructions",
                                         "metadata",
                                         "clientmetadata",
                                         "documents",
                                         "query",
                                         "instances",
                                         "labels",
                                         "properties",
                                         "patternproperties",
                                         "defs",
                                         "definitions",
                                         "examples",
                                         "inputexamples",
                                         "variables",
                                         "arguments"};

bool is_content(std::string_view bare) {
    return among(contents, bare) || bare.ends_with("schema");
}

/// Walks a JSON body whose structure is known to be good.
class JsonModels {
public:
    JsonModels(const Endpoint& endpoint, std::string_view body, NamedModels& into)
        : endpoint_(endpoint), reader_(body, json::Mode::trusting), into_(into) {}

    void run() {
        if (reader_.peek() == Kind::object) object(0, false);
    }

private:
    // `of_models`: strings in its arrays are models' names, whatever the members are called.
    void object(int depth, bool of_models) {
        reader_.enter_object();
        std::string_view raw;
        while (reader_.next_member(raw)) {
            const std::string bare = bare_name(raw.contains('\\') ? json::unescape(raw) : raw);
            if (depth == 0 && bare == "model") {
                top_model(raw);
            } else if (is_content(bare)) {
                reader_.skip();
            } else if (holds_models(bare)) {
                models(depth);
            } else if (of_models && reader_.peek() == Kind::array) {
                models(depth);
            } else {
                other(depth);
            }
        }
    }

    // It may be what the vendor takes for the request's model, so there is one, in its own spelling.
    void top_model(std::string_view raw) {
        if (raw != "model" && !json::key_equals(raw, "model")) into_.doubt_that("a member is not spelled `model`");
        if (std::exchange(has_model_, true)) into_.doubt_that("`model` is there twice");
        const std::string_view value = reader_.skip();
        const Kind kind = json::kind_of(value);
        if (kind == Kind::null) return;
        if (kind != Kind::string) {
            into_.doubt_that("`model` is not a string");
        } else if (!endpoint_.model_in_body) {
            add(json::string_value(value));
        }
    }

    void models(int depth) {
        switch (reader_.peek()) {
            case Kind::string: add(json::string_value(reader_.skip())); break;
            case Kind::array:
                if (depth >= deepest) {
                    reader_.skip();
                    break;
                }
                reader_.enter_array();
                while (reader_.next_element()) models(depth + 1);
                break;
            case Kind::object:
                if (depth >= deepest) {
                    reader_.skip();
                } else {
                    object(depth + 1, true);
                }
                break;
            default: reader_.skip();
        }
    }

    void other(int depth) {
        const Kind kind = depth < deepest ? reader_.peek() : Kind::none;
        if (kind == Kind::object) {
            object(depth + 1, false);
        } else if (kind == Kind::array) {
            reader_.enter_array();
            while (reader_.next_element()) other(depth + 1);
        } else {
            reader_.skip();
        }
    }

    void add(std::string model) {
        if (endpoint_.dialect == Dialect::gemini && model.starts_with(google_prefix))
            model.erase(0, google_prefix.size());
        into_.add(std::move(model));
    }

    const Endpoint& endpoint_;
    json::Reader reader_;
    NamedModels& into_;
    bool has_model_ = false;
};

// Of the media type without its parameters, lower case.
std::string type_of(std::string_view content_type) {
    return lower_case(trim(content_type.substr(0, content_type.find(';'))));
}

// Whoever goes by the type must find the JSON that we found.
void read_json_type(std::string_view content_type, NamedModels& into) {
    const std::string type = type_of(content_type);
    const bool json = type.empty() || type == "application/json" || type == "text/json" || type == "text/plain" ||
                      type == "application/octet-stream" ||
                      (type.starts_with("application/") && type.ends_with("+json"));
    if (!json || type.contains(',')) into.doubt_that("the Content-Type is not of JSON, and the body is");
    Parameter one;
    for (std::size_t at = 0; next_parameter(content_type, at, one);) {
        if (iequals(one.name, "charset") && !is_plain_charset(one.value))
            into.doubt_that("the Content-Type names a charset other than UTF-8");
    }
}

std::string form_decoded(std::string_view text) {
    std::string spaced(text);
    std::ranges::replace(spaced, '+', ' ');
    return percent_decode(spaced).value_or(std::string("\xFF"));
}

// A name in a target that is decoded once more, or cut off, would be another.
void read_target_name(std::string_view name, NamedModels& into) {
    if (name.find_first_of("%;?#\\") != std::string_view::npos)
        into.doubt_that("the model's name in the target holds a character that is not taken by all servers as it is");
}

// Some vendors take their model from these, whatever else the request says.
constexpr std::string_view model_fields[] = {"azureml-model-deployment", "x-ms-model-mesh-model-name"};

}  // namespace

bool holds_models(std::string_view bare) {
    for (const std::string_view not_asked : {"allow", "exclude", "ignore", "support", "available"}) {
        if (bare.starts_with(not_asked)) return false;
    }
    return bare.ends_with("model") || bare.ends_with("models") || bare.ends_with("fallback") ||
           bare.ends_with("fallbacks") || bare.ends_with("modelname") || bare.ends_with("modelnames") ||
           bare.ends_with("modelid") || bare.ends_with("modelids");
}

bool is_plain_charset(std::string_view name) {
    constexpr std::string_view plain[] = {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"};
    return among(plain, lower_case(name));
}

void NamedModels::add(std::string model) {
    if (model.empty() || among(also, model)) return;
    read_model_name(model, *this);
    if (also.size() == most) {
        doubt_that("it names more than " + std::to_string(most) + " models");
        return;
    }
    also.push_back(std::move(model));
}

void NamedModels::doubt_that(std::string why) {
    if (doubt.empty()) doubt = std::move(why);
}

bool next_parameter(std::string_view header, std::size_t& at, Parameter& out) {
    const auto stop_at = [&](std::string_view these, std::size_t from) {
        return std::min(header.find_first_of(these, from), header.size());
    };
    for (at = stop_at(";", at); at < header.size(); at = stop_at(";", at)) {
        ++at;
        const std::size_t equals = stop_at("=;", at);
        if (equals == header.size() || header[equals] == ';') continue;
        out.name = trim(header.substr(at, equals - at));
        at = equals + 1;
        while (at < header.size() && (header[at] == ' ' || header[at] == '\t')) ++at;
        out.quoted = at < header.size() && header[at] == '"';
        if (!out.quoted) {
            const std::size_t end = stop_at(";", at);
            out.value = trim(header.substr(at, end - at));
            at = end;
            return true;
        }
        std::size_t close = at + 1;
        while (close < header.size() && header[close] != '"') close += header[close] == '\\' ? 2 : 1;
        close = std::min(close, header.size());
        out.value = header.substr(at + 1, close - at - 1);
        at = close;
        return true;
    }
    return false;
}

void read_body_models(const Endpoint& endpoint, std::string_view content_type, std::string_view body,
                      NamedModels& into) {
    const bool batch = endpoint.unseen_models && endpoint.dialect == Dialect::anthropic;
    const bool opaque =
        endpoint.operation == Operation::resource && !endpoint.model_in_body && !batch;  // a file, mostly
    if (body.empty() || opaque) return;
    const std::string type = type_of(content_type);
    if (type.starts_with("multipart/form-data")) {
        if (!endpoint.model_in_body) return;
        if (type != "multipart/form-data") into.doubt_that("the Content-Type is not spelled multipart/form-data");
        read_form_models(content_type, body, into);
        return;
    }
    read_json_type(content_type, into);
    JsonModels(endpoint, body, into).run();
}

void read_head_models(const Endpoint& endpoint, const http1::RequestHead& head, NamedModels& into) {
    bool typed = false;
    for (const auto& field : head.fields) {
        if (iequals(field.name, "content-type") && std::exchange(typed, true))
            into.doubt_that("there are two Content-Types");
        for (const std::string_view name : model_fields) {
            if (iequals(field.name, name)) into.add(std::string(field.value));
        }
    }
    for (const std::string_view name : {endpoint.path_model, endpoint.deployment}) {
        if (!name.empty()) read_target_name(percent_decode(name).value_or("%"), into);
    }
    std::string_view query = head.target;
    query.remove_prefix(std::min(query.find('?'), query.size()));
    bool named = false;
    while (!query.empty()) {
        query.remove_prefix(1);
        const std::size_t end = std::min(query.find_first_of("&;"), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(end);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string bare = bare_name(form_decoded(pair.substr(0, equals)));
        if (bare != "model" && bare != "deployment") continue;
        if (bare != pair.substr(0, equals)) into.doubt_that("a parameter of the query is not spelled `" + bare + "`");
        if (std::exchange(named, true)) into.doubt_that("the query names a model twice");
        const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
        if (value.contains('+')) into.doubt_that("the model's name in the query holds a `+`");
        read_target_name(form_decoded(value), into);
        into.add(form_decoded(value));
    }
}

void read_model_name(std::string_view model, NamedModels& into) {
    if (has_unseen(model)) into.doubt_that("the model's name holds white space or characters that are not printed");
    for (std::string_view rest = model;;) {
        const std::size_t slash = rest.find_first_of("/\\");
        const std::string_view segment = rest.substr(0, slash);
        if (segment == "." || segment == "..") into.doubt_that("the model's name holds a dot segment");
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
}

}  // namespace lurus::gateway
