/// Which databases a cluster has, and in which of them each farm lives: its home.
///
/// Shape: the directory is in the main database, the one that `--database` names, and is a hint. The truth is in each
///   database: a claim there of a farm that is not here says where the farm is. A farm without a row lives in main.
/// Errors, threads: as storage/store.hpp. SQLite has one database and no such area.
/// Limits: databases_max databases, with names of 1 to 32 of a-z, 0-9, "-" and "_"; farms_max farms.
/// Source: docs/decisions/0039-a-farm-has-a-home.md.
#pragma once

#include "storage/errc.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

struct author; // storage/identity/audit.hpp

inline constexpr std::string_view main_database = "main";
inline constexpr std::size_t databases_max = 64; // main and 63 with numbers
inline constexpr std::size_t farms_max = 100'000;
inline constexpr unsigned home_number_bits = 25;

struct database_row {
  std::string name;           // main first
  std::string url;            // without a password; empty for main
  std::uint32_t weight = 100; // its share of new farms, in relation to the others; 0: takes none
  std::uint64_t farms = 0;    // that live there
  std::uint32_t number =
    0; // its ids begin at number << home_number_bits; 0: main, or one without ids of its own
};

/// Which ids a database gives.
struct database_numbering {
  std::string identity; // the same under each URL that leads to the database
  std::optional<std::uint32_t> number;
  bool empty = false; // no row has an id yet
};

/// A farm as one database sees it: the truth.
struct farm_state {
  std::string farm;
  std::uint64_t machines = 0;
  std::string home; // the database that it lives in or moves to; empty: this one
  std::int64_t version = 0;
  std::string state; // here, leaving, gone, arriving
};

class directory_store {
public:
  directory_store() = default;
  directory_store(const directory_store&) = delete;
  directory_store& operator=(const directory_store&) = delete;
  virtual ~directory_store() = default;

  virtual void list_databases(handler<std::vector<database_row>> done) = 0;
  /// reject_row for a name or URL that is invalid or taken, or a URL with a password.
  virtual void add_database(database_row row, author by, handler<furrow::done> done) = 0;
  virtual void
  weigh_database(std::string name, std::uint32_t weight, author by, handler<furrow::done> done) = 0;
  /// The next number, which no database has had; add_database makes it the last one.
  virtual void free_number(handler<std::uint32_t> done);
  /// Of this database.
  virtual void read_numbering(handler<database_numbering> done);
  /// Makes this empty database the home `number`, and answers the number that it has: one with farms, signals or DBC files
  /// keeps an earlier one, and is an error without one. Main gets 0, with rows or without.
  virtual void number_ids(std::uint32_t number, handler<std::uint32_t> done);
  /// reject_row while a farm lives there.
  virtual void remove_database(std::string name, author by, handler<furrow::done> done) = 0;
  /// The farms with a row, and those without one that main holds, with the version 0.
  virtual void list_homes(handler<std::vector<farm_home>> done) = 0;
  /// The home of a farm; a new farm gets the lightest database, and its row first of all.
  virtual void place_farm(std::string farm, handler<farm_home> done) = 0;
  /// Its row, if it has one. Places nothing.
  virtual void find_home(std::string farm, handler<std::optional<farm_home>> done);
  /// Grows with every change of databases and homes. 0: unknown, so ask for them.
  virtual void read_version(handler<std::int64_t> done);
  /// Of this database, whatever the directory says: farms with machines, fields or a description, and those that moved.
  virtual void list_farms(handler<std::vector<farm_state>> done);
};

/// The farm is not in the database that was asked. `home`: the database that it lives in; empty: it arrives in that one.
[[nodiscard]] failure lives_elsewhere(const std::string& farm, const std::string& home);
/// Whether `lives_elsewhere` said so.
[[nodiscard]] bool says_elsewhere(const failure& why);
[[nodiscard]] bool is_database_name(std::string_view name);
/// Whether people may add it: its name, weight and URL, which must be PostgreSQL's and without a password. Asks nobody.
[[nodiscard]] result<done> check_database(const database_row& row);

} // namespace furrow::storage
