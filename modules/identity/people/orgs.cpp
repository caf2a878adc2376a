#include <algorithm>

#include "modules/identity/people/directory.hpp"

namespace lurus::identity {
namespace {

Result<Org> org_called(PeopleReader& rows, std::string_view id_or_name) {
    return there(rows.org(id_or_name), "organisation");
}

Result<void> check_org_name_free(PeopleReader& rows, std::string_view name, std::string_view id) {
    const auto taken = rows.org(name);
    if (!taken) return std::unexpected(taken.error());
    if (*taken && (*taken)->id != id)
        return fail(ErrorCode::conflict, "an organisation named `" + std::string(name) + "` exists already");
    return {};
}

}  // namespace

Result<void> check_org_name(std::string_view name) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    // Shorter than an id, so that one is never taken for the other.
    if (name.empty() || name.size() > 30 || !std::ranges::all_of(name, fits) || name.front() == '-') {
        return fail(ErrorCode::invalid_argument, "`name` must have 1 to 30 of a-z, 0-9 and -, and not start with -");
    }
    return {};
}

Result<std::vector<Org>> Directory::orgs() {
    return store_.read("reading organisations", [](PeopleReader& rows) { return rows.orgs(); });
}

Result<Org> Directory::org(std::string_view id_or_name) {
    return store_.read("reading an organisation", [&](PeopleReader& rows) { return org_called(rows, id_or_name); });
}

Result<Org> Directory::create_org(std::string_view name) {
    if (auto ok = check_org_name(name); !ok) return std::unexpected(ok.error());
    Org org;
    org.id = new_id();
    org.name = name;
    org.created = clock_.now();
    return store_.write("storing an organisation", [&](PeopleWriter& rows) -> Result<Org> {
        auto done = check_org_name_free(rows, name, "");
        if (done) done = rows.insert_org(org);
        if (!done) return std::unexpected(done.error());
        return org;
    });
}

Result<Org> Directory::change_org(std::string_view id, std::optional<std::string> name, const OwnChange& own,
                                  IfVersion version) {
    if (name) {
        if (auto ok = check_org_name(*name); !ok) return std::unexpected(ok.error());
    }
    return announced(store_.write("changing an organisation", [&](PeopleWriter& rows) -> Result<Org> {
        auto org = org_called(rows, id);
        if (!org) return org;
        auto done = check_version(*org, version, "organisation");
        if (done && name) done = check_org_name_free(rows, *name, org->id);
        if (!done) return std::unexpected(done.error());
        const Org before = *org;
        if (name) org->name = *name;
        own.apply(*org);
        if (org->name == before.name && org->limits == before.limits && org->models == before.models) return org;
        if (done = rows.update_org(*org); !done) return std::unexpected(done.error());
        return org_called(rows, org->id);
    }));
}

Result<void> Directory::remove_org(std::string_view id, IfVersion version) {
    if (id == default_org) return fail(ErrorCode::conflict, "the default organisation stays");
    return announced(store_.write("removing an organisation", [&](PeopleWriter& rows) -> Result<void> {
        auto org = org_called(rows, id);
        if (!org) return std::unexpected(org.error());
        if (auto ok = check_version(*org, version, "organisation"); !ok) return ok;
        org->removed = clock_.now();
        return rows.update_org(*org);
    }));
}

}  // namespace lurus::identity
