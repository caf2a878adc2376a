#include "control/state/limit_routes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/http/api_route.hpp"
#include "core/http/list_page.hpp"
#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

const ListShape shape{.id = {"subject", "id", "limit"}, .sorts = {"subject", "name", "limit", "used_share"}};

constexpr const char* limits_schema =
    R"({"type":"object","required":["data","next"],"properties":{"next":{"type":["string","null"]},"data":{"type":"array","items":)"
    R"({"type":"object","required":["subject","id","name","org","limit","unit","allowed","used","remaining","used_share","period","resets_at"],"properties":{)"
    R"("subject":{"enum":["key","user","team","org","model"]},"id":{"type":"string","description":"a model's: its pattern"},)"
    R"("name":{"type":["string","null"]},"org":{"type":["string","null"],"description":"id of the organisation"},)"
    R"("limit":{"enum":["rpm","tpm","itpm","otpm","concurrency","budget"]},"unit":{"enum":["requests","tokens","nano_usd"]},)"
    R"("allowed":{"type":"integer","format":"int64"},)"
    R"("used":{"type":"integer","format":"int64","description":"with what is held for requests that are running"},)"
    R"("remaining":{"type":"integer","format":"int64","minimum":0},)"
    R"("used_share":{"type":"number","description":"of what is allowed; 1 = all of it"},)"
    R"("period":{"enum":["minute","day","week","month","total",null],"description":"null: at any one time"},)"
    R"("resets_at":{"type":["string","null"],"format":"date-time","description":"when all of it is free again if nothing more comes; null: not by waiting, or nothing is used"}}}}}})";

bool may_see(const Principal& who, const KeyInfo& key) {
    if (!who.org.empty() && key.org != who.org) return false;
    return who.sees_organisation() || (!who.member.empty() && key.user == who.member);
}

const char* unit_of(std::string_view limit) {
    if (limit == "budget") return "nano_usd";
    return limit == "rpm" || limit == "concurrency" ? "requests" : "tokens";
}

Json period_of(std::string_view limit, const Limits& limits) {
    if (limit == "concurrency") return nullptr;
    return limit == "budget" ? std::string(name_of(limits.budget->period)) : std::string("minute");
}

/// Gathers each subject once, in the order in which keys name them.
class Overview {
public:
    Overview(const GatewaySnapshot& snapshot, const LimitUseSource& use, const NamesById& names, UnixMicros now)
        : snapshot_(snapshot), use_(use), names_(names), now_(now) {}

    void add_key(const KeyInfo& key, bool whole_organisation) {
        const CommonLimits& common = snapshot_.settings.limits;
        add(Subject::key, key.id, key.name, key.org, key.rules.limits.over(common.key));
        if (!key.user.empty())
            add(Subject::user, key.user, name(key.user), key.org, over(key.user_limits, common.user));
        if (!whole_organisation) return;
        if (!key.team.empty())
            add(Subject::team, key.team, name(key.team), key.org, over(key.team_limits, common.team));
        add(Subject::org, key.org, name(key.org), key.org, over(key.org_limits, common.org));
    }
    void add_models() {
        for (const ModelLimits& model : snapshot_.settings.limits.models)
            add(Subject::model, model.model, model.model, {}, model.limits);
    }
    std::vector<Json> take() { return std::move(rows_); }

private:
    [[nodiscard]] std::string name(const std::string& id) const {
        const auto found = names_.find(id);
        return found == names_.end() ? std::string() : found->second;
    }

    // What the log had is known before the first request of the window.
    [[nodiscard]] std::int64_t spent_before(Subject subject, const std::string& id, const Budget& budget) const {
        if (!snapshot_.spent) return 0;
        const auto found = snapshot_.spent->find(std::pair(subject, id));
        if (found == snapshot_.spent->end() || found->second.period != budget.period ||
            found->second.since != budget.begin(now_))
            return 0;
        return found->second.amount.nano_usd;
    }

    void add(Subject subject, const std::string& id, const std::string& called, const std::string& org,
             const Limits& limits) {
        if (!limits.any() || !seen_.emplace(subject, id).second) return;
        for (LimitUse& one : use_(subject, id, limits)) {
            if (one.limit == "budget") one.used = std::max(one.used, spent_before(subject, id, *limits.budget));
            Json& row = rows_.emplace_back();
            row["subject"] = name_of(subject);
            row["id"] = id;
            row["name"] = called.empty() ? Json(nullptr) : Json(called);
            row["org"] = org.empty() ? Json(nullptr) : Json(org);
            row["limit"] = one.limit;
            row["unit"] = unit_of(one.limit);
            row["allowed"] = one.allowed;
            row["used"] = one.used;
            row["remaining"] = std::max<std::int64_t>(one.allowed - one.used, 0);
            row["used_share"] = static_cast<double>(one.used) / static_cast<double>(one.allowed);
            row["period"] = period_of(one.limit, limits);
            row["resets_at"] = one.resets_at ? Json(format_time(*one.resets_at)) : Json(nullptr);
        }
    }

    const GatewaySnapshot& snapshot_;
    const LimitUseSource& use_;
    const NamesById& names_;
    const UnixMicros now_;
    std::set<std::pair<Subject, std::string>> seen_;
    std::vector<Json> rows_;
};

ApiResponse list(const SnapshotSource& source, const LimitUseSource& use, const SubjectNames& subject_names,
                 UnixMicros now, const ApiRequest& request) {
    const auto asked = [&](const char* name) {
        const auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    const std::string subject = asked("subject");
    if (!subject.empty() && subject != "key" && subject != "user" && subject != "team" && subject != "org" &&
        subject != "model")
        return problem(400, "query parameter `subject` is `" + subject + "`; expected key, user, team, org or model");
    const auto names = subject_names();
    if (!names) return problem(names.error());
    const auto snapshot = source();
    Overview overview(*snapshot, use, *names, now);
    const Principal& who = request.principal;
    for (const KeyInfo& key : snapshot->keys->all()) {
        if (may_see(who, key)) overview.add_key(key, who.sees_organisation());
    }
    if (who.may(Permission::read_installation)) overview.add_models();
    std::vector<Json> rows = overview.take();
    const std::string called = asked("name");
    std::erase_if(rows, [&](const Json& row) {
        if (!subject.empty() && row["subject"] != subject) return true;
        return !called.empty() && row["id"] != called && row["name"] != called;
    });
    auto page = list_page(std::move(rows), shape, request.query);
    return page ? json_response(*page) : problem(page.error());
}

}  // namespace

std::vector<ApiRoute> limit_routes(SnapshotSource snapshot, LimitUseSource use, SubjectNames names,
                                   const Clock& clock) {
    std::vector<ApiRoute> routes;
    routes.push_back(
        api_route(Permission::read_keys, "GET", "/api/v1/limits", "listLimits",
                  "The limits in force, and what is used of each", limits_schema,
                  [snapshot = std::move(snapshot), use = std::move(use), names = std::move(names),
                   &clock](const ApiRequest& request) { return list(snapshot, use, names, clock.now(), request); }));
    auto& query = routes.back().query;
    query = {{"subject", R"({"enum":["key","user","team","org","model"]})", "Only limits of these"},
             {"name", R"({"type":"string"})", "Only limits of who has this name or id"}};
    std::ranges::copy(list_params(shape), std::back_inserter(query));
    return routes;
}

}  // namespace lurus::control
