#pragma once
// Who may answer a request.

#include <vector>

#include "modules/gateway/session/request.hpp"

namespace lurus::gateway {

/// By its model, or of its family when it names none; of the accounts that its key is for, and only those whose
/// upstream model its rules allow: `permission_denied` where that leaves none. The catalogue is asked once, however
/// often this is called, unless the request's model changes meanwhile.
const Result<Resolution>& candidates_of(Request& request);
/// Whether a rule or limit for `pattern` is for what an attempt would send: the model, or `provider/model` where the
/// pattern has a slash. See covers_model().
bool covers_candidate(std::string_view pattern, const std::string& provider, const std::string& upstream_model);
/// For whoever tries them, where there are any: names the route in the record, and the request keeps none.
std::vector<Candidate> take_candidates(Request& request);
/// What the client is told when there is none.
int status_of(const Error& no_candidates);

/// The models that its key may use. `catalog` may be newer than the request's own.
std::vector<ModelEntry> models_for(const Request& request, const Catalog& catalog);

}  // namespace lurus::gateway
