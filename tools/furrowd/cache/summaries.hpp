/// The machine list and the ledger of a whole farm, through the cache: what dashboards ask for again and again.
///
/// Shape: an answer is at most `cache_limits::ttl` old; one that is asked for after something was changed over HTTP, or
///   after an item was quarantined here, is new.
/// Errors: a problem, as the database would have made it; problems are not kept.
/// Threads: as ask.hpp.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/cache/summary_cache.hpp"
#include "tools/furrowd/http/message.hpp"
#include "tools/json/rows_json.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::http {

using stored_rows = std::vector<storage::equipment_row>;

[[nodiscard]] boost::asio::awaitable<std::variant<stored_rows, problem>> stored_equipment(
  summary_cache& cache, actors::node& node, std::string farm, std::chrono::milliseconds limit);

/// A list of ledger rows of the farm's machines.
[[nodiscard]] boost::asio::awaitable<std::variant<std::shared_ptr<const json>, problem>>
farm_ledger(summary_cache& cache,
            actors::node& node,
            std::string farm,
            std::chrono::milliseconds limit);

/// Machines as they are kept, and back; nothing when the text is no such list of this farm.
[[nodiscard]] std::string to_kept_text(const stored_rows& rows);
[[nodiscard]] std::optional<stored_rows> kept_equipment(const std::string& farm,
                                                        std::string_view text);
/// The same for the ledger.
[[nodiscard]] std::shared_ptr<const json> kept_ledger(const std::string& farm,
                                                      std::string_view text);

} // namespace furrow::http
