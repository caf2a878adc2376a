#pragma once
// A document of the web, for a command that was given its address.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus::cli {

/// `https://...` or `http://...`
bool is_web_address(std::string_view text);

struct Fetched {
    std::string text;
    std::string url;  // where it was, after redirects
};

/// Over HTTPS, or over HTTP from this machine itself; a redirect never leads from HTTPS to HTTP. At most `most_bytes`,
/// within two minutes. `progress` is told how much there is so far.
Result<Fetched> fetch_url(const std::string& url, std::size_t most_bytes,
                          const std::function<void(std::size_t)>& progress);

}  // namespace lurus::cli
