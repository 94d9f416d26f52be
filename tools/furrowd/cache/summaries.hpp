/// The machine list and the ledger of a farm, and the list of farms, through the cache: dashboards ask for them again and again.
///
/// Shape: an answer is at most `cache_limits::ttl` old. After a change over HTTP, or after this node quarantined an
///   item, the next answer is new. The machines are kept as rows, which all who ask for them share. One caller reads
///   them for all: the others wait for its answer, or get the rows before (query_cache::find_meanwhile).
/// Errors: a problem, as the database would have caused it; problems are not cached.
/// Threads: as ask.hpp.
#pragma once

#include "actors/live/node_meter.hpp"
#include "storage/store.hpp"
#include "tools/furrowd/cache/summary_cache.hpp"
#include "tools/furrowd/http/message.hpp"
#include "tools/json/rows_json.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::http {

using json_rows::json;

using stored_rows = std::vector<storage::equipment_row>;

/// A farm's machines in the order of the bytes of their names.
using shared_rows = std::shared_ptr<const stored_rows>;

[[nodiscard]] boost::asio::awaitable<std::variant<shared_rows, problem>>
stored_equipment(summary_cache& cache,
                 storage::store& store,
                 const actors::node_meter& meter,
                 std::string farm,
                 std::chrono::milliseconds limit);
/// The same without waiting for the database where that is possible: the rows may be cache_limits::aged older than the
/// time to live. Rows older than half of that, and than the time to live, are read again for the next caller.
[[nodiscard]] boost::asio::awaitable<std::variant<shared_rows, problem>>
stored_equipment_soon(summary_cache& cache,
                      storage::store& store,
                      const actors::node_meter& meter,
                      std::string farm,
                      std::chrono::milliseconds limit);

/// The names of the machines of each farm.
using farm_machines = std::map<std::string, std::vector<std::string>>;
[[nodiscard]] boost::asio::awaitable<std::variant<farm_machines, problem>>
every_farm(summary_cache& cache,
           storage::store& store,
           const actors::node_meter& meter,
           std::chrono::milliseconds limit);

/// The ledger rows of the farm's machines, as a JSON list.
[[nodiscard]] boost::asio::awaitable<std::variant<std::shared_ptr<const json>, problem>>
farm_ledger(summary_cache& cache,
            storage::store& store,
            const actors::node_meter& meter,
            std::string farm,
            std::chrono::milliseconds limit);

/// Machines as the cache stores them, and back; nothing when the text is not a valid list of this farm.
[[nodiscard]] std::string to_kept_text(const stored_rows& rows);
[[nodiscard]] std::optional<stored_rows> kept_equipment(const std::string& farm,
                                                        std::string_view text);
/// The same for the farms.
[[nodiscard]] std::string to_kept_text(const farm_machines& farms);
[[nodiscard]] std::optional<farm_machines> kept_farms(std::string_view text);
/// The same for the ledger.
[[nodiscard]] std::shared_ptr<const json> kept_ledger(const std::string& farm,
                                                      std::string_view text);

} // namespace furrow::http
