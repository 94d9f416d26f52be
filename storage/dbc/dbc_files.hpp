/// DBC files in the database: what people loaded, for which machines, and which of them are used.
///
/// Shape: a file is kept as it was loaded. It applies to one machine, to a farm or to all machines. Of the files of one
///   name for the same machines one is active at most. A node decodes with the active files, the closest first (machine,
///   farm, all; then the newest), before its catalogue. In PostgreSQL the definitions of an active file are rows of
///   definition_set too, for SQL.
///   A change is noted in the audit log, under `by`, in the transaction that makes it.
/// Units: microseconds since 1970.
/// Errors: not_found names the farm, machine or file; reject_row for a text that is no DBC file. Else as
///   storage/store.hpp.
/// Threads: as storage/store.hpp.
/// Limits: dbc_file_bytes_max bytes a file.
#pragma once

#include "can/dbc/file.hpp"
#include "storage/errc.hpp"
#include "storage/identity/audit.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t dbc_file_bytes_max = 32U << 20U;

struct dbc_upload {
  std::string name; // of the file, for people
  /// "all", a farm, a machine, FARM/EQUIPMENT, or "FARM/": the farm, also where a machine has its name.
  std::string scope;
  std::string content;
  can::dbc_encoding encoding = can::dbc_encoding::detect;
};

struct stored_dbc {
  std::int32_t id = 0;
  std::string name;
  std::string farm;      // empty: applies to all
  std::string equipment; // empty: applies to the farm, or to all
  std::string sha256;    // of what was read from the file (dbc_checksum)
  bool active = false;
  std::int32_t version = 0; // of its definitions for SQL, while it is active (PostgreSQL)
  std::int64_t loaded_us = 0;
  can::dbc_encoding encoding = can::dbc_encoding::detect;
  std::string content; // of `read` and `read_active` only
};

/// Whether its definitions count for this machine.
[[nodiscard]] inline bool
applies_to(const stored_dbc& file, std::string_view farm, std::string_view equipment) {
  return (file.farm.empty() || file.farm == farm)
         && (file.equipment.empty() || file.equipment == equipment);
}
/// "all", "farm north" or "north/T1".
[[nodiscard]] std::string scope_of(const stored_dbc& file);
/// What the audit log says of a change. `file` is as it was read before the change, or as it was loaded.
[[nodiscard]] audit_row audit_of_dbc(const author& by, const char* action, const stored_dbc& file);
/// Of what the parser has read: two files with the same checksum decode alike, with the same names, units and labels.
[[nodiscard]] std::string dbc_checksum(const can::dbc_file& file);
[[nodiscard]] result<can::dbc_file> parse_stored(const stored_dbc& file);

/// The active files at one moment.
struct active_dbc {
  std::string stamp; // changes with them
  std::vector<stored_dbc> files;
};

struct dbc_load_outcome {
  std::int32_t id = 0;
  bool added = false; // false: it was there and is active
};

class dbc_store {
public:
  virtual ~dbc_store() = default;

  /// Keeps the file and makes it the active one of its name; the same content is not kept twice.
  virtual void load(dbc_upload file, author by, handler<dbc_load_outcome> done) = 0;
  /// Without contents, by scope and name, the newest first.
  virtual void list(handler<std::vector<stored_dbc>> done) = 0;
  virtual void read(std::int32_t id, handler<stored_dbc> done) = 0;
  /// Makes it the active one of its name for the same machines.
  virtual void activate(std::int32_t id, author by, handler<furrow::done> done) = 0;
  virtual void remove(std::int32_t id, author by, handler<furrow::done> done) = 0;
  /// Nothing when the stamp is still `known`.
  virtual void read_active(std::string known, handler<std::optional<active_dbc>> done) = 0;
  /// Into a database other than main: the definitions of these files of main, which are for all machines; what was copied
  /// under another name goes. For SQL there, so that SQLite does nothing.
  virtual void copy_definitions(std::vector<stored_dbc> files, handler<furrow::done> copied);
};

} // namespace furrow::storage
