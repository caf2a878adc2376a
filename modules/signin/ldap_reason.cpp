#include "modules/signin/ldap_reason.hpp"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "core/http/url.hpp"
#include "core/io/tls.hpp"
#include "core/os/files.hpp"

namespace lurus::signin {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// An extended request with StartTLS' name (RFC 4511 §4.12, RFC 4513 §3.1).
constexpr unsigned char start_tls[] = {0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16, '1', '.',
                                       '3',  '.',  '6',  '.',  '1',  '.',  '4',  '.',  '1',  '.', '1',
                                       '4',  '6',  '6',  '.',  '2',  '0',  '0',  '3',  '7'};

/// Sends it and skips the answer, of which libldap has judged one already.
bool started_tls(asio::ip::tcp::socket& socket) {
    error_code error;
    asio::write(socket, asio::buffer(start_tls), error);
    std::array<unsigned char, 2> head{};  // a sequence, and its length in the short form
    if (!error) asio::read(socket, asio::buffer(head), error);
    if (error || head[0] != 0x30 || head[1] > 0x7f) return false;
    std::array<unsigned char, 0x7f> rest{};
    asio::read(socket, asio::buffer(rest, head[1]), error);
    return !error;
}

LdapReason reason_of_tls(const LdapSettings& settings, const std::string& host, int descriptor) {
    std::string roots;
    if (!settings.ca_file.empty()) {
        auto read = read_file(settings.ca_file, 16 << 20);
        if (!read) return {false, read.error().message};
        roots = *std::move(read);
    }
    const auto context = make_tls_client(true, roots);
    if (!context) return {false, context.error().message};
    const auto connection = make_tls_connection(context->get(), host, true);
    if (!connection) return {false, connection.error().message};
    SSL* ssl = connection->get();
    if (SSL_set_fd(ssl, descriptor) != 1 || SSL_connect(ssl) == 1) return {};
    const long verdict = SSL_get_verify_result(ssl);
    const std::string text = tls_error_text();
    if (verdict != X509_V_OK) return {true, X509_verify_cert_error_string(verdict)};
    return {false, "TLS failed: " + text};
}

}  // namespace

LdapReason ldap_reason(const LdapSettings& settings, OpenSocket& socket) {
    if (socket.is_shut()) return {};  // that is why
    const bool tls = settings.url.starts_with("ldaps://");
    const auto url = Url::parse("https://" + settings.url.substr(settings.url.find("://") + 3));
    if (!url) return {false, url.error().message};
    const int port = url->port != 443 ? url->port : tls ? 636 : 389;
    asio::io_context context;
    asio::ip::tcp::resolver resolver(context);
    asio::ip::tcp::socket connection(context);
    error_code error;
    const auto found = resolver.resolve(url->host, std::to_string(port), error);
    if (error) return {false, "the name " + url->host + " cannot be resolved: " + error.message()};
    for (const auto& entry : found) {
        connection.close(error);
        connection.open(entry.endpoint().protocol(), error);
        if (error) continue;
        socket.opened(connection.native_handle());  // so that a shut ends the connecting as well
        connection.connect(entry.endpoint(), error);
        if (!error) socket.opened(connection.native_handle());  // a shut in between had nothing to end
        if (!error) break;
    }
    LdapReason reason;
    if (error)
        reason.text = error.message();
    else if (tls || started_tls(connection))
        reason = reason_of_tls(settings, url->host, connection.native_handle());
    socket.closed();
    return reason;
}

}  // namespace lurus::signin
