#include "core/http/http1.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "core/text/ascii.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lurus::http1 {
namespace {

constexpr std::size_t max_fields = 256;

enum Class : std::uint8_t { token_char = 1, target_char = 2, host_char = 4 };

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view chars, std::uint8_t bit) {
        for (const char c : chars) table[static_cast<unsigned char>(c)] |= bit;
    };
    for (unsigned c = 0x21; c < 0x7f; ++c) table[c] |= target_char;
    table['#'] = 0;  // a fragment is never sent; peers disagree on what it would mean
    constexpr std::string_view alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    add(alnum, token_char | host_char);
    add("!#$%&'*+-.^_`|~", token_char);
    add("-._~:[]%!$&'()*+;=", host_char);
    return table;
}
constexpr auto classes = make_classes();

bool in(char c, Class bit) {
    return (classes[static_cast<unsigned char>(c)] & bit) != 0;
}
bool is_blank(char c) {
    return c == ' ' || c == '\t';
}
/// The first control character but HTAB: where a line, or a parser's patience, ends.
const char* skip_text(const char* p, const char* end) {
#if defined(__SSE2__)
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i del = _mm_set1_epi8(0x7f);
    for (; end - p >= 16; p += 16) {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, last_control), x);
        const __m128i stop = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(x, tab), control), _mm_cmpeq_epi8(x, del));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stop));
        if (mask != 0) return p + std::countr_zero(mask);
    }
#endif
    for (; p != end; ++p) {
        const auto c = static_cast<unsigned char>(*p);
        if ((c < 0x20 && c != '\t') || c == 0x7f) break;
    }
    return p;
}

/// Calls `f` with each element of a comma-separated list until it returns true.
template <class F>
bool any_element(std::string_view list, F f) {
    while (true) {
        const std::size_t comma = list.find(',');
        std::string_view element = list.substr(0, comma);
        while (!element.empty() && is_blank(element.front())) element.remove_prefix(1);
        while (!element.empty() && is_blank(element.back())) element.remove_suffix(1);
        if (!element.empty() && f(element)) return true;
        if (comma == std::string_view::npos) return false;
        list.remove_prefix(comma + 1);
    }
}

/// A position in the input. A step that returns false has either failed (`why` is set) or run out of input.
struct Scan {
    const char* p;
    const char* end;
    int status = 0;
    const char* why = nullptr;

    bool fail(const char* text, int answer = 400) {
        why = text;
        status = answer;
        return false;
    }
    /// Takes CRLF at `p`, where a line has to end.
    bool line_end(const char* otherwise) {
        if (p == end) return false;
        if (*p == '\n') return fail("a line ends in LF without CR");
        if (*p != '\r') return fail(otherwise);
        if (end - p < 2) return false;
        if (p[1] != '\n') return fail("CR without LF");
        p += 2;
        return true;
    }
};

/// What decides on framing, gathered while the fields are read.
struct Framing {
    std::string_view length, coding, host, upgrade;
    unsigned lengths = 0, codings = 0, hosts = 0;
    bool close = false, keep_alive = false, upgrading = false, expect_continue = false;

    void note(const Field& field) {
        const auto [name, value] = field;
        switch (name.size()) {
            case 4:
                if (iequals(name, "host")) host = value, ++hosts;
                break;
            case 6:
                if (iequals(name, "expect")) expect_continue = expect_continue || iequals(value, "100-continue");
                break;
            case 7:
                if (upgrade.empty() && iequals(name, "upgrade")) upgrade = value;
                break;
            case 10:
                if (iequals(name, "connection")) {
                    any_element(value, [this](std::string_view option) {
                        close = close || iequals(option, "close");
                        keep_alive = keep_alive || iequals(option, "keep-alive");
                        upgrading = upgrading || iequals(option, "upgrade");
                        return false;
                    });
                }
                break;
            case 14:
                if (iequals(name, "content-length")) length = value, ++lengths;
                break;
            case 17:
                if (iequals(name, "transfer-encoding")) coding = value, ++codings;
                break;
            default: break;
        }
    }
};

bool read_fields(Scan& s, Head& out, Framing& framing) {
    while (true) {
        if (s.p == s.end) return false;
        if (*s.p == '\r') return s.line_end("");
        const char* const name = s.p;
        while (s.p != s.end && in(*s.p, token_char)) ++s.p;
        if (s.p == s.end) return false;
        if (*s.p != ':') {
            if (*s.p == '\n') return s.fail("a line ends in LF without CR");
            if (*s.p == '\r') return s.fail("a header line has no colon");
            if (!is_blank(*s.p)) return s.fail("a header name has an invalid character");
            return s.fail(s.p == name ? "a header line is folded" : "a header name is followed by white space");
        }
        if (s.p == name) return s.fail("a header has no name");
        const std::string_view key(name, static_cast<std::size_t>(s.p - name));
        ++s.p;
        while (s.p != s.end && is_blank(*s.p)) ++s.p;
        const char* const value = s.p;
        s.p = skip_text(s.p, s.end);
        const char* last = s.p;
        if (!s.line_end("a header value has a control character")) return false;
        while (last != value && is_blank(last[-1])) --last;
        if (out.fields.size() == max_fields) return s.fail("too many headers", 431);
        out.fields.push_back({key, std::string_view(value, static_cast<std::size_t>(last - value))});
        framing.note(out.fields.back());
    }
}

bool read_coding(Scan& s, std::string_view coding) {
    if (iequals(coding, "chunked")) return true;
    unsigned chunked = 0;
    bool final = false;
    any_element(coding, [&](std::string_view element) {
        final = iequals(element, "chunked");
        chunked += final ? 1 : 0;
        return false;
    });
    // RFC 9112 §6.3: where chunked is not the last coding, nobody can tell where the body ends.
    if (final && chunked == 1) return s.fail("Transfer-Encoding has a coding besides chunked", 501);
    return s.fail("Transfer-Encoding is not exactly chunked");
}

bool read_length(Scan& s, std::string_view digits, std::uint64_t& out) {
    constexpr std::uint64_t limit = ~std::uint64_t{0};
    if (digits.empty()) return s.fail("Content-Length is empty");
    for (const char c : digits) {
        if (c < '0' || c > '9') return s.fail("Content-Length is not a number");
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (out > (limit - digit) / 10) return s.fail("Content-Length is too large");
        out = out * 10 + digit;
    }
    return true;
}

bool apply(Scan& s, const Framing& framing, Head& out) {
    if (framing.codings != 0) {
        if (framing.lengths != 0) return s.fail("Transfer-Encoding and Content-Length together");
        if (framing.codings > 1) return s.fail("Transfer-Encoding is given twice");
        if (out.minor_version == 0) return s.fail("Transfer-Encoding in HTTP/1.0");
        if (!read_coding(s, framing.coding)) return false;
        out.chunked = true;
    }
    if (framing.lengths > 1) return s.fail("Content-Length is given twice");
    if (framing.lengths == 1 && !read_length(s, framing.length, out.content_length.emplace(0))) return false;
    out.keep_alive = !framing.close && (out.minor_version == 1 || framing.keep_alive);
    if (framing.upgrading && out.minor_version == 1) out.upgrade = framing.upgrade;
    return true;
}

/// `HTTP/1.0` or `HTTP/1.1`.
bool read_version(Scan& s, int& minor) {
    constexpr std::string_view prefix = "HTTP/";
    const std::string_view rest(s.p, static_cast<std::size_t>(s.end - s.p));
    if (rest.substr(0, prefix.size()) != prefix.substr(0, rest.size())) return s.fail("the HTTP version is invalid");
    if (rest.size() < 8) return false;
    const auto digit = [&s](int at) { return s.p[at] >= '0' && s.p[at] <= '9'; };
    if (!digit(5) || s.p[6] != '.' || !digit(7)) return s.fail("the HTTP version is invalid");
    if (s.p[5] != '1' || s.p[7] > '1') return s.fail("the HTTP version is not 1.0 or 1.1", 505);
    minor = s.p[7] - '0';
    s.p += 8;
    return true;
}

// `http://host/path` becomes `/path` (RFC 9112 §3.2.2). A target without a path is the root: its slash is one of those
// before the host, so that the view stays within the request.
bool to_origin_form(std::string_view& target, std::string_view& authority) {
    const std::size_t scheme = iequals(target.substr(0, 7), "http://")    ? 7
                               : iequals(target.substr(0, 8), "https://") ? 8
                                                                          : 0;
    if (scheme == 0) return false;
    const std::size_t host_end = std::min(target.find_first_of("/?#", scheme), target.size());
    authority = target.substr(scheme, host_end - scheme);
    if (authority.empty() || !std::ranges::all_of(authority, [](char c) { return in(c, host_char); })) return false;
    if (host_end == target.size()) {
        target = target.substr(scheme - 1, 1);
        return true;
    }
    target.remove_prefix(host_end);
    return target.starts_with('/');
}

bool read_request_line(Scan& s, RequestHead& out) {
    const char* const method = s.p;
    while (s.p != s.end && in(*s.p, token_char)) ++s.p;
    if (s.p == s.end) return false;
    if (*s.p != ' ' || s.p == method) return s.fail("the method is invalid");
    out.method = {method, static_cast<std::size_t>(s.p - method)};
    const char* const target = ++s.p;
    while (s.p != s.end && in(*s.p, target_char)) ++s.p;
    if (s.p == s.end) return false;
    out.target = {target, static_cast<std::size_t>(s.p - target)};
    const bool origin = out.target.starts_with('/') || (out.target == "*" && out.method == "OPTIONS");
    if (!origin && !to_origin_form(out.target, out.host)) return s.fail("the request's target is not a path");
    if (*s.p != ' ') return s.fail("the request line is invalid");
    ++s.p;
    return read_version(s, out.minor_version) && s.line_end("the request line has something after the version");
}

bool read_status_line(Scan& s, ResponseHead& out) {
    if (!read_version(s, out.minor_version)) return false;
    if (s.end - s.p < 5) return false;  // SP, three digits, and what shows that there is no fourth
    if (s.p[0] != ' ' || s.p[1] < '1' || s.p[1] > '9') return s.fail("the status code is invalid");
    for (int i = 1; i <= 3; ++i) {
        if (s.p[i] < '0' || s.p[i] > '9') return s.fail("the status code is invalid");
        out.status = out.status * 10 + (s.p[i] - '0');
    }
    s.p += 4;
    if (*s.p != ' ') return s.line_end("the status code is invalid");  // some servers leave the reason's space out
    const char* const reason = ++s.p;
    s.p = skip_text(s.p, s.end);
    out.reason = {reason, static_cast<std::size_t>(s.p - reason)};
    return s.line_end("the status line has a control character");
}

bool check_host(Scan& s, const Framing& framing, RequestHead& out) {
    if (framing.hosts > 1) return s.fail("Host is given twice");
    if (framing.hosts == 0) return out.minor_version == 0 || s.fail("Host is missing");
    for (const char c : framing.host)
        if (!in(c, host_char)) return s.fail("Host is invalid");
    if (out.host.empty()) out.host = framing.host;  // an absolute target's own is what counts
    return true;
}

void clear(Head& out) {
    out.fields.clear();
    out.fields.reserve(32);
    out.minor_version = 1;
    out.chunked = false;
    out.content_length.reset();
    out.keep_alive = true;
    out.upgrade = {};
}

Scan start(std::string_view bytes, std::size_t max_bytes) {
    return {bytes.data(), bytes.data() + (bytes.size() < max_bytes ? bytes.size() : max_bytes)};
}

HeadResult finish(const Scan& s, bool complete, std::string_view bytes, std::size_t max_bytes) {
    using State = HeadResult::State;
    if (complete) return {State::complete, static_cast<std::size_t>(s.p - bytes.data()), 0, nullptr};
    if (s.why != nullptr) return {State::bad, 0, s.status, s.why};
    if (bytes.size() >= max_bytes) return {State::bad, 0, 431, "the header is too large"};
    return {State::need_more, 0, 0, nullptr};
}

}  // namespace

const Field* Head::find(std::string_view name) const {
    for (const Field& field : fields)
        if (iequals(field.name, name)) return &field;
    return nullptr;
}

std::string_view Head::value(std::string_view name) const {
    const Field* field = find(name);
    return field != nullptr ? field->value : std::string_view{};
}

bool Head::connection_lists(std::string_view name) const {
    for (const Field& field : fields) {
        if (!iequals(field.name, "connection")) continue;
        if (any_element(field.value, [name](std::string_view option) { return iequals(option, name); })) return true;
    }
    return false;
}

HeadResult parse_request_head(std::string_view bytes, std::size_t max_bytes, RequestHead& out) {
    clear(out);
    out.method = out.target = out.host = {};
    out.expect_continue = false;
    Scan s = start(bytes, max_bytes);
    bool going = true;
    while (going && s.p != s.end && *s.p == '\r') going = s.line_end("");
    Framing framing;
    const bool complete = going && read_request_line(s, out) && read_fields(s, out, framing) &&
                          check_host(s, framing, out) && apply(s, framing, out);
    out.expect_continue = complete && framing.expect_continue && out.minor_version == 1;
    return finish(s, complete, bytes, max_bytes);
}

HeadResult parse_response_head(std::string_view bytes, std::size_t max_bytes, ResponseHead& out) {
    clear(out);
    out.status = 0;
    out.reason = {};
    Scan s = start(bytes, max_bytes);
    Framing framing;
    const bool complete = read_status_line(s, out) && read_fields(s, out, framing) && apply(s, framing, out);
    HeadResult result = finish(s, complete, bytes, max_bytes);
    if (result.state == HeadResult::State::bad) result.status = 502;
    return result;
}

}  // namespace lurus::http1
