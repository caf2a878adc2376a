#pragma once
// A server's certificate and private key as their files give them, and what is wrong with them in words.

#include <string>
#include <string_view>
#include <vector>

#include "core/io/tls.hpp"
#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

struct CertificateFacts {
    std::string subject;  // its common name, or all of its name
    UnixMicros not_before = 0, not_after = 0;
};

struct ServerCertificate {
    CertificateFacts facts;
    std::string digest;                 // of both files
    std::vector<std::string> warnings;  // it can be served, but clients refuse it; a sentence each
    std::string gap;                    // who issued the last of the chain is not known here; a sentence, or empty
    SslContextPtr context;              // TLS 1.2 and up, with suites that have forward secrecy and AEAD only
};

/// PEM files; the certificate's may hold the chain. The error says what a file holds instead. Never asks for a pass
/// phrase: an encrypted key is an error.
Result<ServerCertificate> read_server_certificate(const std::string& certificate_file,
                                                  const std::string& private_key_file);

/// Each certificate of a PEM text. The error is the end of a sentence about its file.
Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem);

/// `expired on 2026-05-01 10:00 UTC`, `is not valid before ...`; empty while it is valid.
std::string date_problem(const CertificateFacts& facts, UnixMicros now);
/// `expires on ..., in 12 days`, where that is within 30 days; else empty.
std::string expires_soon(const CertificateFacts& facts, UnixMicros now);

}  // namespace lurus
