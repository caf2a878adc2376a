// `lurus backup` and `lurus restore`.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <cstdlib>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "control/state/backup.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

constexpr const char* passphrase_variable = "LURUS_BACKUP_PASSPHRASE";

struct BackupOptions {
    std::string file, passphrase_file;
    bool with_keys = false, replace = false, verify = false;
};

std::uint64_t total_bytes(const control::BackupManifest& manifest) {
    std::uint64_t sum = 0;
    for (const auto& part : manifest.files) sum += part.file.size;
    return sum;
}

/// On a terminal only, on a line of its own that goes again.
class Progress {
public:
    explicit Progress(Cli& cli) : cli_(cli), shown_(!cli.json && stdout_is_terminal()) {}
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    void operator()(const std::string& name, std::uint64_t done, std::uint64_t all) {
        if (!shown_ || all == 0) return;
        std::string text = fmt::format("{} {}% of {}", name, done * 100 / all, format_bytes(std::int64_t(all)));
        if (text == last_) return;
        clear();
        cli_.err << text << std::flush;
        last_ = std::move(text);
    }
    void clear() {
        if (!last_.empty()) cli_.err << '\r' << std::string(last_.size(), ' ') << '\r' << std::flush;
        last_.clear();
    }

private:
    Cli& cli_;
    const bool shown_;
    std::string last_;
};

/// From the file, the variable, or typed in where it is asked for; none is no error.
Result<std::optional<Secret>> passphrase_of(const BackupOptions& options, bool ask) {
    std::string text;
    if (!options.passphrase_file.empty()) {
        auto read = read_file(options.passphrase_file, 4096);
        if (!read) return std::unexpected(read.error());
        text = *std::move(read);
        while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
        if (text.empty()) return fail(ErrorCode::invalid_argument, options.passphrase_file + " is empty");
    } else if (auto given = platform::variable(passphrase_variable); given && !given->empty()) {
        text = *std::move(given);
    } else if (ask && stdin_is_terminal()) {
        auto typed = read_secret("Pass phrase for the keys: ");
        if (!typed) return std::unexpected(typed.error());
        text = *std::move(typed);
    } else if (ask) {
        return fail(
            ErrorCode::invalid_argument,
            std::string("the keys need a pass phrase: give --passphrase-file FILE or set ") + passphrase_variable);
    } else {
        return std::optional<Secret>();
    }
    return std::optional<Secret>(Secret(std::move(text)));
}

Outcome<control::BackupWanted> wanted_by(Cli& cli, const BackupOptions& options, bool ask) {
    if (!platform::variable("LURUS_URL").value_or("").empty())
        return std::unexpected(
            Failure{exit_usage, "backups are made of a data folder on this machine: run it there, without LURUS_URL"});
    const auto settings = cli.config();
    if (!settings) return std::unexpected(settings.error());
    auto passphrase = passphrase_of(options, ask);
    if (!passphrase) return std::unexpected(failure_of(passphrase.error()));
    control::BackupWanted wanted;
    wanted.data_dir = (*settings)->data_dir;
    wanted.file = options.file;
    wanted.replace = options.replace;
    wanted.passphrase = *std::move(passphrase);
    wanted.master_key = (*settings)->master_key;
    return wanted;
}

std::string what_is_in(const control::BackupManifest& manifest) {
    return fmt::format("{} of {}, by lurus {}", format_bytes(std::int64_t(total_bytes(manifest))),
                       format_time(manifest.time), manifest.version);
}

int run_backup(Cli& cli, const BackupOptions& options) {
    const auto wanted = wanted_by(cli, options, options.with_keys);
    if (!wanted) return cli.report(wanted.error());
    control::BackupWanted with = *wanted;
    if (!options.with_keys) with.passphrase.reset();
    Progress progress(cli);
    const auto done = control::make_backup(with, cli.clock, std::ref(progress));
    progress.clear();
    if (!done) return cli.report(failure_of(done.error()));
    std::error_code unknown;
    const auto size = std::filesystem::file_size(options.file, unknown);
    if (cli.json) {
        Json body = Json::parse(done->json());
        body["file"] = options.file;
        body["file_bytes"] = unknown ? Json(nullptr) : Json(size);
        cli.print_json(body);
        return exit_ok;
    }
    cli.out << printable(options.file) << " holds " << what_is_in(*done);
    if (!unknown) cli.out << ", in " << format_bytes(std::int64_t(size));
    cli.out << ".\n";
    if (!done->with_keys && !done->master_key.empty())
        cli.out << "The master key (" << done->master_key
                << ") is not in it: keep it elsewhere, or give --with-keys.\n";
    return exit_ok;
}

int verify_only(Cli& cli, const BackupOptions& options) {
    const auto passphrase = passphrase_of(options, false);
    if (!passphrase) return cli.report(failure_of(passphrase.error()));
    Progress progress(cli);
    const auto found = control::verify_backup(options.file, *passphrase, std::ref(progress));
    progress.clear();
    if (!found) return cli.report(failure_of(found.error()));
    if (cli.json)
        cli.print_json(Json::parse(found->json()));
    else
        cli.out << printable(options.file) << " is whole: " << what_is_in(*found) << ".\n";
    return exit_ok;
}

int run_restore(Cli& cli, const BackupOptions& options) {
    if (options.verify) return verify_only(cli, options);
    const auto wanted = wanted_by(cli, options, false);
    if (!wanted) return cli.report(wanted.error());
    Progress progress(cli);
    const auto done = control::restore_backup(*wanted, cli.clock, std::ref(progress));
    progress.clear();
    if (!done) return cli.report(failure_of(done.error()));
    const std::string dir = wanted->data_dir.string();
    if (cli.json) {
        Json body = Json::parse(done->manifest.json());
        body["data_dir"] = dir;
        body["moved_to"] = done->moved_to.empty() ? Json(nullptr) : Json(done->moved_to.string());
        body["needs_master_key"] = done->needs_master_key;
        cli.print_json(body);
    } else {
        cli.out << printable(dir) << " is restored: " << what_is_in(done->manifest) << ".\n";
        if (!done->moved_to.empty())
            cli.out << "What was there before is in " << printable(done->moved_to.string()) << ".\n";
    }
    if (done->needs_master_key)
        cli.err << "lurus: before the start put the master key " << done->manifest.master_key << " into "
                << printable(dir)
                << "/master.key (mode 0600) or LURUS_MASTER_KEY: without it stored secrets are lost\n";
    return exit_ok;
}

CLI::App* add_command(CLI::App& app, Cli& cli, BackupOptions& options, const char* name, const char* description) {
    CLI::App* command = app.add_subcommand(name, description);
    takes_file(cli, command->add_option("file", options.file, "The backup")->required()->type_name("FILE"));
    takes_file(cli,
               command
                   ->add_option("--passphrase-file", options.passphrase_file,
                                std::string("The pass phrase of the keys in it (also: ") + passphrase_variable + ")")
                   ->type_name("FILE"));
    return command;
}

}  // namespace

void add_backup_commands(CLI::App& app, Cli& cli) {
    auto made = std::make_shared<BackupOptions>(), taken = std::make_shared<BackupOptions>();
    CLI::App* backup = add_command(app, cli, *made, "backup", "Everything stored, in one file, while the server runs");
    backup->add_flag("--with-keys", made->with_keys, "Also the master key and the admin token, under a pass phrase");
    backup->add_flag("--replace", made->replace, "Take the place of a file of that name");
    backup->footer(
        "Examples:\n"
        "  lurus backup lurus-$(date +%F).backup\n"
        "  lurus backup /mnt/safe/lurus.backup --replace --with-keys --passphrase-file /etc/lurus/passphrase\n"
        "The configuration file is not in it, nor, without --with-keys, master.key.");
    backup->callback([&cli, made] { cli.run = [&cli, made] { return run_backup(cli, *made); }; });

    CLI::App* restore = add_command(app, cli, *taken, "restore", "Take a backup back into an empty data folder");
    restore->add_flag("--replace", taken->replace, "Move aside what is in the folder");
    restore->add_flag("--verify", taken->verify, "Only check that the backup is whole");
    restore->footer(
        "Examples:\n"
        "  lurus restore lurus.backup --verify\n"
        "  lurus restore lurus.backup --data-dir /var/lib/lurus\n"
        "  lurus restore lurus.backup --replace");
    restore->callback([&cli, taken] { cli.run = [&cli, taken] { return run_restore(cli, *taken); }; });
}

}  // namespace lurus::cli
