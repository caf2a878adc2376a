// What is said of a name that nobody has: most are typed wrong.
#include "core/text/edit_distance.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::identity {
namespace {

constexpr std::size_t names_compared = 1000;
constexpr std::size_t longest_name = 254;

Error no_such(std::string_view what, std::string_view called, const std::vector<std::string>& known) {
    const std::string_view given = called.substr(0, longest_name);
    std::string text = "there is no " + std::string(what) + " `" + std::string(given) + "`";
    if (const auto closest = nearest_name(given, known); !closest.empty()) text += "; did you mean `" + closest + "`?";
    return Error(ErrorCode::not_found, std::move(text));
}

template <class T>
std::vector<std::string> names_of(const Result<std::vector<T>>& found, std::string T::* name) {
    std::vector<std::string> out;
    if (!found) return out;
    for (const T& one : *found) {
        if (!(one.*name).empty() && out.size() < names_compared) out.push_back(one.*name);
    }
    return out;
}

}  // namespace

Error Directory::no_such_member(std::string_view org, MemberKind kind, std::string_view called) {
    return no_such(kind == MemberKind::user ? "member" : "service account", called,
                   names_of(members(org, kind, "", names_compared), &Member::name));
}

Error Directory::no_such_member(std::string_view org, std::string_view called) {
    auto known = names_of(members(org, MemberKind::user, "", names_compared), &Member::name);
    for (auto& name : names_of(members(org, MemberKind::service, "", names_compared), &Member::name))
        known.push_back(std::move(name));
    return no_such("member or service account", called, known);
}

Error Directory::no_such_team(std::string_view org, std::string_view called) {
    return no_such("team", called, names_of(teams(org), &Team::name));
}

Error Directory::no_such_user(std::string_view called) {
    return no_such("user", called, names_of(list(), &User::email));
}

Error Directory::no_such_org(std::string_view called) {
    return no_such("organisation", called, names_of(orgs(), &Org::name));
}

}  // namespace lurus::identity
