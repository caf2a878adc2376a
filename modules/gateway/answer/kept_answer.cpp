// What an answer says of things that the vendor keeps from now on: their ids are remembered with the account that has
// them, and where an upload goes on is an address of ours.

#include <utility>

#include "core/text/ascii.hpp"
#include "modules/gateway/answer/client_answer.hpp"
#include "modules/gateway/kept/kept_table.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/presented_keys.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {
namespace {

// As the client wrote it, or as the proxy between says.
std::string origin_of(const Session& session, const http1::RequestHead& head) {
    const std::string_view proto = head.value("x-forwarded-proto");
    const std::string_view host = head.value("x-forwarded-host");
    const bool tls = session.is_tls() || iequals(proto, "https");
    return (tls ? "https://" : "http://") + std::string(host.empty() ? head.host : host);
}

// Of the keys that the client presented, the one that counted; an open listener asks for none.
std::string counted_key(const Request& request) {
    if (request.key == nullptr) return {};
    PresentedKeys presented(request.head);
    for (std::string_view one = presented.next(); !one.empty(); one = presented.next()) {
        if (request.snapshot->keys->find(one) == request.key) return std::string(one);
    }
    return {};
}

bool names_upload(std::string_view field) {
    return iequals(field, "x-goog-upload-url") || iequals(field, "x-goog-upload-control-url") ||
           iequals(field, "location");
}

}  // namespace

void ClientAnswer::look_for_kept(http1::ResponseHead& head) {
    const Endpoint& endpoint = request_.endpoint;
    const bool made = endpoint.mints && request_.facts.keeps;
    const bool known = endpoint.operation == Operation::resource && request_.pinned;
    if (!made && !known) return;
    minted_ = std::make_unique<Minted>(request_.family, made);
    if (family_of(endpoint.dialect) != Family::gemini || endpoint.operation != Operation::resource) return;
    const std::string key = counted_key(request_);
    for (http1::Field& field : head.fields) {
        if (!names_upload(field.name)) continue;
        auto own = own_upload_address(field.value, origin_of(session_, request_.head), key);
        if (!own) continue;
        minted_->upload_id = std::move(own->upload_id);
        std::string& url = iequals(field.name, "location") ? minted_->location : minted_->url;
        url = std::move(own->url);
        field.value = url;
    }
}

void ClientAnswer::remember_kept(int status) {
    if (!minted_ || status < 200 || status >= 300) return;
    std::vector<std::string> ids = minted_->ids.ids();
    if (!minted_->upload_id.empty()) ids.push_back(minted_->upload_id);
    for (const std::string& id : ids) {
        KeptThing thing;
        thing.id = kept_id(request_.family, id);
        thing.provider = request_.record.provider;
        thing.account = request_.record.account;
        thing.org = org_of(request_);
        thing.seen = request_.time;
        session_.services().remember(std::move(thing));
    }
    minted_.reset();
}

}  // namespace lurus::gateway
