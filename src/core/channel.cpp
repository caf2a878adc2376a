#include "core/channel.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lurus {

namespace asio = boost::asio;

void Channel::use_tls(SslPtr tls) {
    tls_ = std::move(tls);
    SSL_set_fd(tls_.get(), descriptor_);
}

void Channel::when_readable(Watch::Callback callback) {
    if (tls_ && SSL_pending(tls_.get()) > 0) {
        watch_.call(std::move(callback));
    } else {
        watch_.when_readable(std::move(callback));
    }
}

Io Channel::tls_outcome(int result) {
    wants_write_ = false;
    switch (SSL_get_error(tls_.get(), result)) {
        case SSL_ERROR_WANT_READ: watch_.drained(); return Io::again;
        case SSL_ERROR_WANT_WRITE:
            watch_.filled();
            wants_write_ = true;
            return Io::again;
        case SSL_ERROR_ZERO_RETURN: return Io::eof;
        default: {
            const long verify = SSL_get_verify_result(tls_.get());
            error_ = verify != X509_V_OK
                         ? std::string("certificate not trusted: ") + X509_verify_cert_error_string(verify)
                         : tls_error_text();
            ERR_clear_error();
            return Io::error;
        }
    }
}

Io Channel::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    return result == 1 ? Io::ok : tls_outcome(result);
}

IoResult Channel::read(std::span<char> into) {
    if (tls_) {
        ERR_clear_error();
        const int n = SSL_read(tls_.get(), into.data(), static_cast<int>(std::min<std::size_t>(into.size(), 1 << 20)));
        if (n > 0) return IoResult{Io::ok, static_cast<std::size_t>(n)};
        return IoResult{tls_outcome(n), 0};
    }
    return read_plain(into);
}

IoResult Channel::write(std::span<const asio::const_buffer> from) {
    return tls_ ? tls_write(from) : write_plain(from);
}

// Small pieces are gathered into one TLS record.
IoResult Channel::tls_write(std::span<const asio::const_buffer> from) {
    constexpr std::size_t record = 16 * 1024;
    std::array<char, record> gathered;
    std::size_t total = 0;
    std::size_t at = 0;      // index of the buffer to go on with
    std::size_t offset = 0;  // and where in it
    while (at < from.size()) {
        const char* data = nullptr;
        std::size_t size = 0;
        std::size_t next_at = at;
        std::size_t next_offset = offset;
        if (from[at].size() - offset >= record) {
            data = static_cast<const char*>(from[at].data()) + offset;
            size = record;
            next_offset += record;
        } else {
            while (next_at < from.size() && size < record) {
                const std::size_t take = std::min(from[next_at].size() - next_offset, record - size);
                std::memcpy(gathered.data() + size, static_cast<const char*>(from[next_at].data()) + next_offset, take);
                size += take;
                next_offset += take;
                if (next_offset == from[next_at].size()) {
                    ++next_at;
                    next_offset = 0;
                }
            }
            data = gathered.data();
        }
        if (size == 0) break;
        ERR_clear_error();
        const int n = SSL_write(tls_.get(), data, static_cast<int>(size));
        if (n <= 0) {
            const Io outcome = tls_outcome(n);
            return IoResult{total > 0 && outcome == Io::again ? Io::ok : outcome, total};
        }
        total += static_cast<std::size_t>(n);
        if (static_cast<std::size_t>(n) < size) return IoResult{Io::ok, total};
        at = next_at;
        offset = next_offset;
        if (at < from.size() && offset == from[at].size()) {
            ++at;
            offset = 0;
        }
    }
    return IoResult{Io::ok, total};
}

void Channel::close() {
    if (tls_ && SSL_is_init_finished(tls_.get())) {
        ERR_clear_error();
        SSL_shutdown(tls_.get());
        ERR_clear_error();
    }
    close_descriptor();
}

}  // namespace lurus
