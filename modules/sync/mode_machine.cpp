#include "modules/sync/mode_machine.hpp"

namespace lurus::sync {

ModeMachine::ModeMachine(Rules rules, BackendSetting setting) : rules_(rules), setting_(setting) {
    set(setting, 0);
}

void ModeMachine::go(BackendMode mode, std::int64_t now_us) {
    if (mode_ != mode) since_us_ = now_us;
    mode_ = mode;
    failures_ = answers_ = 0;
    if (mode == BackendMode::online) reason_.clear();
}

void ModeMachine::set(BackendSetting setting, std::int64_t now_us) {
    setting_ = setting;
    if (setting == BackendSetting::off) {
        reason_ = "it is switched off";
        go(BackendMode::off, now_us);
    } else if (mode_ == BackendMode::off) {
        reason_ = "it was not reached yet";
        go(BackendMode::offline, now_us);
    }
}

void ModeMachine::failed(const std::string& reason, std::int64_t now_us) {
    if (mode_ == BackendMode::off) return;
    answers_ = 0;
    if (failures_ == 0 || now_us - first_failure_us_ > rules_.window_us) {
        failures_ = 0;
        first_failure_us_ = now_us;
    }
    ++failures_;
    if (mode_ == BackendMode::offline || failures_ >= rules_.failures) {
        reason_ = reason;
        go(BackendMode::offline, now_us);
    } else {
        reason_ = reason;
    }
}

void ModeMachine::answered(std::int64_t now_us) {
    failures_ = 0;
    if (mode_ == BackendMode::online) reason_.clear();
    if (mode_ != BackendMode::offline) return;
    if (++answers_ >= rules_.probes) go(BackendMode::replaying, now_us);
}

void ModeMachine::caught_up(std::int64_t now_us) {
    if (mode_ == BackendMode::replaying) go(BackendMode::online, now_us);
}

BackendMode ModeMachine::mode(std::int64_t now_us) {
    const bool in_use = mode_ == BackendMode::online || mode_ == BackendMode::replaying;
    if (in_use && failures_ > 0 && now_us - first_failure_us_ >= rules_.silence_us) go(BackendMode::offline, now_us);
    return mode_;
}

}  // namespace lurus::sync
