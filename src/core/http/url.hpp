#pragma once
// Pure functions over URLs and request targets: where a request that came in goes at an upstream.

#include <optional>
#include <string>
#include <string_view>

#include "lurus/provider.hpp"

namespace lurus {

/// `v1`, `v4`, `v1beta`, `v1alpha`, `v1beta1` ...
bool is_version_segment(std::string_view segment);

/// A base URL as people paste it: without the endpoint that they copied with it (`/chat/completions`, `/v1/messages`
/// leaves
/// `/v1`, `/v1beta/models/M:generateContent` leaves `/v1beta`).
Url without_endpoint(Url pasted);

/// Joins a served target (`/v1/messages?beta=true`) to a provider's base. Where the base is whole, the target's own
/// leading version is dropped: its path ends in a version (`/v1`, `/api/paas/v4`, `/v1beta/openai`), it ended in `#`,
/// or it is one of those at which vendors serve OpenAI's paths without a version (`/compat`, `/inference`,
/// `/serving-endpoints` ...). Else the version is kept, and a target without one (`/responses`) gets `/v1`. The query
/// is kept as it is but for `key=`, which is the caller's Gemini credential.
std::string upstream_target(const Url& base, Family family, std::string_view incoming_target);

/// The same for Azure OpenAI. `base` may end at the resource, in `/openai`, `/openai/v1` or deeper; what follows
/// `/openai` is replaced. With an API version: `/openai/deployments/{deployment}/...?api-version=V`, or
/// `/openai/...?api-version=V` for what Azure does not keep under a deployment (responses, models, files, batches,
/// realtime ...). Without: `/openai/v1/...`.
std::string azure_target(const Url& base, std::string_view api_version, std::string_view deployment,
                         std::string_view incoming_target);

/// Appends url.authority().
void append_authority(std::string& out, const Url& url);
/// `https://host[:port]/path`, as it is shown to people.
std::string to_string(const Url& url);

/// Decodes %XX (a `+` stays); empty when an escape is broken.
std::optional<std::string> percent_decode(std::string_view text);
/// Escapes everything but unreserved characters (RFC 3986 §2.3): fit for one path segment or a query's value.
std::string percent_encode(std::string_view text);

}  // namespace lurus
