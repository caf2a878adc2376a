#include "core/io/channel.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lurus {

namespace asio = boost::asio;

// OpenSSL reads and writes through the channel: it reads ahead, and so a short read tells that the socket is empty.
struct Channel::TlsSocket {
    static Channel& of(BIO* bio) { return *static_cast<Channel*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, int size) {
        Channel& channel = of(bio);
        BIO_clear_retry_flags(bio);
        const IoResult result = channel.read_plain(std::span(into, static_cast<std::size_t>(size)));
        channel.ended_ = channel.ended_ || result.state == Io::eof;
        if (result.state == Io::again) BIO_set_retry_read(bio);
        if (channel.began_size_ < channel.began_.size()) channel.keep_beginning(std::string_view(into, result.bytes));
        return result.state == Io::ok ? static_cast<int>(result.bytes) : result.state == Io::eof ? 0 : -1;
    }

    static int write(BIO* bio, const char* from, int size) {
        BIO_clear_retry_flags(bio);
        const asio::const_buffer buffer(from, static_cast<std::size_t>(size));
        const IoResult result = of(bio).write_plain(std::span(&buffer, 1));
        if (result.state == Io::again) BIO_set_retry_write(bio);
        return result.state == Io::ok ? static_cast<int>(result.bytes) : -1;
    }

    static long control(BIO* bio, int command, long, void*) {
        if (command == BIO_CTRL_EOF) return of(bio).ended_ ? 1 : 0;
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }

    static BIO* make(Channel& channel) {
        static BIO_METHOD* const method = [] {
            BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "channel");
            BIO_meth_set_read(made, read);
            BIO_meth_set_write(made, write);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        BIO* bio = BIO_new(method);
        BIO_set_data(bio, &channel);
        BIO_set_init(bio, 1);
        return bio;
    }
};

void Channel::use_tls(SslPtr tls) {
    tls_ = std::move(tls);
    BIO* bio = TlsSocket::make(*this);
    SSL_set_bio(tls_.get(), bio, bio);
    SSL_set_read_ahead(tls_.get(), 1);
}

void Channel::keep_beginning(std::string_view bytes) {
    const std::size_t n = std::min(bytes.size(), began_.size() - began_size_);
    std::memcpy(began_.data() + began_size_, bytes.data(), n);
    began_size_ = static_cast<std::uint8_t>(began_size_ + n);
}

void Channel::end_tls() {
    tls_.reset();
    wants_write_ = starved_ = false;
}

void Channel::when_readable(Watch::Callback callback) {
    // What OpenSSL holds may be a part of a record, which it cannot give before the rest has come.
    if (tls_ && !starved_ && SSL_has_pending(tls_.get()) == 1) {
        watch_.call(std::move(callback));
    } else {
        watch_.when_readable(std::move(callback));
    }
}

Io Channel::tls_outcome(int result) {
    wants_write_ = false;
    switch (SSL_get_error(tls_.get(), result)) {
        case SSL_ERROR_WANT_READ: starved_ = true; return Io::again;
        case SSL_ERROR_WANT_WRITE: wants_write_ = true; return Io::again;
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
    if (result != 1) {
        const HandshakeFailure why = handshake_failure(std::string_view(began_.data(), began_size_));
        const Io outcome = tls_outcome(result);
        if (outcome != Io::again) failure_ = why;
        return outcome;
    }
    starved_ = false;  // the first bytes may have come with the handshake's last
    return Io::ok;
}

IoResult Channel::read(std::span<char> into) {
    if (tls_) {
        ERR_clear_error();
        const int n = SSL_read(tls_.get(), into.data(), static_cast<int>(std::min<std::size_t>(into.size(), 1 << 20)));
        starved_ = false;
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
