#include <chrono>

#include "lurus/log_sqlite.hpp"
#include "modules/log/journal/writer.hpp"
#include "modules/log/queries/reader.hpp"

namespace lurus {
namespace {

using namespace lurus::log;

constexpr auto ready_patience = std::chrono::seconds(10);

class SqliteLog final : public RequestLog {
public:
    SqliteLog(const LogSettings& settings, const Clock& clock, std::unique_ptr<Store> store)
        : node_id_(store->node_id()), readers_(settings.file), writer_(settings, clock, state_, std::move(store)) {}

    void append(RequestRecord&& record, std::uint64_t ticket, CommitSink* sink) noexcept override {
        writer_.append(LogEntry{std::move(record), ticket, sink});
    }
    void append_all(std::vector<LogEntry>& entries) noexcept override { writer_.append_all(entries); }
    bool has_room() const noexcept override { return writer_.has_room(); }
    Result<void> flush(int timeout_ms) override { return writer_.flush(timeout_ms); }
    LogStatus status() const override { return writer_.status(); }

    Id node_id() const override { return node_id_; }

    Result<std::vector<RequestRecord>> query(const LogFilter& filter) override {
        if (filter.limit < 1 || filter.limit > 1000) {
            return fail(ErrorCode::invalid_argument,
                        "limit is " + std::to_string(filter.limit) + "; expected 1 to 1000");
        }
        return when_ready([&](Reader& reader) { return reader.query(state_, filter); });
    }
    Result<std::vector<RequestRecord>> trace(const Id& trace_id, const UserSet* users) override {
        return when_ready([&](Reader& reader) { return reader.trace(state_, trace_id, users); });
    }
    Result<RequestRecord> find(const Id& record_id, const UserSet* users) override {
        auto found = when_ready([&](Reader& reader) { return reader.find(state_, record_id, users); });
        if (!found) return std::unexpected(found.error());
        if (!*found) return fail(ErrorCode::not_found, "no record `" + record_id.hex() + "` is in the log");
        return **std::move(found);
    }
    Result<std::vector<UsageRow>> usage(UnixMicros since, UnixMicros until, UsageBy by, const UserSet* users) override {
        return when_ready([&](Reader& reader) { return reader.usage(state_, since, until, by, users); });
    }

private:
    template <class Work>
    auto when_ready(Work work) -> Result<decltype(work(std::declval<Reader&>()))> {
        {
            std::unique_lock lock(state_.mutex);
            if (!state_.became_ready.wait_for(lock, ready_patience, [this] { return state_.ready; })) {
                return fail(ErrorCode::unavailable, "the request log is still being read back; try again");
            }
        }
        return readers_.with(work);
    }

    const Id node_id_;
    LogState state_;
    ReaderPool readers_;
    Writer writer_;
};

}  // namespace

Result<std::unique_ptr<RequestLog>> make_request_log_sqlite(const LogSettings& settings, const Clock& clock) {
    auto store = Store::open(settings);
    if (!store) return std::unexpected(store.error());
    return with_sqlite("opening", settings.file, [&]() -> Result<std::unique_ptr<RequestLog>> {
        return std::make_unique<SqliteLog>(settings, clock, std::move(*store));
    });
}

}  // namespace lurus
