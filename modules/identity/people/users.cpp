#include <algorithm>

#include "core/text/ascii.hpp"
#include "core/text/mailbox.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::identity {
namespace {

Result<User> user_with_id(PeopleReader& rows, std::string_view id) {
    return there(rows.user(id), "user");
}

/// One who may be changed.
Result<User> user_not_erased(PeopleReader& rows, std::string_view id) {
    auto user = user_with_id(rows, id);
    if (user && user->status == UserStatus::erased) return fail(ErrorCode::not_found, "there is no such user");
    return user;
}

// `conflict` when an organisation would be left without an owner.
Result<void> check_owners_left(PeopleReader& rows, std::string_view user) {
    const auto memberships = rows.memberships(user);
    if (!memberships) return std::unexpected(memberships.error());
    for (const auto& member : *memberships) {
        if (auto ok = check_owner_left(rows, member); !ok) return ok;
    }
    return {};
}

}  // namespace

Result<std::string> checked_email(std::string_view text) {
    auto mailbox = parse_mailbox(text);
    if (!mailbox) return fail(ErrorCode::invalid_argument, "`email`: " + mailbox.error().message);
    return lower_case(*mailbox);
}

Result<User> Directory::find(std::string_view id) {
    return store_.read("reading a user", [&](PeopleReader& rows) { return user_with_id(rows, id); });
}

Result<User> Directory::find_by_email(std::string_view email) {
    // Judged by no rule: who is there already may have an address that nobody could be added with now.
    const std::string wanted = lower_case(email);
    if (wanted.empty() || wanted.size() > 254) return fail(ErrorCode::not_found, "there is no such user");
    return store_.read("reading a user",
                       [&](PeopleReader& rows) { return there(rows.user_with_email(wanted), "user"); });
}

Result<User> Directory::find_called(std::string_view text) {
    if (text.find('@') != std::string_view::npos) return find_by_email(text);
    return store_.read("reading a user", [&](PeopleReader& rows) -> Result<User> {
        const auto member = rows.member(text);
        if (!member) return std::unexpected(member.error());
        return user_not_erased(rows, *member && !(*member)->user.empty() ? std::string_view((*member)->user) : text);
    });
}

Result<std::vector<User>> Directory::list() {
    return store_.read("reading users", [](PeopleReader& rows) { return rows.users(); });
}

Result<User> Directory::insert_user(PeopleWriter& rows, const NewUser& wanted, const std::string& email) {
    const auto taken = rows.user_with_email(email);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) return fail(ErrorCode::conflict, "there is a user with this address already");
    User user;
    user.id = new_id();
    user.email = email;
    user.name = wanted.name;
    user.status = wanted.status;
    user.email_verified = wanted.email_verified;
    user.created = clock_.now();
    if (auto done = rows.insert_user(user); !done) return std::unexpected(done.error());
    return user;
}

Result<User> Directory::create(const NewUser& wanted) {
    const auto email = checked_email(wanted.email);
    if (!email) return std::unexpected(email.error());
    if (!wanted.name.empty()) {
        if (auto ok = check_title(wanted.name, "name"); !ok) return std::unexpected(ok.error());
    }
    return store_.write("storing a user", [&](PeopleWriter& rows) -> Result<User> {
        auto user = insert_user(rows, wanted, *email);
        if (!user) return user;
        if (auto joined = join(rows, wanted.org, user->id, wanted.role); !joined)
            return std::unexpected(joined.error());
        return user;
    });
}

Result<void> Directory::change_status(std::string_view id, UserStatus status, IfVersion version) {
    if (status == UserStatus::erased) return erase_user(id, version);
    return announced(store_.write("changing a user", [&](PeopleWriter& rows) -> Result<void> {
        if (status == UserStatus::disabled) {
            if (auto ok = check_owners_left(rows, id); !ok) return ok;
        }
        auto user = user_not_erased(rows, id);
        if (!user) return std::unexpected(user.error());
        if (auto ok = check_version(*user, version, "user"); !ok) return ok;
        user->status = status;
        return rows.update_user(*user);
    }));
}

Result<void> Directory::set_email_verified(std::string_view id) {
    return store_.write("changing a user", [&](PeopleWriter& rows) -> Result<void> {
        auto user = user_not_erased(rows, id);
        if (!user) return std::unexpected(user.error());
        user->email_verified = true;
        return rows.update_user(*user);
    });
}

Result<void> Directory::erase_user(std::string_view id, IfVersion version) {
    UserSet members;
    auto done = store_.write("erasing a user", [&](PeopleWriter& rows) -> Result<void> {
        if (auto ok = check_owners_left(rows, id); !ok) return ok;
        auto user = user_not_erased(rows, id);
        if (!user) return std::unexpected(user.error());
        if (auto ok = check_version(*user, version, "user"); !ok) return ok;
        user->email.clear();
        user->name.clear();
        user->status = UserStatus::erased;
        user->email_verified = false;
        if (auto ok = rows.update_user(*user); !ok) return ok;
        auto memberships = rows.every_membership(id);
        if (!memberships) return std::unexpected(memberships.error());
        for (auto& member : *memberships) {
            members.insert(member.id);
            member.removed = clock_.now();
            member.role = Role::viewer;
            if (auto ok = rows.update_member(member); !ok) return ok;
        }
        return {};
    });
    if (!done) return done;
    if (left_) left_(members, true);
    std::vector<std::function<void(std::string_view)>> callbacks;
    {
        const std::scoped_lock lock(mutex_);
        callbacks = erased_;
    }
    for (const auto& callback : callbacks) callback(id);
    return announced(std::move(done));
}

void Directory::on_erase(std::function<void(std::string_view user)> callback) {
    const std::scoped_lock lock(mutex_);
    erased_.push_back(std::move(callback));
}

}  // namespace lurus::identity
