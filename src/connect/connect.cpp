#include "connect/connect.hpp"

#include <system_error>

#include "core/crypto/sha256.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"

namespace lurus::connect {
namespace {

namespace fs = std::filesystem;

Error in_file(const fs::path& path, const Error& error) {
    return Error(error.code, path.string() + ": " + error.message);
}

std::string format_name(const SettingsFormat* format) {
    return format == &json_settings() ? "json" : format == &toml_settings() ? "toml" : "env";
}

const SettingsFormat& format_from(std::string_view name) {
    return name == "toml" ? toml_settings() : name == "env" ? env_settings() : json_settings();
}

const SavedFile* earlier_file(const Connection* earlier, const fs::path& path) {
    if (earlier == nullptr) return nullptr;
    for (const auto& file : earlier->files) {
        if (file.path == path) return &file;
    }
    return nullptr;
}

/// Empty when there is no such file.
Result<std::optional<std::string>> read_if_there(const fs::path& path) {
    auto text = read_file(path);
    if (text) return std::optional(std::move(*text));
    if (text.error().code == ErrorCode::not_found) return std::optional<std::string>();
    return std::unexpected(text.error());
}

/// The text with our settings put back to what they were; those that are no longer ours stay and are named in `left`.
Result<std::string> strip(const SavedFile& saved, std::string text, std::vector<std::string>& left) {
    const SettingsFormat& format = format_from(saved.format);
    for (auto it = saved.settings.rbegin(); it != saved.settings.rend(); ++it) {
        auto now = format.get(text, it->path);
        if (!now) return std::unexpected(now.error());
        if (*now != it->after) {
            if (*now != it->before) left.push_back(dotted(it->path));
            continue;
        }
        if (it->after == it->before) continue;
        auto next = it->before ? format.set(text, it->path, *it->before) : format.remove(text, it->path, it->depth);
        if (!next) return std::unexpected(next.error());
        text = std::move(*next);
    }
    return text;
}

std::vector<fs::path> missing_folders(const fs::path& file) {
    std::vector<fs::path> out;
    std::error_code ec;
    for (fs::path dir = resolve_links(file).parent_path(); !dir.empty() && !fs::exists(dir, ec);
         dir = dir.parent_path())
        out.insert(out.begin(), dir);
    return out;
}

std::optional<std::string> shown(const SettingsFormat& format, const std::optional<std::string>& raw, bool secret) {
    if (!raw) return std::nullopt;
    std::string value = format.unquote(*raw);
    return secret ? mask_secret(value) : value;
}

/// The state before the first connect: from the earlier one, where nobody changed the file since; else reconstructed.
Result<SavedFile> baseline(const SettingsFile& wanted, const SavedFile* earlier,
                           const std::optional<std::string>& now) {
    SavedFile saved;
    saved.path = wanted.path;
    saved.format = format_name(wanted.format);
    saved.existed = now.has_value();
    saved.before = now.value_or("");
    if (earlier == nullptr) {
        saved.made_folders = missing_folders(wanted.path);
        return saved;
    }
    saved.made_folders = earlier->made_folders;
    if (!now || sha256_hex(*now) == earlier->after_sha256) {
        saved.existed = earlier->existed;
        saved.before = earlier->before;
        return saved;
    }
    std::vector<std::string> left;
    auto stripped = strip(*earlier, *now, left);
    if (!stripped) return std::unexpected(stripped.error());
    saved.before = std::move(*stripped);
    if (!earlier->existed && wanted.format->is_blank(saved.before)) saved.existed = false;
    return saved;
}

Result<PlannedFile> plan_file(const SettingsFile& wanted, const SavedFile* earlier, std::vector<Change>& changes) {
    auto now = read_if_there(wanted.path);
    if (!now) return std::unexpected(now.error());
    const SettingsFormat& format = *wanted.format;
    if (auto valid = format.check(now->value_or("")); !valid)
        return std::unexpected(in_file(wanted.path, valid.error()));
    auto saved = baseline(wanted, earlier, *now);
    if (!saved) return std::unexpected(in_file(wanted.path, saved.error()));

    PlannedFile out;
    out.saved = std::move(*saved);
    out.bytes = now->value_or("");
    for (const auto& setting : wanted.settings) {
        auto before = format.get(out.saved.before, setting.path);
        auto depth = format.depth(out.saved.before, setting.path);
        auto present = format.get(out.bytes, setting.path);
        if (!before) return std::unexpected(in_file(wanted.path, before.error()));
        if (!depth) return std::unexpected(in_file(wanted.path, depth.error()));
        if (!present) return std::unexpected(in_file(wanted.path, present.error()));
        std::optional<std::string> raw;
        if (setting.value) raw = format.quote(*setting.value);
        // A value that says the same in other quotes is left as it is.
        if (raw && *present && format.unquote(**present) == *setting.value) raw = *present;
        out.saved.settings.push_back({setting.path, *before, raw, *depth});
        if (*present == raw) continue;
        auto next = raw ? format.set(out.bytes, setting.path, *raw)
                        : format.remove(out.bytes, setting.path, setting.path.size());
        if (!next) return std::unexpected(in_file(wanted.path, next.error()));
        out.bytes = std::move(*next);
        changes.push_back({wanted.path, dotted(setting.path), shown(format, *present, setting.secret),
                           shown(format, raw, setting.secret)});
    }
    out.differs = !*now || out.bytes != **now;
    out.saved.after_sha256 = sha256_hex(out.bytes);
    return out;
}

Result<Undone> undo_file(const SavedFile& saved) {
    Undone out{saved.path};
    auto now = read_if_there(saved.path);
    if (!now) return std::unexpected(now.error());
    if (!*now && !saved.existed) return out;
    std::string target;
    if (!*now || sha256_hex(**now) == saved.after_sha256) {
        target = saved.before;
        out.how = saved.existed ? Undone::How::restored : Undone::How::removed;
    } else {
        auto stripped = strip(saved, **now, out.left);
        if (!stripped) return std::unexpected(in_file(saved.path, stripped.error()));
        target = std::move(*stripped);
        bool nothing_left = !saved.existed && out.left.empty() && format_from(saved.format).is_blank(target);
        out.how = nothing_left ? Undone::How::removed : target == **now ? Undone::How::untouched : Undone::How::edited;
        if (saved.existed && target == saved.before)
            out.how = target == **now ? Undone::How::untouched : Undone::How::restored;
    }
    if (out.how == Undone::How::untouched) return out;
    if (out.how != Undone::How::removed) {
        if (auto written = replace_file(saved.path, target); !written) return std::unexpected(written.error());
        return out;
    }
    std::error_code ec;
    if (!fs::remove(resolve_links(saved.path), ec) && ec) {
        return fail(ErrorCode::unavailable, saved.path.string() + ": cannot be removed: " + ec.message());
    }
    for (auto dir = saved.made_folders.rbegin(); dir != saved.made_folders.rend(); ++dir)
        fs::remove(*dir, ec);  // only when empty
    return out;
}

}  // namespace

Result<Plan> plan_connect(const std::vector<SettingsFile>& files, const Connection* earlier) {
    Plan plan;
    for (const auto& file : files) {
        auto planned = plan_file(file, earlier_file(earlier, file.path), plan.changes);
        if (!planned) return std::unexpected(planned.error());
        plan.files.push_back(std::move(*planned));
    }
    return plan;
}

Result<void> apply_plan(const Plan& plan) {
    for (const auto& file : plan.files) {
        if (!file.differs) continue;
        if (auto written = replace_file(file.saved.path, file.bytes); !written) return written;
    }
    return {};
}

Result<std::vector<Undone>> undo_connection(const Connection& connection) {
    std::vector<Undone> out;
    for (const auto& file : connection.files) {
        auto undone = undo_file(file);
        if (!undone) return std::unexpected(undone.error());
        out.push_back(std::move(*undone));
    }
    return out;
}

fs::path resolve_links(fs::path path) {
    std::error_code ec;
    for (int hops = 0; hops < 40 && fs::is_symlink(path, ec); ++hops) {
        fs::path target = fs::read_symlink(path, ec);
        if (ec) break;
        path = target.is_absolute() ? target : path.parent_path() / target;
    }
    return path;
}

Result<void> replace_file(const fs::path& named, std::string_view bytes) {
    fs::path path = resolve_links(named);
    if (auto made = make_private_dir(path.parent_path()); !made) return made;
    auto suffix = random_hex(6);
    if (!suffix) return std::unexpected(suffix.error());
    fs::path temporary = path;
    temporary += ".lurus-" + *suffix;
    std::error_code ec;
    fs::perms mode = fs::perms::owner_read | fs::perms::owner_write;
    if (auto status = fs::status(path, ec); !ec && fs::exists(status)) mode = status.permissions();
    ec.clear();
    auto written = platform::write_new_private_file(temporary, bytes);
    if (written) fs::permissions(temporary, mode, ec);
    if (written && !ec) fs::rename(temporary, path, ec);
    if (!written || ec) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        if (!written) return written;
        return fail(ErrorCode::unavailable, named.string() + ": cannot be replaced: " + ec.message());
    }
    platform::sync_dir(path.parent_path());
    return {};
}

std::string mask_secret(std::string_view secret) {
    if (secret.size() < 16) return "…";
    return std::string(secret.substr(0, 4)) + "…" + std::string(secret.substr(secret.size() - 4));
}

}  // namespace lurus::connect
