/// Loads signal definitions into the database: each DBC file is a version, for a farm, an equipment or all.
///
/// Errors: not_found names the farm or equipment; misconfigured for a SQLite URL or a schema without the tables.
/// Threads: `load_definitions` of `store_options` blocks its caller; the others run on their connection.
#pragma once

#include "can/dbc/file.hpp"
#include "storage/postgres/connection/connection.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace furrow::storage {

struct definition_load {
  std::string name;   // of the file, for display
  std::string sha256; // of its text; the same text for the same scope adds no version
  std::string scope;  // "all", a farm, an equipment, or farm/equipment
};

struct definition_outcome {
  std::int32_t version = 0;
  bool added = false; // false: the version existed already
  std::uint64_t messages = 0;
  std::uint64_t signals = 0;
};

[[nodiscard]] result<definition_outcome> load_definitions(const store_options& options,
                                                          const can::dbc_file& file,
                                                          const definition_load& load);

/// Makes the definitions of active DBC files that have none: the rows of the files came from another database.
[[nodiscard]] result<done> complete_definitions(const store_options& options);

namespace postgres_work {

[[nodiscard]] task<result<done>> complete_definitions(pq_connection& db);

/// Why a scope that so many farms and equipments match cannot be used; absent for one.
[[nodiscard]] std::optional<failure> scope_fault(std::int64_t found, const std::string& scope);

[[nodiscard]] task<result<definition_outcome>>
load_definitions(pq_connection& db, const can::dbc_file& file, const definition_load& load);

/// The rows of a file under a version whose definition_set is there, in the transaction that is open.
[[nodiscard]] task<std::optional<failure>>
add_definitions(pq_connection& db, std::int32_t version, const can::dbc_file& file);

/// The catalogue that the program ships becomes version 1 of a database that has no definitions.
[[nodiscard]] task<std::optional<failure>> load_catalogue(pq_connection& db);

} // namespace postgres_work
} // namespace furrow::storage
