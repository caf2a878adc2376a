#include "core/os/shared_library.hpp"
#include "modules/signin/curl_library.hpp"

namespace lurus::signin {

const Curl* Curl::get() {
    static const Curl curl;
    return curl.ready_ ? &curl : nullptr;
}

Curl::Curl() {
    const SharedLibrary library({"libcurl.so.4", "libcurl-gnutls.so.4"});
    decltype(&curl_global_init) global_init = nullptr;
    ready_ = library.find("curl_global_init", global_init) && library.find("curl_easy_init", easy_init) &&
             library.find("curl_easy_setopt", setopt) && library.find("curl_easy_perform", perform) &&
             library.find("curl_easy_cleanup", cleanup) && library.find("curl_easy_strerror", strerror) &&
             library.find("curl_slist_append", append) && library.find("curl_slist_free_all", free_all) &&
             global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

}  // namespace lurus::signin
