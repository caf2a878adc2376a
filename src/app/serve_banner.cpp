#include "app/serve_banner.hpp"

#include <algorithm>

#include "core/os/server_file.hpp"

namespace lurus::app {
namespace {

struct Paint {
    Colour colour;
    [[nodiscard]] std::string bold(const std::string& text) const { return wrap("1", text); }
    [[nodiscard]] std::string dim(const std::string& text) const { return wrap("2", text); }
    [[nodiscard]] std::string warning(const std::string& text) const { return wrap("31", text); }
    [[nodiscard]] std::string accent(const std::string& text) const { return wrap("36", text); }

private:
    [[nodiscard]] std::string wrap(const char* code, const std::string& text) const {
        return colour == Colour::none ? text : "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
    }
};

// The plainest way in: http, then a Unix socket, then https.
std::string best_url(const std::vector<std::string>& urls) {
    for (const std::string_view scheme : {"http://", "unix:", "https://"}) {
        for (const auto& url : urls) {
            if (url.starts_with(scheme)) return reachable_url(url);
        }
    }
    return {};
}

struct ExampleRequest {
    std::string path, body;
    bool has_version = false;  // Anthropic's header
};

ExampleRequest example_of(const BannerFacts& f, std::string_view stream) {
    const std::string model = "\"model\":\"" + f.model + "\"";
    const std::string hello = "[{\"role\":\"user\",\"content\":\"Hello\"}]}";
    switch (f.family) {
        case Family::anthropic:
            return {"/v1/messages",
                    "{" + model + ",\"max_tokens\":256" + std::string(stream) + ",\"messages\":" + hello, true};
        case Family::openai:
            return {"/v1/chat/completions", "{" + model + std::string(stream) + ",\"messages\":" + hello};
        case Family::gemini: break;
    }
    return {"/v1beta/models/" + f.model + (stream.empty() ? ":generateContent" : ":streamGenerateContent?alt=sse"),
            "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hello\"}]}]}"};
}

std::string curl_line(const BannerFacts& f) {
    std::string url = best_url(f.urls);
    std::string line = "curl -N ";
    const auto word = [&f](const std::string& text) { return shell_word(text, f.style); };
    if (url.starts_with("unix:")) {
        line += "--unix-socket " + word(url.substr(5)) + " ";
        url = "http://localhost";
    } else if (url.starts_with("https://") && !f.certificate.empty()) {
        line += "--cacert " + word(f.certificate) + " ";
    }
    const ExampleRequest example = example_of(f, ",\"stream\":true");
    line += word(url + example.path);
    if (f.needs_key && !f.key_file.empty())
        line += " -H \"x-api-key: $(cat " + word(f.key_file) + ")\"";
    else if (f.needs_key)
        line += f.new_key.empty() ? " -H \"x-api-key: $LURUS_KEY\"" : " -H 'x-api-key: " + f.new_key + "'";
    if (example.has_version) line += " -H 'anthropic-version: 2023-06-01'";
    return line + " -H 'content-type: application/json' -d '" + example.body + "'";
}

// Windows PowerShell takes the quotes out of what it hands to curl, and calls something else by that name.
std::string powershell_line(const BannerFacts& f) {
    const ExampleRequest example = example_of(f, {});
    std::string headers;
    if (f.needs_key)
        headers += "'x-api-key'=" + (!f.key_file.empty() ? "(Get-Content " + shell_word(f.key_file, f.style) + ")"
                                     : f.new_key.empty() ? std::string("$env:LURUS_KEY")
                                                         : "'" + f.new_key + "'");
    if (example.has_version) headers += (headers.empty() ? "" : "; ") + std::string("'anthropic-version'='2023-06-01'");
    return "Invoke-RestMethod " + best_url(f.urls) + example.path + " -Method Post -ContentType application/json" +
           (headers.empty() ? "" : " -Headers @{" + headers + "}") + " -Body '" + example.body + "'";
}

}  // namespace

void choose_example(const Catalog& catalog, BannerFacts& facts) {
    for (const Family family : {Family::anthropic, Family::openai, Family::gemini}) {
        for (const auto& model : catalog.models(family)) {
            if (model.id.find_first_of("*?\"'\\") != std::string::npos) continue;
            facts.family = family;
            facts.model = model.id;
            return;
        }
    }
}

std::string banner(const BannerFacts& f, Colour colour) {
    const Paint paint{colour};
    std::string out = "\n" + paint.bold("Lurus Switch " + f.version) + " is ready on ";
    for (std::size_t i = 0; i < f.urls.size(); ++i) out += (i == 0 ? "" : ", ") + paint.accent(f.urls[i]);
    out += "\n" + paint.dim("data " + f.data_dir + (f.config_file.empty() ? "" : ", configuration " + f.config_file)) +
           "\n\n";
    if (!f.problem.empty()) out += "  " + paint.warning("Warning: " + f.problem) + "\n\n";
    const auto command = [&](const std::string& text) { return f.program + " " + text + f.options; };
    const auto row = [&](const std::string& what, const std::string& how) {
        std::string label = "  " + what;
        label.resize(std::max<std::size_t>(label.size() + 1, 24), ' ');
        out += label + how + "\n";
    };
    if (!f.key_file.empty()) {
        row("Your key", "is in " + paint.accent(f.key_file));
        row("", paint.dim("only its owner can read it; remove the file when you have it; make another with: " +
                          command("key create --name NAME")));
    } else if (!f.new_key.empty()) {
        row("Your key", paint.accent(f.new_key));
        row("", paint.dim("shown this once; make another with: " + command("key create --name NAME")));
    } else if (f.needs_key) {
        row("Make a key", command("key create --name NAME"));
    }
    if (!f.model.empty()) {
        out += "  Try it:\n    " + (f.style == platform::HomeStyle::windows ? powershell_line(f) : curl_line(f)) + "\n";
        if (f.demo_only) row("", paint.dim("the built-in demo answers; no vendor is asked"));
    }
    row("Connect a client", command("connect claude") + paint.dim("   (or codex, gemini; --undo takes it back)"));
    row("Add a provider", command("provider add anthropic --kind anthropic --api-key-env ANTHROPIC_API_KEY"));
    row("See requests, cost", command("logs -f") + paint.dim("   and   ") + command("usage"));
    if (!f.owner_link.empty()) row("For a team", paint.dim("own it: " + f.owner_link + "   (once, today)"));
    if (!f.owner_file.empty())
        row("For a team", paint.dim("own it: the link is in " + f.owner_file + "   (once, today)"));
    return out + "\n";
}

}  // namespace lurus::app
