/// Loads signal definitions on an existing connection.
#pragma once

#include "storage/definitions.hpp"
#include "storage/postgres/connection/connection.hpp"

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<definition_outcome>>
load_definitions(pq_connection& db, const can::dbc_file& file, const definition_load& load);

/// Stores the program's catalogue as version 1 in a database without definitions.
[[nodiscard]] task<std::optional<failure>> load_catalogue(pq_connection& db);

} // namespace furrow::storage::postgres_work
