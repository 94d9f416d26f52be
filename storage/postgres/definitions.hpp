/// Loads signal definitions on an existing connection.
#pragma once

#include "storage/definitions.hpp"
#include "storage/postgres/connection/connection.hpp"

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<definition_outcome>>
load_definitions(pq_connection& db, const can::dbc_file& file, const definition_load& load);

/// The rows of a file under a version whose definition_set is there, in the transaction that is open.
[[nodiscard]] task<std::optional<failure>>
add_definitions(pq_connection& db, std::int32_t version, const can::dbc_file& file);

/// The catalogue that the program ships becomes version 1 of a database that has no definitions.
[[nodiscard]] task<std::optional<failure>> load_catalogue(pq_connection& db);

} // namespace furrow::storage::postgres_work
