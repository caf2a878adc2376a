#pragma once
// What the control plane works with.

#include <memory>

#include "control/state/databases.hpp"
#include "control/state/main_database.hpp"
#include "core/os/platform.hpp"
#include "lurus/audit.hpp"
#include "lurus/billing.hpp"
#include "lurus/identity.hpp"
#include "lurus/log_sqlite.hpp"
#include "lurus/outside.hpp"
#include "lurus/provider.hpp"
#include "lurus/secret.hpp"
#include "lurus/signin.hpp"
#include "lurus/store/backend.hpp"

namespace lurus::control {

/// Made by the composition root. Each may use those above it and ends before them. All are there but `lock` and
/// `admin_token`, which a command has not.
struct Modules {
    std::unique_ptr<platform::FileLock> lock;  // of the data folder
    Secret admin_token;
    MainDatabase main;
    std::unique_ptr<OutsideCalls> outside;
    std::unique_ptr<Backend> backend;
    std::unique_ptr<RequestLog> log;  // what is drained last
    std::unique_ptr<Identity> identity;
    std::unique_ptr<Billing> billing;
    std::unique_ptr<Providers> providers;
    std::unique_ptr<Audit> audit;
    std::unique_ptr<SignIn> sign_in;
    std::unique_ptr<Databases> databases;
};

}  // namespace lurus::control
