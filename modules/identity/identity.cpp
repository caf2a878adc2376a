#include "lurus/identity.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <optional>

#include "modules/identity/keys/key_text.hpp"
#include "modules/identity/keys/keys.hpp"
#include "modules/identity/people/directory.hpp"
#include "modules/identity/routes.hpp"

namespace lurus {
namespace identity {
namespace {

/// Keys and people, each told of the other's changes.
class Module final : public Identity {
public:
    Module(const IdentitySettings& settings, KeyStore& keys, PeopleStore& people, const Clock& clock)
        : people_(people), keys_(settings, clock, keys), directory_(people, clock) {
        directory_.on_change([this] {
            if (auto done = refresh_restrictions(); !done)
                spdlog::error("what became of members, teams and organisations is not in force: {}",
                              done.error().message);
        });
        directory_.on_leave([this](const UserSet& members, bool erased) {
            if (auto done = keys_.revoke_all_of(members, erased); !done)
                spdlog::error("keys of who left stay stored, and count no more: {}", done.error().message);
        });
    }

    Result<void> refresh() override {
        if (auto done = refresh_restrictions(); !done) return done;
        return keys_.refresh();
    }

    Result<CreatedKey> create_key(const NewKey& wanted) override { return keys_.create(wanted); }
    Result<void> revoke_key(std::string_view id_or_name) override { return keys_.revoke(KeyReach::all(), id_or_name); }
    Result<void> set_disabled(std::string_view id_or_name, bool disabled) override {
        KeyChange wanted;
        wanted.disabled = disabled;
        auto changed = keys_.change(KeyReach::all(), id_or_name, wanted);
        if (!changed) return std::unexpected(changed.error());
        return {};
    }
    Result<std::vector<KeyInfo>> list_keys() override { return keys_.snapshot()->all(); }
    Result<std::unique_ptr<PreparedConfiguration>> prepare(const std::vector<ConfiguredKey>& keys) override {
        return keys_.prepare(keys);
    }
    std::shared_ptr<const KeySnapshot> snapshot() const override { return keys_.snapshot(); }
    void on_change(std::function<void()> callback) override { keys_.on_change(std::move(callback)); }
    Users& users() override { return directory_; }

    Result<std::shared_ptr<const UserSet>> record_users(std::string_view org) override {
        auto ids = directory_.member_ids(org);
        if (!ids) return std::unexpected(ids.error());
        UserSet users(std::make_move_iterator(ids->begin()), std::make_move_iterator(ids->end()));
        KeyInfo of_nobody;
        of_nobody.org = org;
        users.insert(of_nobody.record_user());
        return std::make_shared<const UserSet>(std::move(users));
    }
    Result<std::shared_ptr<const UserSet>> visible_users(const Principal& principal) override {
        if (principal.kind == Principal::Kind::admin_token && principal.org.empty()) return nullptr;
        if (principal.sees_organisation()) return record_users(principal.org);
        if (principal.member.empty()) return std::make_shared<const UserSet>();
        return std::make_shared<const UserSet>(UserSet{principal.member});
    }

    Result<void> upkeep() override {
        if (auto done = refresh_restrictions(); !done) return done;
        return keys_.store_use();
    }
    std::vector<ApiRoute> api() override {
        std::vector<ApiRoute> all = key_routes(keys_, directory_);
        for (auto part : {org_routes(directory_), member_routes(directory_), team_routes(directory_, keys_),
                          user_routes(directory_, keys_), me_routes(directory_, keys_)}) {
            std::ranges::move(part, std::back_inserter(all));
        }
        return all;
    }

private:
    // Asks the feed first, since who is disabled is read whole.
    Result<void> refresh_restrictions() {
        const std::scoped_lock lock(people_mutex_);
        const auto head = people_.changes().head();
        if (!head) return std::unexpected(head.error());
        if (seen_ == *head) return {};
        auto restrictions = directory_.restrictions();
        if (!restrictions) return std::unexpected(restrictions.error());
        keys_.set_restrictions(*std::move(restrictions));
        seen_ = *head;
        return {};
    }

    PeopleStore& people_;
    Keys keys_;
    Directory directory_;
    std::mutex people_mutex_;           // guards seen_; one at a time takes over what changed
    std::optional<std::int64_t> seen_;  // the last change of people that the keys' restrictions have
};

}  // namespace
}  // namespace identity

Result<std::unique_ptr<Identity>> make_identity(const IdentitySettings& settings, KeyStore& keys, PeopleStore& people,
                                                const Clock& clock) {
    if (auto ok = identity::check_prefix(settings.key_prefix); !ok) return std::unexpected(ok.error());
    auto made = std::make_unique<identity::Module>(settings, keys, people, clock);
    if (auto done = made->refresh(); !done) return std::unexpected(done.error());
    return made;
}

}  // namespace lurus
