#include "modules/gateway/session/named_models.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "modules/gateway/session/request_scan.hpp"

using namespace lurus;
using namespace lurus::gateway;

namespace {

constexpr std::string_view json_type = "application/json";

NamedModels models_of(std::string_view target, std::string_view body, std::string_view type = json_type) {
    const Endpoint endpoint = *match_endpoint("POST", target, {}, false).endpoint;
    const RequestFacts facts = scan_request(endpoint, type, body);
    CAPTURE(body);
    REQUIRE(facts.error == "");
    NamedModels named;
    read_body_models(endpoint, type, body, named);
    read_model_name(facts.model, named);
    return named;
}

std::string doubt(std::string_view body, std::string_view target = "/v1/chat/completions",
                  std::string_view type = json_type) {
    return models_of(target, body, type).doubt;
}

std::vector<std::string> also(std::string_view body, std::string_view target = "/v1/chat/completions") {
    const NamedModels named = models_of(target, body);
    CHECK(named.doubt == "");
    return named.also;
}

using Names = std::vector<std::string>;

NamedModels head_models(std::string_view target, std::string_view fields = {}) {
    const std::string bytes = "POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
    http1::RequestHead head;
    REQUIRE(http1::parse_request_head(bytes, bytes.size(), head).state == http1::HeadResult::State::complete);
    NamedModels named;
    read_head_models(*match_endpoint("POST", head.target, {}, false).endpoint, head, named);
    return named;
}

struct Part {
    std::string head;
    std::string value;
};

std::string form(const std::vector<Part>& parts) {
    std::string out;
    for (const Part& part : parts) out += "--b\r\n" + part.head + "\r\n\r\n" + part.value + "\r\n";
    return out + "--b--\r\n";
}

const std::string model_field = R"(Content-Disposition: form-data; name="model")";
const std::string file_field = R"(Content-Disposition: form-data; name="file"; filename="a.wav")"
                               "\r\nContent-Type: audio/wav";

std::string form_doubt(const std::string& body, std::string_view type = "multipart/form-data; boundary=b") {
    NamedModels named;
    read_form_models(type, body, named);
    return named.doubt;
}

}  // namespace

TEST_CASE("named models: spellings of `model` that another parser may read otherwise are doubts") {
    const char* doubtful[] = {
        R"({"model":"a","model":"b"})",
        R"({"model":"a","model":"a"})",
        R"({"model":"a","m\u006fdel":"b"})",
        R"({"model":"a","Model":"b"})",
        R"({"MODEL":"b","model":"a"})",
        R"({"model":"a","model\u0000":"b"})",
        R"({"model":"a","model\u0000x":"b"})",
        R"({"model":"a"," model":"b"})",
        R"({"model":"a","model ":"b"})",
        R"({"model":"a","mo\u200bdel":"b"})",
        R"({"model":"a","\ufeffmodel":"b"})",
        R"({"model":"a","model\ud800":"b"})",
        R"({"model":"a","ｍodel":"b"})",
        R"({"model":["a","b"]})",
        R"({"model":{"name":"a"}})",
        R"({"model":7})",
        R"({"model":"a "})",
        R"({"model":" a"})",
        R"({"model":"a\n"})",
        R"({"model":"a\u0000b"})",
        R"({"model":"\u00a0a"})",
        R"({"model":"a\u200b"})",
        R"({"model":"a\u2060b"})",
        R"({"model":"\ufeffa"})",
        R"({"model":"a\ud800"})",
        R"({"model":"a/../b"})",
        R"({"model":"a/./b"})",
        R"({"model":"a\\..\\b"})",
        R"({"model":"a","models":["b "]})",
    };
    for (const char* body : doubtful) {
        CAPTURE(body);
        CHECK(doubt(body) != "");
    }
    CHECK(doubt(R"({"model":"a","model":"b"})") == "`model` is there twice");
    CHECK(doubt(R"({"Model":"b","messages":[]})") == "a member is not spelled `model`");
}

TEST_CASE("named models: what one reading has is no doubt") {
    const char* plain[] = {
        R"({"model":"gpt-4o","messages":[]})",
        R"({"m\u006fdel":"gpt-4o"})",
        R"({"model":"g\u0070t-4o"})",
        R"({"model":"Qwen3 Coder"})",
        R"({"model":"模型"})",
        R"({"model":"a/b:c@d"})",
        R"({"model":"a","messages":[{"role":"user","content":"x","model":"b","Model":"c"}]})",
        R"({"model":"a","metadata":{"model":"b"}})",
        R"({"model":"a","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"model":{"type":"string"}},"required":["model"]}}}]})",
        R"({"model":"a","tools":[{"name":"f","input_schema":{"properties":{"model":{"default":"b"}},"model":"c"}}]})",
        R"({"model":"a","allow_fallbacks":true,"route":"fallback"})",
        R"({"model":null,"messages":[]})",
    };
    for (const char* body : plain) {
        CAPTURE(body);
        CHECK(also(body) == Names{});
    }
}

TEST_CASE("named models: other models that the body lets be asked") {
    CHECK(also(R"({"model":"a","models":["b","c"],"route":"fallback"})") == Names{"b", "c"});
    CHECK(also(R"({"model":"a","Models":["b"]})") == Names{"b"});
    CHECK(also(R"({"model":"a","model\u017f":["b"]})") == Names{"b"});
    CHECK(also(R"({"model":"a","fallbacks":[{"model":"b"},{"model":"c"}]})", "/v1/messages") == Names{"b", "c"});
    CHECK(also(R"({"model":"a","fallbacks":["b",{"a":["c"]}]})") == Names{"b", "c"});
    CHECK(also(R"({"model":"a","context_window_fallbacks":[{"a":["c"]}]})") == Names{"c"});
    CHECK(also(R"({"model":"a","fallback_model":"b"})") == Names{"b"});
    CHECK(also(R"({"model":"a","tools":[{"type":"advisor_20260301","name":"advisor","model":"b"}]})", "/v1/messages") ==
          Names{"b"});
    CHECK(
        also(
            R"({"model":"a","tools":[{"type":"openrouter:advisor","parameters":{"model":"b","tools":[{"model":"c"}]}}]})") ==
        Names{"b", "c"});
    CHECK(also(R"({"model":"a","input":"x","tools":[{"type":"image_generation","model":"b"}]})", "/v1/responses") ==
          Names{"b"});
    CHECK(also(R"({"model":"a","advisor":{"mode":"auto","model":"b"}})") == Names{"b"});
    CHECK(also(R"({"model":"a","compound_custom":{"models":{"answering_model":"b","reasoning_model":"c"}}})") ==
          Names{"b", "c"});
    CHECK(also(R"({"model":"a","providerOptions":{"gateway":{"models":["b"]}}})") == Names{"b"});
    const char* gemini = "/v1beta/models/m:generateContent";
    CHECK(also(R"({"model":"models/b","contents":[]})", gemini) == Names{"b"});
    CHECK(also(R"({"generationConfig":{"routingConfig":{"manualMode":{"modelName":"b"}}}})", gemini) == Names{"b"});
    CHECK(also(R"({"generateContentRequest":{"model":"models/b"}})", "/v1beta/models/m:countTokens") == Names{"b"});
    CHECK(also(R"({"requests":[{"model":"models/m","content":{}},{"model":"models/n"}]})",
               "/v1beta/models/m:batchEmbedContents") == Names{"m", "n"});
    std::string many = R"({"model":"a","models":[)";
    for (int i = 0; i < 65; ++i) many += (i > 0 ? "," : "") + std::string("\"m") + std::to_string(i) + "\"";
    CHECK(doubt(many + "]}") == "it names more than 64 models");
    std::string deep = R"({"model":"a","x":)" + std::string(400, '[') + std::string(400, ']') + "}";
    CHECK(also(deep) == Names{});
}

TEST_CASE("named models: a body that is read by another type is a doubt") {
    const char* body = R"({"model":"a","x":"&model=b&"})";
    for (const char* type : {"", "application/json", "Application/JSON; charset=UTF-8", "application/vnd.api+json",
                             "text/plain;charset=us-ascii", "application/json; charset=\"utf-8\""}) {
        CAPTURE(type);
        CHECK(doubt(body, "/v1/chat/completions", type) == "");
    }
    for (const char* type : {"application/x-www-form-urlencoded", "multipart/mixed; boundary=b", "text/xml",
                             "application/json, multipart/form-data; boundary=b", "application/json; charset=utf-16",
                             "application/json; charset=utf-8; charset=ibm037", "application/json;charset=\"utf-7\""}) {
        CAPTURE(type);
        CHECK(doubt(body, "/v1/chat/completions", type) != "");
    }
}

TEST_CASE("named models: forms as clients write them are no doubt") {
    const std::string body = form({{file_field, "RIFF\r\n\r\n--\0x"}, {model_field, "whisper-1"}});
    CHECK(form_doubt(body) == "");
    CHECK(form_doubt(body, "multipart/form-data; boundary=\"b\"") == "");
    CHECK(
        form_doubt(form({{"content-disposition: form-data; name=model\r\nContent-Type: text/plain; charset=utf-8", "m"},
                         {"Content-Disposition: form-data; name=file; filename=a; filename*=utf-8''a", "x"}})) == "");
    CHECK(form_doubt(form({{"Content-Length: 1\r\nContent-Transfer-Encoding: binary\r\n" + model_field, "m"}})) == "");
    CHECK(form_doubt(form({{model_field, ""}})) == "");
}

TEST_CASE("named models: forms that another parser may read otherwise are doubts") {
    const std::string good = form({{model_field, "m"}});
    const std::string model = good.substr(0, good.size() - std::string("--b--\r\n").size());
    const std::string doubtful[] = {
        form({{model_field, "m"}, {model_field, "n"}}),
        form({{R"(Content-Disposition: form-data; name="Model")", "m"}}),
        form({{R"(Content-Disposition: form-data; name="model[]")", "m"}}),
        form({{R"(Content-Disposition: form-data; name="mo\del")", "m"}}),
        form({{R"(Content-Disposition: form-data; name="%6dodel")", "m"}}),
        form({{R"(Content-Disposition: form-data; name="x"; name="model")", "m"}}),
        form({{R"(Content-Disposition: form-data; name="x"; name*=utf-8''model)", "m"}}),
        form({{R"(Content-Disposition: form-data; name="model"; filename="")", "m"}}),
        form({{R"(Content-Disposition: attachment; name="model")", "m"}}),
        form({{R"(Content-Disposition: form-data; name="x")"
               "\r\n" +
                   model_field,
               "m"}}),
        form({{"Content-Disposition : form-data; name=\"model\"", "m"}}),
        form({{"X: y\r\n Content-Disposition: form-data; name=\"model\"", "m"}}),
        form({{"Content-Type: text/plain", "m"}}),
        form({{model_field + "\r\nContent-Transfer-Encoding: base64", "bQ=="}}),
        form({{model_field + "\r\nContent-Type: text/plain; charset=utf-16", "m"}}),
        form({{R"(Content-Disposition: form-data; name="_charset_")", "utf-16"}, {model_field, "m"}}),
        "preamble\r\n" + good,
        model + "--b \r\n" + model_field + "\r\n\r\nn\r\n--b--\r\n",
        good + "--b\r\n" + model_field + "\r\n\r\nn\r\n--b--\r\n",
        model + "--b\n" + model_field + "\n\nn\r\n--b--\r\n",
        form({{file_field, "x\n--b\n" + model_field + "\n\nn\n--b--"}, {model_field, "m"}}),
        "--b\r\n\r\nm\r\n--b--\r\n",
    };
    for (const std::string& body : doubtful) {
        CAPTURE(body);
        CHECK(form_doubt(body) != "");
    }
    for (const char* type :
         {"multipart/form-data; boundary=b; boundary=c", "multipart/form-data; boundary=c; boundary=b",
          "multipart/form-data; boundary=b; boundary*=utf-8''c", "multipart/form-data; boundary*0=b",
          "multipart/form-data; boundary=\"\\b\"", "multipart/form-data; boundary=b; charset=utf-16",
          "multipart/form-data; boundary=\"b\\\"c\"", "multipart/form-data"}) {
        CAPTURE(type);
        CHECK(form_doubt(good, type) != "");
    }
    NamedModels named;
    const Endpoint edits = *match_endpoint("POST", "/v1/images/edits", {}, false).endpoint;
    read_body_models(edits, "multipart/form-data, application/json; boundary=b", good, named);
    CHECK(named.doubt != "");
    NamedModels others;
    read_form_models("multipart/form-data; boundary=b",
                     form({{model_field, "m"}, {R"(Content-Disposition: form-data; name="fallback_model")", "n"}}),
                     others);
    CHECK(others.also == Names{"n"});
}

TEST_CASE("named models: the head") {
    CHECK(head_models("/v1/chat/completions?beta=true").doubt == "");
    CHECK(head_models("/v1/chat/completions?model=a").also == Names{"a"});
    CHECK(head_models("/v1/chat/completions", "azureml-model-deployment: a\r\n").also == Names{"a"});
    for (const char* target :
         {"/v1/chat/completions?model=a&model=b", "/v1/chat/completions?model=a&Model=b",
          "/v1/chat/completions?%6dodel=a", "/v1/chat/completions?model=a;model=b", "/v1/chat/completions?model=a+b",
          "/v1/chat/completions?model=a%20", "/v1/chat/completions?model=a%2520", "/v1/chat/completions?model=%zz",
          "/v1/chat/completions?model[]=a", "/v1/chat/completions?model=a&deployment=b",
          "/v1beta/models/x%252Dy:generateContent", "/v1beta/models/x;y:generateContent",
          "/v1beta/models/x%3By:generateContent", "/v1beta/models/x%5Cy:generateContent"}) {
        CAPTURE(target);
        CHECK(head_models(target).doubt != "");
    }
    CHECK(head_models("/v1beta/models/x%2Dy:generateContent?key=k&alt=sse").doubt == "");
    CHECK(head_models("/v1beta/tunedModels/x-1:generateContent").doubt == "");
    CHECK(head_models("/v1/messages", "Content-Type: application/json\r\n").doubt == "");
    CHECK(head_models("/v1/messages",
                      "Content-Type: application/json\r\nContent-type: multipart/form-data; boundary=b\r\n")
              .doubt == "there are two Content-Types");
}
