/// Which databases a cluster has, and in which of them each farm lives: its home.
///
/// Shape: the directory is in the main database, the one that `--database` names, and is a hint. The truth is in each
///   database: a claim there of a farm that is not here says where the farm is. A farm without a row lives in main.
/// Errors, threads: as storage/store.hpp. SQLite has one database and no such area.
/// Limits: databases_max databases; farms_max farms.
/// Source: docs/decisions/0039-a-farm-has-a-home.md.
#pragma once

#include "storage/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

struct author; // storage/identity/audit.hpp

inline constexpr std::string_view main_database = "main";
inline constexpr std::size_t databases_max = 64;
inline constexpr std::size_t farms_max = 100'000;

struct database_row {
  std::string name;           // main first
  std::string url;            // without a password; empty for main
  std::uint32_t weight = 100; // its share of new farms, in relation to the others; 0: takes none
  std::uint64_t farms = 0;    // that live there
};

struct farm_home {
  std::string farm;
  std::string database;
  std::int64_t version = 0; // counts the moves of the farm; the higher one is newer
  friend bool operator==(const farm_home&, const farm_home&) = default;
};

class directory_store {
public:
  virtual ~directory_store() = default;

  virtual void list_databases(handler<std::vector<database_row>> done) = 0;
  /// reject_row for a name or URL that is invalid or taken.
  virtual void add_database(database_row row, author by, handler<furrow::done> done) = 0;
  virtual void
  weigh_database(std::string name, std::uint32_t weight, author by, handler<furrow::done> done) = 0;
  /// reject_row while a farm lives there.
  virtual void remove_database(std::string name, author by, handler<furrow::done> done) = 0;
  /// The farms with a row.
  virtual void list_homes(handler<std::vector<farm_home>> done) = 0;
  /// The home of a farm; a new farm gets the lightest database, and its row first of all.
  virtual void place_farm(std::string farm, handler<farm_home> done) = 0;
};

} // namespace furrow::storage
