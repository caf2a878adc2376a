#include "modules/signin/curl_library.hpp"

namespace lurus::signin {

const Curl* Curl::get() {
    static const Curl curl;
    return curl.ready_ ? &curl : nullptr;
}

Curl::Curl()
    : easy_init(&curl_easy_init),
      // The names are macros that count and check arguments.
      setopt(&(curl_easy_setopt)),
      perform(&curl_easy_perform),
      cleanup(&curl_easy_cleanup),
      strerror(&curl_easy_strerror),
      append(&curl_slist_append),
      free_all(&curl_slist_free_all),
      options_for_system_roots(CURLSSLOPT_NATIVE_CA),
      ready_(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {}

}  // namespace lurus::signin
