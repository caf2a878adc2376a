#pragma once
// libcurl, as each system has it: loaded on Linux, where it brings an OpenSSL of its own; linked in on Windows.

#include <curl/curl.h>

namespace lurus::signin {

class Curl {
public:
    /// Loaded when the first mail is sent. Null where it is not installed.
    static const Curl* get();

    decltype(&curl_easy_init) easy_init = nullptr;
    decltype(&curl_easy_setopt) setopt = nullptr;
    decltype(&curl_easy_perform) perform = nullptr;
    decltype(&curl_easy_cleanup) cleanup = nullptr;
    decltype(&curl_easy_strerror) strerror = nullptr;
    decltype(&curl_slist_append) append = nullptr;
    decltype(&curl_slist_free_all) free_all = nullptr;
    /// What CURLOPT_SSL_OPTIONS has to be for the authorities that the system trusts to be trusted.
    long options_for_system_roots = 0;

private:
    Curl();
    bool ready_ = false;
};

}  // namespace lurus::signin
