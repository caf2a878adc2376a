#include "modules/identity/keys/configured_keys.hpp"

#include <algorithm>

#include "lurus/ids.hpp"
#include "modules/identity/keys/key_rules.hpp"
#include "modules/identity/keys/key_text.hpp"

namespace lurus::identity {
namespace {

// The id of a configured key is the same in every process and after every reload.
std::string configured_id(std::string_view name) {
    Id id;
    const Sha256 hash = hash_of("configured key: " + std::string(name));
    std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
    return id.hex();
}

}  // namespace

Result<std::vector<KeyInfo>> infos_of(const std::vector<ConfiguredKey>& keys, std::string_view prefix, UnixMicros now) {
    std::vector<KeyInfo> infos;
    for (const auto& key : keys) {
        const ErrorSubject subject("key", key.name);
        if (auto ok = check_name(key.name); !ok) {
            return fail(ErrorCode::invalid_argument, "key `" + key.name + "`: " + ok.error().message, subject);
        }
        if (auto ok = check_configured_value(key.name, key.value); !ok)
            return std::unexpected(about(ok.error(), subject.kind, subject.name));
        for (const auto& ok : {check_models(key.models), check_rules(key.rules)}) {
            if (!ok) return fail(ErrorCode::invalid_argument, "key `" + key.name + "`: " + ok.error().message, subject);
        }
        KeyInfo info;
        info.id = configured_id(key.name);
        info.name = key.name;
        info.hint = hint_of(key.value.reveal(), prefix);
        info.note = key.note;
        info.source = "config";
        info.created = now;
        info.expires = key.expires;
        info.disabled = key.disabled;
        info.models = key.models;
        info.families = key.families;
        info.rules = key.rules;
        info.hash = hash_of(key.value.reveal());
        for (const auto& other : infos) {
            if (other.name == info.name) {
                return fail(ErrorCode::conflict,
                            "two keys in the configuration are named `" + info.name + "`; rename one", subject);
            }
            if (other.hash == info.hash) {
                return fail(
                    ErrorCode::conflict,
                    "keys `" + other.name + "` and `" + info.name + "` in the configuration have the same value",
                    subject);
            }
        }
        infos.push_back(std::move(info));
    }
    return infos;
}

}  // namespace lurus::identity
