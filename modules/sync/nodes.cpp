#include "modules/sync/nodes.hpp"

#include <string>

#include "core/text/concat.hpp"

namespace lurus::sync {
namespace {

// The nodes' clocks may differ: what counts is the database's.
constexpr std::string_view seen_us = "(extract(epoch FROM seen) * 1000000)::bigint";
constexpr std::string_view silent_us = "(extract(epoch FROM clock_timestamp() - seen) * 1000000)::bigint";

}  // namespace

Result<void> store_node(sql::Connection& postgres, const NodeInfo& node) {
    auto done = postgres.execute(
        "INSERT INTO node (id, started_us, seen, version, modules, address) VALUES ($1, $2, clock_timestamp(), $3, $4, "
        "$5) ON CONFLICT (id) DO UPDATE SET started_us = excluded.started_us, seen = excluded.seen, version = "
        "excluded.version, modules = excluded.modules, address = excluded.address",
        {node.id, node.started, node.version, node.modules, node.address});
    if (!done) return std::unexpected(done.error());
    return {};
}

Result<std::vector<NodeInfo>> read_nodes(sql::Connection& postgres) {
    return postgres.all(concat({"SELECT id, started_us, ", seen_us, ", ", silent_us,
                                ", version, modules, address FROM node ORDER BY started_us, id"}),
                        {}, [](const sql::Row& row) {
                            NodeInfo node;
                            node.id = row.text(0);
                            node.started = row.integer(1);
                            node.seen = row.integer(2);
                            node.alive = row.integer(3) < alive_for_us;
                            node.version = row.text(4);
                            node.modules = row.text(5);
                            node.address = row.text(6);
                            return node;
                        });
}

Result<void> remove_node(sql::Connection& postgres, std::string_view id) {
    const auto silent = postgres.first(concat({"SELECT ", silent_us, " FROM node WHERE id = $1"}), {id},
                                       [](const sql::Row& row) { return row.integer(0); });
    if (!silent) return std::unexpected(silent.error());
    if (!*silent) return fail(ErrorCode::not_found, "there is no node " + std::string(id));
    if (**silent < alive_for_us)
        return fail(ErrorCode::conflict, "the node is alive, and would be seen again: it was " +
                                             std::to_string(**silent / 1'000'000) + " s ago; stop it first");
    auto done = postgres.execute("DELETE FROM node WHERE id = $1", {id});
    if (!done) return std::unexpected(done.error());
    return {};
}

}  // namespace lurus::sync
