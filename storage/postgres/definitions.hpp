/// The same on a connection that is there already.
#pragma once

#include "storage/definitions.hpp"
#include "storage/postgres/connection/connection.hpp"

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<definition_outcome>>
load_definitions(pq_connection& db, const can::dbc_file& file, const definition_load& load);

/// The catalogue that the program ships becomes version 1 of a database that has no definitions.
[[nodiscard]] task<std::optional<failure>> load_catalogue(pq_connection& db);

} // namespace furrow::storage::postgres_work
