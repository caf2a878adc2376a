#include "lurus/log_sqlite.hpp"
#include "tests/contract/log/request_log_suite.hpp"

namespace lurus::test {
namespace {

class SqliteStore {
public:
    std::unique_ptr<RequestLog> open(const Clock& clock) {
        LogSettings settings;
        settings.file = dir_.file("log.db");
        auto log = make_request_log_sqlite(settings, clock);
        if (!log) FAIL(log.error().message);
        return std::move(*log);
    }

private:
    ScratchDir dir_;
};

LURUS_REQUEST_LOG_SUITE(SqliteStore);

}  // namespace
}  // namespace lurus::test
