// Which account a request is for because that has what it names: a file, a batch, a response. What another
// organisation's key has made is not there for this one.

#include "core/http/url.hpp"
#include "modules/gateway/kept/kept_table.hpp"
#include "modules/gateway/kept/named_things.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {
namespace {

std::unique_ptr<Rejection> not_there(std::string_view id) {
    auto rejection = std::make_unique<Rejection>();
    rejection->status = 404;
    rejection->message = "there is no " + cut_field(id) + " that this key may use";
    return rejection;
}

bool is_json(std::string_view body) {
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && body[first] == '{';
}

}  // namespace

std::unique_ptr<Rejection> pin(const Session& session, Request& request) {
    const KeptTable& kept = session.services().kept();
    if (kept.empty(request.family)) return nullptr;
    const std::string_view org = org_of(request);
    const auto take = [&](std::string_view id) {
        auto thing = kept.find(kept_id(request.family, id));
        if (!thing) return true;
        if (thing->org != org) return false;
        if (!request.pinned) request.pinned = std::make_unique<const KeptThing>(*std::move(thing));
        return true;
    };
    if (!request.endpoint.resource.empty()) {
        const std::string id = percent_decode(request.endpoint.resource).value_or(std::string());
        if (!take(id)) return not_there(id);
    }
    if (!is_json(request.body)) return nullptr;
    for (const std::string& id : referred_ids(request.family, request.body)) {
        if (!take(id)) return not_there(id);
    }
    return nullptr;
}

std::string_view org_of(const Request& request) {
    return request.key != nullptr ? std::string_view(request.key->org) : default_org;
}

}  // namespace lurus::gateway
