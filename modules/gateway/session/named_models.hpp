#pragma once
// What a request says of models beside RequestFacts::model, for rules and limits that go by models: other models that
// it asks for, and what another reader of it might take for its model. Pure functions, only asked where there is such a
// rule.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/http1.hpp"
#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

struct NamedModels {
    /// Fallbacks, advisors, models of tools, a body's model where the path names one: whoever answers may ask these.
    std::vector<std::string> also;
    /// Why a vendor might read another model than we do, such as "`model` is there twice"; empty = it cannot.
    std::string doubt;

    static constexpr std::size_t most = 64;
    void add(std::string model);
    void doubt_that(std::string why);  // the first one stays
};

/// Of a body that scan_request() has read without an error. `content_type` is the field that it was read by.
void read_body_models(const Endpoint& endpoint, std::string_view content_type, std::string_view body,
                      NamedModels& into);
/// Of a form, whose parts every parser has to see in the same way.
void read_form_models(std::string_view content_type, std::string_view body, NamedModels& into);
/// Of the path, the query and the header fields.
void read_head_models(const Endpoint& endpoint, const http1::RequestHead& head, NamedModels& into);
/// Of the model's name itself.
void read_model_name(std::string_view model, NamedModels& into);

/// A member or field of this name (as of bare_name()) holds names of models.
bool holds_models(std::string_view bare);
/// A character set in which ASCII is what it is in UTF-8.
bool is_plain_charset(std::string_view name);

/// `name="value"` or `name=value` among a header's parameters, the next one from `at` on; false = there is none.
struct Parameter {
    std::string_view name;
    std::string_view value;  // between its quotes
    bool quoted = false;
};
bool next_parameter(std::string_view header, std::size_t& at, Parameter& out);

}  // namespace lurus::gateway
