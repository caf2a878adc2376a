#pragma once
// The certificate of a TLS listener, renewed while it is served. One thread.

#include <string>

#include "core/io/server_certificate.hpp"
#include "core/os/watched_file.hpp"
#include "lurus/gateway.hpp"

namespace lurus::gateway {

class CertificateWatch {
public:
    /// Reads the listener's files.
    static Result<CertificateWatch> open(const ListenerSettings& listener, const Clock& clock);

    [[nodiscard]] const SslContextPtr& context() const { return served_.context; }
    /// Another context where there is a renewed certificate, else null. One that cannot be served leaves the one before
    /// where it is. Certificate and key are read when both have settled, or `at_once`.
    SslContextPtr look(bool at_once);
    /// What is wrong with the files or with what is served; empty = nothing.
    [[nodiscard]] std::string problem() const;

private:
    CertificateWatch(const ListenerSettings& listener, const Clock& clock, ServerCertificate served);
    SslContextPtr take_renewed();
    void tell_warnings() const;

    const Clock* clock_;
    std::string address_;
    WatchedFile certificate_, private_key_;
    ServerCertificate served_;
    bool changed_ = false;  // a file has, since they were read
    std::string refused_;   // why what the files hold now is not served
    std::string told_;      // the problem that was logged last
};

}  // namespace lurus::gateway
