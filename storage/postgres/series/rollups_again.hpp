/// Rollups of history made anew: how far the digest is, and the exchange of the rows.
///
/// Errors, threads: as storage/postgres/work.hpp.
#pragma once

#include "storage/digest_store.hpp"
#include "storage/postgres/connection/connection.hpp"

#include <memory>
#include <string>

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<machine_places>>
digest_places(pq_connection& db, const std::string& farm, const std::string& machine);

/// False: the digest of a stream is at another place.
[[nodiscard]] task<result<bool>> replace_rollups(pq_connection& db,
                                                 std::shared_ptr<const rollups_again> what);

} // namespace furrow::storage::postgres_work
