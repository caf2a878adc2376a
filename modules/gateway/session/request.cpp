#include "modules/gateway/session/request.hpp"

#include "core/os/release.hpp"

namespace lurus::gateway {

void Request::release_sent() {
    release(head.fields);
    head.method = head.target = head.host = head.upgrade = body = endpoint.path_model = {};
    release(bytes);
    release(chunked_body);
}

}  // namespace lurus::gateway
