#include "connect/connect.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

#include "core/crypto/sha256.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/files.hpp"

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

/// A settings file while it is worked with, in the name of whoever owns the way to it.
class Place {
public:
    explicit Place(const fs::path& named) : way_(named), file_(resolve_links(named)) {
        // A link of root's own may lead into somebody's folder.
        if (platform::acting_user() == 0) target_.emplace(file_);
    }
    [[nodiscard]] const fs::path& file() const { return file_; }

private:
    platform::ActAsOwner way_;
    fs::path file_;
    std::optional<platform::ActAsOwner> target_;
};

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
    const Place place(wanted.path);
    auto now = read_if_there(place.file());
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
    if (out.differs) {
        if (auto ok = platform::check_replaceable(place.file()); !ok) return std::unexpected(ok.error());
    }
    out.holds_key = std::ranges::any_of(wanted.settings, [](const Setting& s) { return s.secret && s.value; });
    out.saved.after_sha256 = sha256_hex(out.bytes);
    return out;
}

struct UndoneFile {
    Undone undone;
    std::string target;  // what it shall hold
};

Result<UndoneFile> plan_undo(const SavedFile& saved) {
    const Place place(saved.path);
    UndoneFile out{{saved.path}, {}};
    Undone::How& how = out.undone.how;
    auto now = read_if_there(place.file());
    if (!now) return std::unexpected(now.error());
    if (!*now && !saved.existed) return out;
    if (!*now || sha256_hex(**now) == saved.after_sha256) {
        out.target = saved.before;
        how = saved.existed ? Undone::How::restored : Undone::How::removed;
    } else {
        auto stripped = strip(saved, **now, out.undone.left);
        if (!stripped) return std::unexpected(in_file(saved.path, stripped.error()));
        out.target = std::move(*stripped);
        bool nothing_left = !saved.existed && out.undone.left.empty() && format_from(saved.format).is_blank(out.target);
        how = nothing_left ? Undone::How::removed : out.target == **now ? Undone::How::untouched : Undone::How::edited;
        if (saved.existed && out.target == saved.before)
            how = out.target == **now ? Undone::How::untouched : Undone::How::restored;
    }
    if (how == Undone::How::untouched) return out;
    if (auto ok = platform::check_replaceable(place.file()); !ok) return std::unexpected(ok.error());
    return out;
}

Result<void> undo_file(const SavedFile& saved, const UndoneFile& plan, const fs::path& data_dir) {
    const Place place(saved.path);
    if (plan.undone.how == Undone::How::untouched) return {};
    if (plan.undone.how != Undone::How::removed)
        return platform::replace_file(place.file(), plan.target, state_folder(data_dir));
    std::error_code ec;
    if (!fs::remove(place.file(), ec) && ec) {
        return fail(ErrorCode::unavailable, saved.path.string() + ": cannot be removed: " + ec.message());
    }
    for (auto dir = saved.made_folders.rbegin(); dir != saved.made_folders.rend(); ++dir)
        fs::remove(*dir, ec);  // only when empty
    return {};
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

Result<void> apply_plan(const Plan& plan, const fs::path& data_dir) {
    for (const auto& file : plan.files) {
        if (!file.differs) continue;
        const Place place(file.saved.path);
        if (auto written = platform::replace_file(place.file(), file.bytes, state_folder(data_dir)); !written)
            return written;
    }
    return {};
}

Result<void> mend_files(const std::vector<fs::path>& files, const fs::path& data_dir) {
    for (const auto& file : files) {
        const Place place(file);
        if (auto done = platform::mend_file(place.file(), state_folder(data_dir)); !done) return done;
    }
    return {};
}

Result<std::vector<Undone>> undo_connection(const Connection& connection, const fs::path& data_dir) {
    std::vector<UndoneFile> plans;
    for (const auto& file : connection.files) {
        auto plan = plan_undo(file);
        if (!plan) return std::unexpected(plan.error());
        plans.push_back(std::move(*plan));
    }
    std::vector<Undone> out;
    for (std::size_t i = 0; i < plans.size(); ++i) {
        if (auto done = undo_file(connection.files[i], plans[i], data_dir); !done) return std::unexpected(done.error());
        out.push_back(std::move(plans[i].undone));
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

std::string mask_secret(std::string_view secret) {
    if (secret.size() < 16) return "…";
    return std::string(secret.substr(0, 4)) + "…" + std::string(secret.substr(secret.size() - 4));
}

}  // namespace lurus::connect
