// Forms (RFC 7578). Parsers differ in what they forgive, so what is forgiven differently is a doubt.

#include <algorithm>
#include <utility>

#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "core/text/lookalike.hpp"
#include "modules/gateway/session/named_models.hpp"

namespace lurus::gateway {
namespace {

std::size_t count_of(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
    return count;
}

std::string bare_field(std::string_view raw) {
    return bare_name(percent_decode(raw).value_or(std::string(raw)));
}

/// What one part's headers say.
struct PartHead {
    std::string_view name;
    bool named = false;
    bool file = false;
    bool encoded = false;  // its value is not what it seems
};

class FormModels {
public:
    FormModels(std::string_view body, NamedModels& into) : body_(body), into_(into) {}

    void run(std::string_view content_type) {
        std::string_view boundary;
        if (!find_boundary(content_type, boundary)) return;
        const std::string delimiter = "\r\n--" + std::string(boundary);
        const std::string_view first = std::string_view(delimiter).substr(2);
        if (!body_.starts_with(first)) return into_.doubt_that("something stands before the form's first part");
        std::size_t at = first.size();
        std::size_t delimiters = 1;
        while (body_.substr(at, 2) != "--") {
            if (body_.substr(at, 2) != "\r\n")
                return into_.doubt_that("a boundary of the form is not alone on its line");
            const std::size_t head = at + 2;
            const std::size_t blank = body_.substr(head, 2) == "\r\n" ? head - 2 : body_.find("\r\n\r\n", head);
            const std::size_t end = blank == std::string_view::npos ? blank : body_.find(delimiter, blank + 2);
            if (end == std::string_view::npos) return into_.doubt_that("the form has no end");
            if (blank < head || end < blank + 4)
                return into_.doubt_that("a part of the form has no headers or no value");
            part(body_.substr(head, blank - head), body_.substr(blank + 4, end - blank - 4));
            at = end + delimiter.size();
            ++delimiters;
        }
        if (count_of(body_, first) != delimiters)
            into_.doubt_that("the form's boundary stands where not every parser sees one");
    }

private:
    bool find_boundary(std::string_view content_type, std::string_view& boundary) {
        Parameter one;
        for (std::size_t at = 0; next_parameter(content_type, at, one);) {
            const std::string bare = bare_name(one.name);
            if (bare == "charset" && !is_plain_charset(one.value))
                into_.doubt_that("the Content-Type names a charset other than UTF-8");
            if (!bare.starts_with("boundary")) continue;
            if (!boundary.empty() || !iequals(one.name, "boundary"))
                into_.doubt_that("the Content-Type names two boundaries");
            boundary = one.value;
        }
        const auto usual = [](char c) {
            return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || std::string_view("'()+_,-./:=?").contains(c);
        };
        if (boundary.empty() || boundary.size() > 70 || !std::ranges::all_of(boundary, usual))
            into_.doubt_that("the form's boundary holds characters that not every parser takes");
        return into_.doubt.empty();
    }

    PartHead read_head(std::string_view lines) {
        PartHead head;
        while (!lines.empty()) {
            const std::size_t stop = std::min(lines.find("\r\n"), lines.size());
            const std::string_view line = lines.substr(0, stop);
            lines.remove_prefix(std::min(stop + 2, lines.size()));
            const std::size_t colon = line.find(':');
            const std::string_view name = line.substr(0, colon);
            const auto token = [](char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-'; };
            if (colon == std::string_view::npos || name.empty() || !std::ranges::all_of(name, token) ||
                line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
                into_.doubt_that("a part of the form has a header that not every parser reads");
                continue;
            }
            const std::string_view value = trim(line.substr(colon + 1));
            if (iequals(name, "content-disposition")) {
                disposition(value, head);
            } else if (iequals(name, "content-transfer-encoding")) {
                head.encoded =
                    head.encoded || (!iequals(value, "binary") && !iequals(value, "8bit") && !iequals(value, "7bit"));
            } else if (iequals(name, "content-type")) {
                Parameter one;
                for (std::size_t at = 0; next_parameter(value, at, one);)
                    head.encoded = head.encoded || (iequals(one.name, "charset") && !is_plain_charset(one.value));
            }
        }
        return head;
    }

    void disposition(std::string_view value, PartHead& head) {
        if (std::exchange(described_, true)) into_.doubt_that("a part of the form has two Content-Dispositions");
        if (!iequals(trim(value.substr(0, value.find(';'))), "form-data"))
            into_.doubt_that("a part of the form is not form-data");
        Parameter one;
        for (std::size_t at = 0; next_parameter(value, at, one);) {
            const std::string bare = bare_name(one.name);
            if (bare.starts_with("filename")) head.file = true;
            if (!bare.starts_with("name")) continue;
            if (head.named || !iequals(one.name, "name")) into_.doubt_that("a part of the form has two names");
            head.named = true;
            head.name = one.value;
        }
    }

    void part(std::string_view lines, std::string_view value) {
        described_ = false;
        const PartHead head = read_head(lines);
        if (!head.named) into_.doubt_that("a part of the form has no name");
        const std::string bare = bare_field(head.name);
        if (bare == "charset" && !is_plain_charset(value))
            into_.doubt_that("the form is in a charset other than UTF-8");
        if (bare == "model") {
            if (head.name != "model") into_.doubt_that("a field is not spelled `model`");
            if (std::exchange(has_model_, true)) into_.doubt_that("`model` is there twice");
            if (head.file || head.encoded) into_.doubt_that("`model` is a file or encoded");
        } else if (holds_models(bare) && !head.file) {
            into_.add(std::string(value));
        }
    }

    std::string_view body_;
    NamedModels& into_;
    bool described_ = false;
    bool has_model_ = false;
};

}  // namespace

void read_form_models(std::string_view content_type, std::string_view body, NamedModels& into) {
    FormModels(body, into).run(content_type);
}

}  // namespace lurus::gateway
