// JSON Schemas of the management API's bodies.
#include "modules/provider/api/provider_json.hpp"

namespace lurus::provider {

const char* const provider_schema =
    R"({"type":"object","required":["name","kind","source","usable","endpoints","credential","models"],"properties":{
"name":{"type":"string"},"kind":{"type":"string"},"source":{"enum":["config","store","builtin"]},"usable":{"type":"boolean"},
"problem":{"type":["string","null"],"description":"why it cannot be used"},
"warning":{"type":["string","null"],"description":"it is used with what one of its files held before, and why"},"disabled":{"type":"boolean"},
"endpoints":{"type":"object","description":"by family","additionalProperties":{"type":"object","properties":{"base_url":{"type":"string"},"auth":{"type":"string"}}}},
"base_url":{"type":["string","null"],"description":"as it was given; null = the preset's"},
"api_key_env":{"type":["string","null"]},"api_key_file":{"type":["string","null"]},
"secrets":{"type":"array","items":{"enum":["api_key","headers"]},"description":"those that are kept; they are never shown"},
"account":{"type":"string"},"groups":{"type":"array","items":{"type":"string"},"description":"of the account"},
"credential":{"type":"object","properties":{"source":{"type":"string"},"hint":{"type":["string","null"],"description":"masked"}}},
"models":{"type":"array","items":{"type":"string"}},"headers":{"type":"array","items":{"type":"string"},"description":"names only"},
"api_version":{"type":"string"},"connect_timeout_ms":{"type":"integer"},"first_byte_timeout_ms":{"type":"integer"},"idle_timeout_ms":{"type":"integer"},
"on_client_gone":{"enum":["cancel","drain"]},
"ask_usage":{"type":"boolean","description":"ask for the usage of chat streams whose client did not"},"tls_verify":{"type":"boolean"},"ca_file":{"type":"string"},
"models_fetched":{"type":["string","null"],"format":"date-time"},"models_listed":{"type":"integer"},
"check":{"type":"array","description":"what was found at its address, where that was asked for","items":{"type":"object","properties":{
"family":{"type":"string"},"found":{"enum":["works","key_refused","no_path","unreachable","unclear"]},
"url":{"type":"string","description":"where requests go, as an example"},"detail":{"type":"string"},
"instead":{"type":["string","null"],"description":"the base_url where it was found"},
"changed":{"type":"boolean","description":"base_url is that now"}}}}}})";

const char* const provider_spec_schema =
    R"({"type":"object","required":["name","kind"],"additionalProperties":false,"properties":{
"name":{"type":"string"},"kind":{"type":"string","description":"a preset, see /api/v1/presets"},"base_url":{"type":"string"},
"api_key":{"type":"string","writeOnly":true},"api_key_env":{"type":"string"},"api_key_file":{"type":"string"},
"models":{"type":"array","items":{"type":"string"},"description":"names or patterns; empty = the preset's"},
"groups":{"type":"array","items":{"type":"string"},"maxItems":64,"description":"of the account: keys may be for some of them only"},
"headers":{"type":"object","additionalProperties":{"type":"string"},"writeOnly":true},"api_version":{"type":"string","description":"azure-openai only"},
"connect_timeout_ms":{"type":"integer","minimum":1},"first_byte_timeout_ms":{"type":"integer","minimum":1},"idle_timeout_ms":{"type":"integer","minimum":1},
"on_client_gone":{"enum":["cancel","drain"]},
"ask_usage":{"type":"boolean","description":"ask for the usage of chat streams whose client did not"},"tls_verify":{"type":"boolean"},"ca_file":{"type":"string"},"disabled":{"type":"boolean"}}})";

const char* const provider_change_schema =
    R"({"type":"object","minProperties":1,"additionalProperties":false,"properties":{"kind":{"type":"string"},
"base_url":{"type":["string","null"]},"api_key":{"type":["string","null"],"writeOnly":true},"api_key_env":{"type":["string","null"]},
"api_key_file":{"type":["string","null"]},"models":{"type":["array","null"],"items":{"type":"string"},"description":"null = the preset's"},
"groups":{"type":"array","items":{"type":"string"},"maxItems":64},"headers":{"type":["object","null"],"additionalProperties":{"type":"string"},"writeOnly":true},
"api_version":{"type":"string"},"connect_timeout_ms":{"type":["integer","null"],"minimum":1},
"first_byte_timeout_ms":{"type":["integer","null"],"minimum":1},"idle_timeout_ms":{"type":["integer","null"],"minimum":1},
"on_client_gone":{"enum":["cancel","drain"]},
"ask_usage":{"type":"boolean","description":"ask for the usage of chat streams whose client did not"},"tls_verify":{"type":"boolean"},"ca_file":{"type":"string"},"disabled":{"type":"boolean"}}})";

const char* const route_schema =
    R"({"type":"object","required":["id","model","family","to","source"],"properties":{
"id":{"type":"string","description":"of the path: the model, or default:openai"},"model":{"type":"string"},
"family":{"enum":["anthropic","openai","gemini",null]},"to":{"type":"array","items":{"type":"string"}},"source":{"enum":["config","store"]}}})";

const char* const route_spec_schema =
    R"({"type":"object","required":["to"],"additionalProperties":false,"properties":{
"model":{"type":"string","description":"name or pattern; * with a family"},"family":{"enum":["anthropic","openai","gemini",null]},
"to":{"type":"array","items":{"type":"string"},"minItems":1,"description":"provider/upstream-model, provider/*, a route or a model; in order"}}})";

const char* const route_change_schema =
    R"({"type":"object","required":["to"],"additionalProperties":false,"properties":{
"to":{"type":"array","items":{"type":"string"},"minItems":1,"description":"provider/upstream-model, provider/*, a route or a model; in order"}}})";

const char* const preset_schema =
    R"({"type":"object","properties":{"kind":{"type":"string"},"alias":{"type":["string","null"]},"title":{"type":"string"},
"endpoints":{"type":"object","additionalProperties":{"type":"object","properties":{"base_url":{"type":"string"},"auth":{"type":"string"}}}},
"needs_base_url":{"type":"boolean"},"needs_key":{"type":"boolean"},"key_env":{"type":["string","null"]},"lists_models":{"type":"boolean"},
"models":{"type":"array","items":{"type":"string"}}}})";

const char* const model_list_schema =
    R"({"type":"object","required":["provider","fetched","models"],"properties":{"provider":{"type":"string"},
"fetched":{"type":["string","null"],"format":"date-time"},
"models":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"},"created":{"type":["string","null"],"format":"date-time"}}}}}})";

const char* const test_request_schema =
    R"({"type":"object","additionalProperties":false,"properties":{
"model":{"type":"string","description":"asks it for a few tokens; without it the model list is read"},"family":{"enum":["anthropic","openai","gemini"]}}})";

const char* const test_result_schema =
    R"({"type":"object","required":["ok","status","latency_us","detail"],"properties":{"ok":{"type":"boolean"},
"status":{"type":["integer","null"]},"latency_us":{"type":"integer"},"detail":{"type":"string"},"family":{"type":"string"},"model":{"type":["string","null"]}}})";

}  // namespace lurus::provider
