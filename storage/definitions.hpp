/// Loads signal definitions into the database: each DBC file is a version, for a farm, an equipment
/// or all. PostgreSQL only.
///
/// Errors: not_found names the farm or equipment; misconfigured for a SQLite URL or a schema
///   without the tables.
/// Threads: `load_definitions` blocks its caller: it is for command lines.
#pragma once

#include "can/dbc/file.hpp"
#include "storage/store.hpp"

#include <cstdint>
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

} // namespace furrow::storage
