/// The size of a database, and the bytes per frame.
///
/// Units: bytes on disk, with indexes and out-of-line columns, unless said otherwise.
/// Errors, threads: as storage/store.hpp.
/// Limits: counting frames reads every row of frames once (not their columns). Rows of tables are counted too; for
///   PostgreSQL's large tables the planner's estimate is used.
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
  std::uint64_t index_bytes = 0;     // part of `bytes`
  std::optional<std::uint64_t> rows; // absent: a large table that PostgreSQL has not analysed yet
  bool rows_estimated = false;       // the estimate of PostgreSQL's planner
};

struct tier_size {
  std::string tier; // fresh, sealed
  std::uint64_t frames = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;        // all its tables
  std::uint64_t column_bytes = 0; // the frames' columns before compression
  std::uint64_t stored_bytes = 0; // the same after compression
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
