/// The data of a farm that people edit: the farm, its equipment and fields. Read, list and change them; each change is
/// checked. Users and tokens: storage/identity/identities.hpp.
///
/// Shape: a change is a value, and so is a unit of work. One transaction carries out the whole unit, so that no lock
///   waits for a client. A nested unit is a savepoint. A unit with an author is noted in the audit log in that transaction,
///   each change with the values before and after.
/// Errors: `failure` when the database fails; a change that is not allowed is a `rejection` in the outcome. A
///   connection lost during the commit is in_doubt.
/// Threads: as the store. An object must not be used after its store is destroyed.
///   The time zone of a farm is checked against the zones of the PostgreSQL server, or of this computer for SQLite.
/// Limits: unit_changes_max, unit_bytes_max, unit_depth_max, unit_notes_max, repository_page_max; the limits of each field are in
///   repository_check.cpp, and a rejection names them.
#pragma once

#include "storage/farm/field_boundary.hpp"
#include "storage/identity/audit.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t unit_changes_max = 50'000;
inline constexpr std::size_t unit_bytes_max = 64U << 20U;
inline constexpr std::size_t unit_depth_max = 8;
inline constexpr std::size_t unit_notes_max = 100; // a larger unit is one row of the audit log
inline constexpr std::size_t repository_page_max = 1'000;

// `name` is the key within the farm. `version` 0 in a change means "any version"; a row that is read has its stored
// version. `attributes` is a JSON object.

struct farm_record {
  std::string name; // chosen by the caller
  std::string title;
  std::string attributes = "{}";
  std::int64_t version = 0;
  std::string time_zone = "UTC"; // a name of the IANA database that the database knows
};

struct equipment_record {
  std::string name;
  std::optional<std::uint64_t> iso_name; // ISO 11783 NAME
  std::optional<std::int64_t> address;   // 0 to 253: the preferred address
  std::string kind = "unknown";
  std::string status = "active";
  std::string maker;
  std::string model;
  std::string serial;
  std::string firmware;
  std::string attributes = "{}";
  std::int64_t version = 0;
};

struct field_record {
  std::string name;
  std::string crop;
  std::string soil;
  std::string season;
  std::string boundary; // GeoJSON
  double area_m2 = 0;   // area and box are computed from the boundary when it is stored
  geo_box box;
  std::string attributes = "{}";
  std::int64_t version = 0;
};

/// In the order of `record`.
enum class entity : std::uint8_t { farm = 0, equipment = 1, field = 2 };
[[nodiscard]] const char* to_string(entity what);

using record = std::variant<farm_record, equipment_record, field_record>;
[[nodiscard]] inline entity entity_of(const record& row) {
  return static_cast<entity>(row.index());
}
[[nodiscard]] const std::string& name_of(const record& row);
[[nodiscard]] std::int64_t version_of(const record& row);

enum class action : std::uint8_t {
  create = 0, // must not exist
  update = 1, // must exist, in the given version
  upsert = 2, // either; the version is ignored
  remove = 3, // must exist, in the given version; only name and version are used
};

struct change {
  storage::action action = storage::action::upsert;
  storage::record row;
};

/// The changes in order, then the inner units in order.
struct unit_of_work {
  std::vector<change> changes;
  std::vector<unit_of_work> units;
  bool may_fail = false; // for an inner unit: a rejection undoes this unit alone, the rest goes on
  std::optional<author> by =
    {}; // for the audit log, of the outermost unit; nothing: it is not noted
};

enum class rejection_kind : std::uint8_t {
  invalid = 1,  // a value exceeds its limit: field, value and limit say which
  conflict = 2, // the stored version is another
  exists = 3,   // create found an existing row
  missing = 4,  // the row does not exist
  in_use = 5,   // other rows need it, so it cannot be removed
};

/// Why one change was not made.
struct rejection {
  rejection_kind kind = rejection_kind::invalid;
  storage::entity entity{};
  std::string name;
  std::size_t place = 0; // number of the change, counted through all units, from 0
  std::string field;     // the invalid field
  std::string value;     // shortened
  std::string limit;
  std::int64_t version = 0; // on conflict: the stored version
};
/// In one line.
[[nodiscard]] std::string to_string(const rejection& why);

struct unit_outcome {
  bool committed = false;            // false: nothing was changed, `rejections` say why
  std::vector<rejection> rejections; // with `committed`: of inner units that were undone
  std::uint64_t changed = 0;
};

struct record_query {
  std::string after; // the last name of the previous page
  std::size_t rows_max = 100;
  std::string name_prefix;
  /// Columns and their required values: kind, status, maker, crop, soil, season ...
  std::vector<std::pair<std::string, std::string>> filters;
  std::string sort;                       // a column; empty: the name
  bool is_descending = false;             // rows of one value are by name in both orders
  std::optional<std::string> after_value; // of the sort column in the last row of the previous page
};

struct record_page {
  std::vector<record> rows;              // ordered by bytes, numbers by value
  std::optional<std::string> next;       // `after` of the next page
  std::optional<std::string> next_value; // `after_value` of it, when a column to sort by was given
};

/// The first parameter of every call is the farm, from the caller's credential.
class repositories {
public:
  repositories() = default;
  repositories(const repositories&) = delete;
  repositories& operator=(const repositories&) = delete;
  virtual ~repositories() = default;

  /// Fails with not_found.
  virtual void get(std::string farm, entity what, std::string name, handler<record> done) = 0;
  /// Fails with reject_row on a filter that the entity does not have, and on a column that it is not sorted by.
  virtual void
  list(std::string farm, entity what, record_query query, handler<record_page> done) = 0;
  /// The fields that contain a position, by name.
  virtual void
  fields_at(std::string farm, geo_position at, handler<std::vector<field_record>> done) = 0;
  virtual void apply(std::string farm, unit_of_work work, handler<unit_outcome> done) = 0;
};

/// Positions and totals need more digits than a float has.
[[nodiscard]] unit_of_work unit_of(action what, record row);

} // namespace furrow::storage
