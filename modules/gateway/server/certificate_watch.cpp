#include "modules/gateway/server/certificate_watch.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace lurus::gateway {

Result<CertificateWatch> CertificateWatch::open(const ListenerSettings& listener, const Clock& clock) {
    auto read = read_server_certificate(listener.certificate_file, listener.private_key_file);
    if (!read) return fail(read.error().code, "cannot listen on " + listener.address + ": " + read.error().message);
    return CertificateWatch(listener, clock, *std::move(read));
}

CertificateWatch::CertificateWatch(const ListenerSettings& listener, const Clock& clock, ServerCertificate served)
    : clock_(&clock),
      address_(listener.address),
      certificate_(listener.certificate_file),
      private_key_(listener.private_key_file),
      served_(std::move(served)) {
    tell_warnings();
}

void CertificateWatch::tell_warnings() const {
    for (const auto& warning : served_.warnings) spdlog::warn("{}: {}", address_, warning);
    if (!served_.gap.empty()) spdlog::warn("{}: {}", address_, served_.gap);
    if (const std::string soon = expires_soon(served_.facts, clock_->now()); !soon.empty())
        spdlog::warn("{}: the certificate {} {}", address_, certificate_.path().string(), soon);
}

SslContextPtr CertificateWatch::look(bool at_once) {
    for (WatchedFile* file : {&certificate_, &private_key_}) {
        if (file->look() == WatchedFile::Look::same) continue;
        (void)file->take_text();
        changed_ = true;
    }
    SslContextPtr renewed;
    // Half of a pair that is just being replaced would be refused for nothing.
    if (at_once || (changed_ && !certificate_.settling() && !private_key_.settling())) renewed = take_renewed();
    const std::string now = problem();
    if (now != std::exchange(told_, now) && !now.empty()) spdlog::error("{}", now);
    return renewed;
}

SslContextPtr CertificateWatch::take_renewed() {
    changed_ = false;
    refused_.clear();
    auto read = read_server_certificate(certificate_.path().string(), private_key_.path().string());
    if (!read) {
        refused_ = read.error().message;
        return nullptr;
    }
    if (read->digest == served_.digest) return nullptr;
    const UnixMicros now = clock_->now();
    if (const std::string bad = date_problem(read->facts, now);
        !bad.empty() && date_problem(served_.facts, now).empty()) {
        refused_ = "the certificate " + certificate_.path().string() + " " + bad;
        return nullptr;
    }
    served_ = *std::move(read);
    spdlog::info("{}: the renewed certificate {} is served, valid until {}", address_, certificate_.path().string(),
                 format_time(served_.facts.not_after));
    tell_warnings();
    return served_.context;
}

std::string CertificateWatch::problem() const {
    const std::string dates = date_problem(served_.facts, clock_->now());
    std::string out;
    if (!refused_.empty())
        out = address_ + ": a renewed certificate is not served, the one before goes on: " + refused_;
    if (dates.empty()) return out;
    return (out.empty() ? address_ + ": " : out + "; ") + "the certificate that is served (" +
           certificate_.path().string() + ") " + dates;
}

}  // namespace lurus::gateway
