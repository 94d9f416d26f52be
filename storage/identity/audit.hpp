/// The audit log: who changed what, from where, with the values before and after.
///
/// Shape: a change of the database is noted in the transaction that makes it; what changes no row (a killed actor, a node
///   that drains) is noted by itself. A row holds no password and no token.
/// Units: microseconds since 1970, of the database.
/// Errors, threads: as storage/store.hpp.
/// Limits: audit_page_max rows a page; texts as audit_text_max and audit_json_max say, longer ones are cut or left out.
#pragma once

#include "storage/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t audit_page_max = 1'000;
inline constexpr std::size_t audit_text_max = 1'024;
inline constexpr std::size_t audit_json_max = 16U << 10U;

/// Who makes a change.
struct author {
  std::string who; // "north/anna", "token north/phone", of a command: the login name and the host
  std::string origin = {}; // the address; empty: a command on the database
};

struct audit_row {
  std::int64_t time_us = 0; // given by the database when it is noted
  std::string who;
  std::string action; // "equipment remove"
  std::string object; // "north/T1"
  std::string detail = {};
  std::string farm = {}; // that was changed; empty: the node, or all farms
  std::string origin = {};
  std::string before = {}; // a JSON object; empty: there was nothing
  std::string after = {};
  std::int64_t id = 0; // given by the database
};

struct audit_query {
  std::optional<std::string> farm = {}; // nothing: of every farm and of the node
  std::int64_t older_than = 0;          // an id; 0: the newest
  std::string who = {};                 // empty: everybody
  std::string action = {};              // begins with this; empty: every
  std::size_t rows_max = 100;
};

class audit_store {
public:
  audit_store() = default;
  audit_store(const audit_store&) = delete;
  audit_store& operator=(const audit_store&) = delete;
  virtual ~audit_store() = default;

  virtual void note(audit_row row, handler<furrow::done> done) = 0;
  /// The newest first.
  virtual void list(audit_query query, handler<std::vector<audit_row>> done) = 0;
  /// Deletes what is older; answers how many rows.
  virtual void prune(std::int64_t older_than_us, handler<std::uint64_t> done) = 0;
};

} // namespace furrow::storage
