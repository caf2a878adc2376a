#include <fmt/format.h>

#include "cli/cli_format.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

constexpr std::pair<std::string_view, std::string_view> classes[] = {
    {"input", "fresh input"},
    {"cache_read", "cache read"},
    {"cache_write_5m", "cache write 5m"},
    {"cache_write_1h", "cache write 1h"},
    {"output", "output"},
    {"reasoning", "  of it thinking"},
    {"audio_input", "  audio in"},
    {"audio_output", "  audio out"},
    {"image_input", "  image in"},
    {"image_output", "  image out"},
    {"images", "images"},
    {"web_searches", "web searches"},
};

class Sheet {
public:
    explicit Sheet(const Style& style) : style_(style) {}

    void head(std::string_view text) { out_ += colored(text, Color::bold, style_.color) + "\n"; }
    void line(std::string_view label, std::string_view value, Color color = Color::none) {
        if (value.empty()) return;
        std::string name(label);
        while (display_width(name) < 16) name += ' ';
        std::string text = printable(value);
        if (style_.width > 20) text = truncate_text(text, style_.width - 19);
        out_ += "  " + colored(name, Color::dim, style_.color) + " " + colored(text, color, style_.color) + "\n";
    }
    void raw(std::string_view text) { out_ += text; }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    const Style& style_;
    std::string out_;
};

std::string indented(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t newline = text.find('\n');
        out += "  " + std::string(text.substr(0, newline)) + "\n";
        text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    }
    return out;
}

std::string tokens_brief(const Json& usage) {
    auto in = number_of(usage, "input"), read = number_of(usage, "cache_read"), out = number_of(usage, "output");
    if (!in && !read && !out) return std::string(unknown_text);
    return fmt::format("{} in, {} out", format_tokens(in.value_or(0) + read.value_or(0)), format_tokens(out));
}

std::string attempts_table(const Json& attempts, const Style& style) {
    Table table({{"#", Align::right},
                 {"PROVIDER", Align::left, 8},
                 {"ACCOUNT", Align::left, 6, 2},
                 {"MODEL", Align::left, 10},
                 {"WHY", Align::left, 12},
                 {"AT", Align::right},
                 {"TOOK", Align::right},
                 {"OUTCOME", Align::left, 8},
                 {"TOKENS", Align::left, 0, 3},
                 {"COST", Align::right, 0, 1}});
    int n = 0;
    for (const auto& a : attempts) {
        std::string outcome = text_of(a, "outcome");
        auto status = number_of(a, "status");
        bool ok = outcome == "ok";
        if (status && !ok && outcome != fmt::format("status_{}", *status)) outcome += fmt::format(" ({})", *status);
        auto cost = number_of(a, "cost_nano_usd");
        table.add({std::to_string(++n), text_of(a, "provider"), text_of(a, "account"), text_of(a, "upstream_model"),
                   text_of(a, "because"), "+" + format_duration(number_of(a, "started_us").value_or(0)),
                   format_duration(number_of(a, "duration_us")), Cell(outcome, ok ? Color::green : Color::red),
                   tokens_brief(member(a, "usage")), cost ? format_money(*cost) : std::string(unknown_text)});
    }
    Style narrower = style;
    if (narrower.width > 2) narrower.width -= 2;
    return indented(table.render(narrower));
}

/// The lines that the cost is made of.
std::string cost_lines(const Json& lines, const Style& style) {
    Table table({{"CLASS"}, {"UNITS", Align::right}, {"PRICE", Align::right}, {"COST", Align::right}});
    for (const auto& l : lines) {
        std::string what = text_of(l, "what");
        std::int64_t price = number_of(l, "pico_usd").value_or(0);
        bool piece = what == "image" || what == "web_search" || what == "audio_second";
        table.add({what, std::to_string(number_of(l, "units").value_or(0)),
                   piece ? format_money(price / 1000) + " each" : format_price_per_million(price) + "/M",
                   format_money_exact(number_of(l, "cost_nano_usd").value_or(0))});
    }
    return indented(table.render(style));
}

/// Today's prices explain the cost only while they are the ones it was made with.
bool explains(const Json& quote, const Json& record) {
    return number_of(quote, "cost_nano_usd") &&
           number_of(quote, "cost_nano_usd") == number_of(record, "cost_nano_usd") &&
           text_of(quote, "tariff") == text_of(record, "tariff");
}

std::string dialects(const Json& record) {
    std::string in = text_of(record, "dialect"), out = text_of(record, "upstream_dialect");
    return in == out || out.empty() ? in : in + " → " + out;
}

std::string result_text(const Json& record) {
    auto status = number_of(record, "status").value_or(0);
    std::string end = text_of(record, "end");
    std::string out = status == 0 ? "nothing was sent" : std::to_string(status);
    if (end == "complete") return out + ", complete";
    if (end == "client_gone") return out + ", the client left before the end";
    if (end == "upstream_cut") return out + ", the vendor's answer broke off";
    return out + ", error";
}

}  // namespace

std::string render_trace(const Json& r, const Json& quote, const Style& style) {
    Sheet sheet(style);
    sheet.head("Trace " + text_of(r, "trace_id"));
    auto time = parse_time(text_of(r, "time"));
    LocalTime local = time ? local_time(*time) : LocalTime{};
    sheet.line("when", time ? fmt::format("{}:{:02}", format_date_time(local), local.second) : std::string());
    sheet.line("request", fmt::format("{} ({}{})", text_of(r, "operation"), dialects(r),
                                      flag_of(r, "stream") ? ", streamed" : ""));
    std::string model = text_of(r, "model"), upstream = text_of(r, "upstream_model");
    sheet.line("model", upstream.empty() || upstream == model ? model : model + " → " + upstream);
    sheet.line("route", text_of(r, "route"));
    sheet.line("answered by",
               text_of(r, "provider") + (text_of(r, "account").empty() ? "" : " / " + text_of(r, "account")));
    sheet.line("key", text_of(r, "key"));
    sheet.line("record", text_of(r, "record_id"));
    sheet.line("user", text_of(r, "user"));
    sheet.line("client", text_of(r, "client"));
    sheet.line("session", text_of(r, "session"));
    sheet.line("result", result_text(r), text_of(r, "end") == "complete" ? Color::green : Color::red);
    sheet.line("error", text_of(r, "error"), Color::red);
    sheet.line("timing", fmt::format("first byte {}, whole {}", format_duration(number_of(r, "ttfb_us")),
                                     format_duration(number_of(r, "duration_us"))));
    sheet.line("bytes", fmt::format("{} in, {} out", format_bytes(number_of(r, "bytes_in").value_or(0)),
                                    format_bytes(number_of(r, "bytes_out").value_or(0))));

    if (!member(r, "attempts").empty()) {
        sheet.head("Attempts");
        sheet.raw(attempts_table(member(r, "attempts"), style));
    }
    sheet.head("Usage");
    const Json& usage = member(r, "usage");
    bool any = false;
    for (const auto& [name, label] : classes) {
        auto n = number_of(usage, name);
        any = any || n.has_value();
        if (n) sheet.line(label, std::to_string(*n));
    }
    if (!any) sheet.line("tokens", "the vendor did not say");
    if (flag_of(usage, "estimated")) sheet.line("note", "estimated: a number here is not the vendor's", Color::yellow);
    sheet.line("service tier", text_of(usage, "service_tier"));
    const Json& raw = member(r, "usage_raw");
    if (!raw.is_null()) sheet.line("as sent", raw.is_string() ? raw.get<std::string>() : dump(raw));

    sheet.head("Cost");
    auto cost = number_of(r, "cost_nano_usd");
    sheet.line("total",
               cost  ? format_money_exact(*cost)
               : any ? "unpriced"
                     : std::string(unknown_text),
               cost ? Color::none : Color::yellow);
    sheet.line("price", text_of(r, "tariff"));
    if (!cost && any) sheet.line("why", text_of(quote, "reason"));
    if (explains(quote, r)) sheet.raw(cost_lines(member(quote, "lines"), style));
    for (const char* body : {"request_body", "response_body"}) {
        std::string text = text_of(r, body);
        if (text.empty()) continue;
        sheet.head(std::string_view(body) == "request_body" ? "Request body" : "Response body");
        std::string shown;
        for (std::string_view rest = text; !rest.empty();) {
            std::size_t newline = rest.find('\n');
            shown += printable(rest.substr(0, newline)) + "\n";
            rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
        }
        sheet.raw(indented(shown));
    }
    return sheet.take();
}

}  // namespace lurus::cli
