#include "modules/gateway/session/request.hpp"

#include "core/os/release.hpp"

namespace lurus::gateway {

namespace {

constexpr std::size_t counted_above = 64 << 10;  // a smaller body is estimated well enough whatever it holds

}  // namespace

void Request::release_sent() {
    if (body.size() > counted_above) files_bytes = files_bytes_of(body);
    release(head.fields);
    head.method = head.target = head.host = head.upgrade = body = coded_body = {};
    endpoint.path_model = endpoint.target = endpoint.deployment = endpoint.resource = {};
    release(served);
    release(bytes);
    release(chunked_body);
    release(plain_body);
    room.release();
}

void Request::set_model(std::string_view model) {
    facts.model = model;
    record.model = model.substr(0, 512);
    resolution.reset();
}

}  // namespace lurus::gateway
