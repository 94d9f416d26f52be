/// Statements whose commit must be certain: the server has flushed it, and the standbys that it waits for have it.
///
/// Errors, threads: as storage/postgres/work.hpp. A warning, such as that of a wait for a standby that was cancelled,
///   counts as retry_later.
#pragma once

#include "storage/postgres/connection/connection.hpp"
#include "storage/store.hpp"

#include <optional>

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<pq::answer>>
committed(pq_connection& db, const char* sql, const pq_parameters& parameters);

/// For a caller that has read what another session may have committed without its standbys: after it they have that too.
[[nodiscard]] task<std::optional<failure>> make_certain(pq_connection& db);

} // namespace furrow::storage::postgres_work
