#include "control/state/backup.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/state/main_database.hpp"
#include "core/crypto/passphrase_box.hpp"
#include "core/db/migrations.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/sealed_text.hpp"
#include "core/os/server_file.hpp"
#include "core/os/version.hpp"

namespace lurus::control {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view sealed_files[] = {"master.key", token_file_name};
constexpr std::string_view manifest_note = "manifest", keys_note = "keys", salt_note = "salt";
constexpr std::string_view keys_bound_to = "keys of a lurus backup";
// The claims in lurus.db before the records in log.db: what is booked in between is booked once.
constexpr const char* databases[] = {"lurus.db", "kept.db", "log.db"};

bool stands_at(const fs::path& file) {
    std::error_code ignored;
    return fs::exists(file, ignored);
}

struct Moment {
    std::string name;
    std::unique_ptr<DatabaseMoment> database;
};

Result<std::vector<Moment>> moments_of(const fs::path& data_dir) {
    if (auto ok = check_not_lost(data_dir); !ok) return std::unexpected(ok.error());
    std::vector<Moment> out;
    for (const std::string name : databases) {
        if (!stands_at(data_dir / name)) continue;
        auto opened = DatabaseMoment::open(data_dir / name);
        if (!opened) return std::unexpected(opened.error());
        out.push_back({name, *std::move(opened)});
    }
    if (out.empty() || out.front().name != databases[0])
        return fail(ErrorCode::not_found, data_dir.string() + " holds no lurus.db: is --data-dir right?");
    return out;
}

Result<void> add_keys(BackupWriter& backup, const BackupWanted& wanted) {
    Json keys = Json::object();
    if (!wanted.master_key.empty()) keys["master.key"] = wanted.master_key.reveal();
    for (const std::string_view file : sealed_files) {
        const std::string name(file);
        if (keys.contains(name) || !stands_at(wanted.data_dir / name)) continue;
        auto text = read_file(wanted.data_dir / name, 4096);
        if (!text) return std::unexpected(text.error());
        // What this machine has sealed no other one opens.
        const auto plain = name == "master.key" ? platform::unseal_text(*text) : *text;
        if (!plain) return std::unexpected(plain.error());
        keys[name] = *plain;
    }
    const auto salt = random_hex(16);
    if (!salt) return std::unexpected(salt.error());
    const auto box = passphrase_box(*wanted.passphrase, *salt);
    if (!box) return std::unexpected(box.error());
    const Secret plain(keys.dump());
    const auto sealed = box->seal(plain.reveal(), keys_bound_to);
    if (!sealed) return std::unexpected(sealed.error());
    if (auto done = backup.add_note(salt_note, *salt); !done) return done;
    return backup.add_note(keys_note, *sealed);
}

Result<BackupManifest> write_backup(BackupWriter& backup, const BackupWanted& wanted, const Clock& clock,
                                    const BackupProgress& progress) {
    BackupManifest manifest;
    manifest.version = version();
    manifest.time = clock.now();
    manifest.with_keys = wanted.passphrase.has_value();
    auto id = master_key_id(wanted.data_dir, wanted.master_key);
    if (!id) return std::unexpected(id.error());
    manifest.master_key = *std::move(id);
    auto moments = moments_of(wanted.data_dir);
    if (!moments) return std::unexpected(moments.error());
    for (const auto& [name, database] : *moments) {
        if (auto ok = database->check(); !ok) return std::unexpected(ok.error());
        auto added = backup.add(name, *database, [&](std::uint64_t done, std::uint64_t all) {
            if (progress) progress(name, done, all);
        });
        if (!added) return std::unexpected(added.error());
        if (name == "log.db") manifest.node = database->text("SELECT id FROM node").value_or("");
        manifest.files.push_back({*std::move(added), database->schema()});
    }
    if (wanted.passphrase) {
        if (auto done = add_keys(backup, wanted); !done) return std::unexpected(done.error());
    }
    if (auto done = backup.add_note(manifest_note, manifest.json()); !done) return std::unexpected(done.error());
    if (auto done = backup.finish(); !done) return std::unexpected(done.error());
    return manifest;
}

}  // namespace

std::string BackupManifest::json() const {
    Json body{{"version", version}, {"time", format_time(time)}, {"node", node}};
    body["files"] = Json::array();
    for (const auto& part : files)
        body["files"].push_back({{"name", part.file.name},
                                 {"bytes", part.file.size},
                                 {"sha256", part.file.sha256},
                                 {"schema", part.schema}});
    body["master_key_id"] = master_key.empty() ? Json(nullptr) : Json(master_key);
    body["with_keys"] = with_keys;
    return body.dump();
}

Result<BackupManifest> BackupManifest::parse(const std::string& text) {
    try {
        const auto body = Json::parse(text);
        BackupManifest out;
        out.version = body.at("version").get<std::string>();
        out.time = parse_time(body.at("time").get<std::string>()).value_or(0);
        out.node = body.at("node").get<std::string>();
        for (const auto& file : body.at("files"))
            out.files.push_back({{file.at("name").get<std::string>(), file.at("bytes").get<std::uint64_t>(),
                                  file.at("sha256").get<std::string>()},
                                 file.at("schema").get<std::map<std::string, int>>()});
        if (const auto& id = body.at("master_key_id"); id.is_string()) out.master_key = id.get<std::string>();
        out.with_keys = body.at("with_keys").get<bool>();
        return out;
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorCode::corrupt, "the backup's manifest cannot be read");
    }
}

Result<std::string> master_key_id(const fs::path& data_dir, const Secret& given) {
    // One that is not there is not made.
    if (given.empty() && !stands_at(data_dir / "master.key")) return std::string();
    const auto box = given.empty() ? SecretBox::from_file(data_dir) : SecretBox::from_text(given);
    if (!box) return std::unexpected(box.error());
    return key_id_of(*box);
}

Result<BackupManifest> make_backup(const BackupWanted& wanted, const Clock& clock, const BackupProgress& progress) {
    if (stands_at(wanted.file) && !wanted.replace)
        return fail(ErrorCode::conflict, wanted.file.string() + " is there already: give another name, or --replace");
    const auto suffix = random_hex(6);
    if (!suffix) return std::unexpected(suffix.error());
    fs::path unfinished = wanted.file;
    unfinished += ".new-" + *suffix;
    auto writer = BackupWriter::create(unfinished);
    if (!writer) return std::unexpected(writer.error());
    auto done = write_backup(**writer, wanted, clock, progress);
    writer->reset();
    std::error_code error;
    if (done) error = platform::rename_over(unfinished, wanted.file);
    if (done && error)
        done = fail(ErrorCode::unavailable, "cannot make " + wanted.file.string() + ": " + error.message());
    if (!done) fs::remove(unfinished, error);
    if (done) platform::sync_dir(wanted.file.has_parent_path() ? wanted.file.parent_path() : fs::path("."));
    return done;
}

Result<BackupManifest> manifest_of(BackupReader& backup) {
    const auto text = backup.note(manifest_note);
    if (!text) return std::unexpected(text.error());
    auto manifest = BackupManifest::parse(*text);
    if (!manifest) return manifest;
    for (const auto& part : manifest->files) {
        if (std::ranges::find(databases, part.file.name) == std::end(databases))
            return fail(ErrorCode::corrupt,
                        "the backup holds `" + part.file.name + "`, which this lurus does not know");
        for (const auto& [set, number] : part.schema) {
            if (number > newest_migration(set))
                return fail(ErrorCode::invalid_argument, "the backup was made by lurus " + manifest->version +
                                                             ", whose data this version does not know: use that one");
        }
    }
    return manifest;
}

Result<std::map<std::string, Secret>> keys_of_backup(BackupReader& backup, const Secret& passphrase) {
    const auto salt = backup.note(salt_note), sealed = backup.note(keys_note);
    if (!salt) return std::unexpected(salt.error());
    if (!sealed) return std::unexpected(sealed.error());
    const auto box = passphrase_box(passphrase, *salt);
    if (!box) return std::unexpected(box.error());
    const auto plain = box->open(*sealed, keys_bound_to);
    if (!plain && plain.error().code == ErrorCode::permission_denied)
        return fail(ErrorCode::permission_denied, "the backup's keys were sealed under another pass phrase");
    if (!plain) return std::unexpected(plain.error());
    std::map<std::string, Secret> keys;
    const Json held = Json::parse(plain->reveal(), nullptr, false);
    if (!held.is_object()) return fail(ErrorCode::corrupt, "the backup's keys cannot be read");
    for (const auto& [name, text] : held.items()) {
        if (text.is_string()) keys.emplace(name, Secret(text.get<std::string>()));
    }
    return keys;
}

Result<BackupManifest> verify_backup(const fs::path& file, const std::optional<Secret>& passphrase,
                                     const BackupProgress& progress) {
    auto backup = BackupReader::open(file);
    if (!backup) return std::unexpected(backup.error());
    auto manifest = manifest_of(**backup);
    if (!manifest) return manifest;
    for (const auto& part : manifest->files) {
        const auto found = (*backup)->read(
            part.file.name, [](std::string_view) { return Result<void>(); },
            [&](std::uint64_t done, std::uint64_t all) {
                if (progress) progress(part.file.name, done, all);
            });
        if (!found) return std::unexpected(found.error());
        if (found->sha256 != part.file.sha256 || found->size != part.file.size)
            return fail(ErrorCode::corrupt, file.string() + " is not a whole backup (" + part.file.name + ")");
    }
    if (manifest->with_keys && passphrase) {
        if (const auto keys = keys_of_backup(**backup, *passphrase); !keys) return std::unexpected(keys.error());
    }
    return manifest;
}

}  // namespace lurus::control
