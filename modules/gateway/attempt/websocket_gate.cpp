#include "modules/gateway/attempt/websocket_gate.hpp"

#include <algorithm>
#include <vector>

#include "core/http/websocket_frames.hpp"
#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

// RFC 6455 and IANA's registry of close codes.
constexpr std::uint16_t policy_violation = 1008;
constexpr std::uint16_t invalid_payload = 1007;
constexpr std::uint16_t message_too_big = 1009;
constexpr std::uint16_t internal_error = 1011;

constexpr int forbidden_status = 403;
constexpr int not_found_status = 404;
constexpr int upgrade_required = 426;
constexpr std::size_t max_turns = 64;  // under way on one connection
constexpr int max_refused = 100;       // messages of one connection; each has a record

// The JSON strings of the models that answer become `model`.
std::string with_model(std::string_view text, const ClientEvent& event, const std::string& model) {
    std::vector<ClientEvent::Model> named;
    for (const auto& one : event.models) {
        if (one.answers) named.push_back(one);
    }
    std::ranges::sort(named, {}, &ClientEvent::Model::begin);
    std::string out;
    std::size_t at = 0;
    for (const auto& one : named) {
        out.append(text.substr(at, one.begin - at)).append(quote_json(std::string(one.prefix) + model));
        at = one.end;
    }
    return out.append(text.substr(at));
}

bool names_a_model(const ClientEvent& event) {
    return std::ranges::any_of(event.models, &ClientEvent::Model::answers);
}

// What the client is to make of a vendor that has no WebSocket: the same request goes with POST.
int upgrade_status(int status) {
    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 429 ? upgrade_required : status;
}

}  // namespace

WebsocketGate::WebsocketGate(Session& session, Request& request, WebsocketUpstream& upstream)
    : session_(session), request_(request), upstream_(upstream), model_(request.facts.model) {}

void WebsocketGate::opened() {
    upstream_model_ = request_.record.upstream_model;
    route_ = request_.record.route;
}

std::size_t WebsocketGate::max_message() const {
    return static_cast<std::size_t>(request_.snapshot->settings.max_body_bytes);
}

// Keys, rules, limits and routes change while a WebSocket is open: what is in force now counts.
WebsocketGate::Stopped WebsocketGate::refresh() {
    request_.time = session_.shard.clock.now();
    const auto unusable = [](std::string why) {
        return Stop(401, "invalid_api_key", std::move(why), policy_violation);
    };
    if (request_.snapshot != session_.shard.snapshot) {
        const auto snapshot = session_.shard.snapshot;
        if (request_.key != nullptr) {
            const auto& keys = snapshot->keys->all();
            const auto found = std::ranges::find(keys, request_.key->id, &KeyInfo::id);
            if (found == keys.end()) return unusable("this key is not known here any more");
            request_.key = &*found;
        }
        request_.snapshot = snapshot;
        request_.resolution.reset();
    }
    if (request_.key != nullptr && !request_.key->usable_at(request_.time))
        return unusable("this key is disabled or has expired");
    return std::nullopt;
}

WebsocketGate::Stop WebsocketGate::denied(std::string why) {
    return Stop(forbidden_status, "permission_denied", std::move(why), policy_violation);
}

// The request is for that model from now on.
WebsocketGate::Stopped WebsocketGate::forbidden(const std::string& model) {
    if (model != request_.facts.model) request_.set_model(model);
    std::string rule = broken_rule(request_);
    if (rule.empty()) return std::nullopt;
    return denied(std::move(rule));
}

WebsocketGate::Stopped WebsocketGate::choose_model(const ClientEvent& event, std::string& model) const {
    for (const auto& named : event.models) {
        if (!named.answers) continue;
        if (!model.empty() && model != named.name) {
            return Stop(400, "invalid_request_error",
                        "the message names two models, " + cut_field(model) + " and " + cut_field(named.name));
        }
        model = named.name;
    }
    if (!model.empty()) return std::nullopt;
    if (!is_session()) return Stop(400, "missing_required_parameter", "the request names no model: set \"model\"");
    model = model_;
    return std::nullopt;
}

// Whether the vendor that is connected answers for the turn's model, and what it is called there.
bool WebsocketGate::stays_here(Turn& turn) {
    const Provider* here = upstream_.provider().get();
    if (here == nullptr) return false;
    const Resolution& found = **request_.resolution;
    for (const Candidate& candidate : found.candidates) {
        if (candidate.provider->name != here->name || candidate.provider->account != here->account) continue;
        turn.route = found.route;
        turn.upstream_model = candidate.upstream_model.empty() ? turn.model : candidate.upstream_model;
        return true;
    }
    return false;
}

WebsocketGate::Stopped WebsocketGate::find_place(Turn& turn, bool replaceable, bool& here) {
    if (is_session() && turn.model == model_) {
        turn.upstream_model = upstream_model_;
        turn.route = route_;
        here = true;
        return std::nullopt;
    }
    const auto& resolution = candidates_of(request_);
    if (!resolution) {
        const int status = status_of(resolution.error());
        if (status == forbidden_status) return denied(resolution.error().message);
        return Stop(status, status == not_found_status ? "model_not_found" : "server_error",
                    resolution.error().message);
    }
    here = stays_here(turn);
    if (here || !upstream_.provider()) return std::nullopt;
    const std::string with = "this WebSocket is connected to the provider " + upstream_.provider()->name +
                             ", which is not asked for the model " + cut_field(turn.model);
    if (is_session()) return Stop(400, "model_not_found", with + ": open another one for it");
    if (turns_.empty() && replaceable) return std::nullopt;
    return Stop(400, "invalid_request_error", with + ": ask again when the answers that are under way have ended");
}

std::uint16_t WebsocketGate::close_code_of(const Stop& stop) {
    if (stop.close_code != 0) return stop.close_code;
    if (stop.status == 400) return invalid_payload;
    return stop.status >= 500 ? internal_error : policy_violation;
}

asio::awaitable<Verdict> WebsocketGate::refuse(const ClientEvent& event, Stop stop, Turn turn) {
    const bool ends = is_live() || stop.close_code != 0 || ++refused_ >= max_refused;
    std::string text;
    if (!is_live())
        text = error_event(stop.status, stop.code, stop.message, event, request_.trace_id, stop.retry_after_s);
    turn.refused = stop.status;
    turn.refusal = stop.message;
    if (turn.reached == Turn::Reached::vendor) turn.reached = Turn::Reached::nobody;
    if (turn.upstream_model.empty()) turn.upstream_model = turn.model;
    co_await record(std::move(turn), End::error, std::string());
    const Verdict::What what = !ends            ? Verdict::What::refuse
                               : turns_.empty() ? Verdict::What::end
                                                : Verdict::What::last;
    Verdict verdict(what, std::move(text));
    verdict.close_code = is_live() ? close_code_of(stop) : stop.close_code != 0 ? stop.close_code : policy_violation;
    verdict.reason =
        !is_live() && ends && stop.close_code == 0 ? "too many messages were refused" : std::move(stop.message);
    co_return verdict;
}

asio::awaitable<Verdict> WebsocketGate::client_message(std::string_view text, std::uint64_t size, bool replaceable) {
    bytes_in_ += static_cast<std::int64_t>(size);
    ClientEvent event;
    Stopped stop;
    if (size > max_message()) {
        stop.emplace(413, "message_too_big",
                     "the message is longer than the " + std::to_string(max_message()) + " bytes that are read here",
                     message_too_big);
    } else if (event = is_live() ? read_live_client(text) : read_client_event(text); !event.problem.empty()) {
        stop.emplace(400, "invalid_json", "the message cannot be read as an event: " + event.problem);
    } else {
        stop = refresh();
    }
    if (!stop && is_live()) stop = out_of_order(event);
    if (!stop && !is_live() && event.kind == ClientEvent::Kind::create) {
        if (std::string doubt = judge_message(request_, text); !doubt.empty())
            stop.emplace(400, "invalid_request_error", "which model this is for is not beyond doubt: " + doubt);
    }
    std::string named_model = model_;
    for (const auto& named : event.models) {
        if (stop) break;
        named_model = named.name;
        stop = forbidden(named.name);
    }
    if (!stop && event.kind == ClientEvent::Kind::setup) co_return co_await set_up(event, text);
    // What is said while a Live answer is under way interrupts it: the answer to it is the vendor's to begin.
    if (!stop && event.kind == ClientEvent::Kind::create && (!is_live() || turns_.empty()))
        co_return co_await create(event, text, replaceable);
    if (!stop && !upstream_.provider())
        stop.emplace(400, "invalid_request_error", "the first message must be a response.create");
    if (!stop && event.kind == ClientEvent::Kind::session) stop = change_session(event);
    if (stop) {
        Turn turn = new_turn(Begun::by_client);
        turn.model = std::move(named_model);
        co_return co_await refuse(event, *std::move(stop), std::move(turn));
    }
    Verdict verdict;
    const bool renamed = event.kind == ClientEvent::Kind::session && names_a_model(event) && model_ != upstream_model_;
    if (renamed) verdict.text = with_model(text, event, upstream_model_);
    co_return verdict;
}

WebsocketGate::Stopped WebsocketGate::out_of_order(const ClientEvent& event) const {
    const bool set_up = upstream_.provider() != nullptr;
    if (set_up == (event.kind != ClientEvent::Kind::setup)) return std::nullopt;
    return Stop(400, "invalid_request_error",
                set_up ? "the session was set up before: open another one" : "the first message must be a `setup`");
}

// Of a Live session, whose model is within the rules: the vendor is chosen by it. Its bytes are the first answer's.
asio::awaitable<Verdict> WebsocketGate::set_up(const ClientEvent& event, std::string_view text) {
    Turn session = new_turn(Begun::by_client);
    bool here = false;
    Stopped stop = choose_model(event, session.model);
    if (!stop) stop = find_place(session, false, here);
    if (!stop) stop = co_await open_upstream(session);
    if (stop) co_return co_await refuse(event, *std::move(stop), std::move(session));
    bytes_in_ = session.bytes_in;
    max_output_ = event.max_output;
    model_ = session.model;
    upstream_model_ = session.upstream_model;
    route_ = session.route;
    Verdict verdict;
    if (model_ != upstream_model_) verdict.text = with_model(text, event, upstream_model_);
    co_return verdict;
}

// The models are within the rules.
WebsocketGate::Stopped WebsocketGate::change_session(const ClientEvent& event) {
    for (const auto& named : event.models) {
        if (!named.answers) transcriber_ = named.name;
    }
    if (!names_a_model(event)) return std::nullopt;
    Turn session(request_.endpoint.answer);
    Stopped stop = choose_model(event, session.model);
    if (!stop) stop = forbidden(session.model);
    bool here = false;
    if (!stop) stop = find_place(session, false, here);
    if (stop) return stop;
    model_ = session.model;
    upstream_model_ = session.upstream_model;
    route_ = session.route;
    return std::nullopt;
}

asio::awaitable<Verdict> WebsocketGate::create(const ClientEvent& event, std::string_view text, bool replaceable) {
    Turn turn = new_turn(Begun::by_client);
    turn.event_id = event.event_id;
    turn.stream_id = event.stream_id;
    if (!is_session()) {
        Endpoint endpoint = request_.endpoint;
        endpoint.model_in_body = true;
        const RequestFacts facts = scan_request(endpoint, "application/json", text);
        if (!facts.session.empty()) turn.session = facts.session;
    }
    Stopped stop = choose_model(event, turn.model);
    if (!stop) stop = forbidden(turn.model);
    if (!stop && turns_.size() >= max_turns)
        stop.emplace(429, "rate_limit_exceeded", "too many answers are under way on this connection");
    bool here = false;
    if (!stop) stop = find_place(turn, replaceable, here);
    if (!stop) stop = admit_turn(turn, Begun::by_client, event.max_output);
    if (!stop && !here) stop = co_await open_upstream(turn);
    if (stop) co_return co_await refuse(event, *std::move(stop), std::move(turn));
    if (!is_session()) {
        model_ = turn.model;
        upstream_model_ = turn.upstream_model;
        route_ = turn.route;
    }
    Verdict verdict;
    if (names_a_model(event) && turn.model != turn.upstream_model)
        verdict.text = with_model(text, event, turn.upstream_model);
    turns_.add(std::move(turn));
    co_return verdict;
}

// The vendor that the turn's model is for, in place of the one that was connected. The attempts are the turn's.
asio::awaitable<WebsocketGate::Stopped> WebsocketGate::open_upstream(Turn& turn) {
    if (upstream_.provider()) {
        upstream_.write(websocket::make_close(1000, "", websocket::random_mask()));
        (void)upstream_.push();
        upstream_.drop();
    }
    request_.record.attempts.clear();
    AttemptLoop attempts(take_candidates(request_), AttemptLoop::Protocol::websocket, request_.facts.model,
                         request_.record);
    const auto since_asked = [&] { return now() - turn.started_us; };
    bool open = false;
    while (!open && attempts.next(since_asked()) != nullptr) {
        open = co_await upstream_.open(attempts);
        if (session_.client_gone()) attempts.client_left();
        if (!open && upstream_.exchange().connection() != nullptr) break;
    }
    turn.route = request_.record.route;
    turn.upstream_model = request_.record.upstream_model;
    if (open) co_return std::nullopt;
    turn.reached = Turn::Reached::tried;
    upstream_.drop();
    const int status = is_live() ? attempts.status() : upgrade_status(attempts.status());
    if (status == upgrade_required && !is_live()) session_.shard.no_websocket.note(request_, now());
    std::string message = attempts.message();
    if (attempts.attempt().status) message += " (status " + std::to_string(*attempts.attempt().status) + ")";
    Stop stop(status, status == upgrade_required ? "upgrade_required" : "server_error", std::move(message));
    if (status == upgrade_required) stop.close_code = policy_violation;
    co_return stop;
}

}  // namespace lurus::gateway
