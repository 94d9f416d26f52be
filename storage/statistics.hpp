/// How large a database is, and what a frame costs in it.
///
/// Units: bytes as they stand on disk, indexes and out-of-line columns included, unless said otherwise.
/// Errors, threads: as storage/store.hpp.
/// Limits: frames are counted, which reads every row of frames once (not their columns). Rows of tables are counted too,
///   but those of PostgreSQL's large tables are taken from its planner.
#pragma once

#include "storage/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

struct table_size {
  std::string name;
  std::string kind; // frames, records, derived, other
  bool partition = false;
  std::uint64_t bytes = 0;
  std::uint64_t index_bytes = 0;     // of these
  std::optional<std::uint64_t> rows; // none: a large table that PostgreSQL has not analysed yet
  bool rows_estimated = false;       // as PostgreSQL's planner has them
};

struct tier_size {
  std::string tier; // fresh, sealed
  std::uint64_t frames = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;        // all its tables
  std::uint64_t column_bytes = 0; // the frames' columns before compression
  std::uint64_t stored_bytes = 0; // and after it
};

struct machine_size {
  std::string farm;
  std::string equipment;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0; // of its rows of frames, without indexes
};

struct database_statistics {
  std::uint64_t bytes = 0;        // the whole database
  std::vector<table_size> tables; // the largest first
  std::vector<tier_size> tiers;
  std::vector<machine_size> machines; // the largest first
};

class size_store {
public:
  virtual ~size_store() = default;

  virtual void statistics(std::uint32_t machines_max, handler<database_statistics> done) = 0;
};

} // namespace furrow::storage
