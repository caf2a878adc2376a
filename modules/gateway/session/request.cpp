#include "modules/gateway/session/request.hpp"

#include "core/os/release.hpp"

namespace lurus::gateway {

void Request::release_sent() {
    release(head.fields);
    head.method = head.target = head.host = head.upgrade = body = coded_body = endpoint.path_model = {};
    release(bytes);
    release(chunked_body);
    release(plain_body);
}

void Request::set_model(std::string_view model) {
    facts.model = model;
    record.model = model.substr(0, 512);
    resolution.reset();
}

}  // namespace lurus::gateway
