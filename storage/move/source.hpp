/// The source of a move: a SQLite database, read as of one moment in PostgreSQL's binary COPY format.
///
/// Shape: opened read-only, in one transaction for its life. Items that PostgreSQL cannot store (before 4713 BC, JSON
///   that jsonb rejects) are set aside first: they move as quarantined items, as a node on PostgreSQL would store them.
/// Errors: retry_later when the file does not exist. misconfigured, with what to do, when another process (a node) has
///   it open or it has other migrations than this program.
/// Threads: one; blocks its caller. No other part of this process may have the file open: fcntl locks belong to the
///   process, and checking for foreign locks drops them.
/// Limits: one row at a time in memory, and the items that are set aside (storage/move/aside.hpp).
/// Source: sqlite.org/wal.html and fileformat2.html (the lock-byte page: a process with a WAL database open holds a
///   lock there).
#pragma once

#include "storage/move/facts.hpp"
#include "storage/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

class sqlite_db;

class copy_source {
public:
  /// Bytes for COPY, whole rows.
  using sink = std::function<result<done>(std::string_view)>;
  /// Why jsonb rejects a text; absent when jsonb accepts it.
  using json_judge = std::function<result<std::optional<std::string>>(const std::string&)>;
  using counter = std::function<void(std::uint64_t rows)>; // each frame counts as one

  [[nodiscard]] static result<std::unique_ptr<copy_source>>
  open(const std::string& path, std::chrono::milliseconds lock_timeout);
  copy_source(const copy_source&) = delete;
  copy_source& operator=(const copy_source&) = delete;
  ~copy_source();

  [[nodiscard]] result<done> set_aside(const json_judge& judge);
  /// The items set aside, by stream; rows derived from frames whose times PostgreSQL cannot hold,
  /// by table.
  [[nodiscard]] result<std::map<std::int32_t, std::uint64_t>> aside_by_stream();
  [[nodiscard]] result<std::uint64_t> left_behind();

  /// Rows of all tables; each frame counts as one.
  [[nodiscard]] result<std::uint64_t> total();
  [[nodiscard]] result<std::uint64_t> rows(const copied_table& table);
  [[nodiscard]] result<copy_facts>
  read(const copied_table& table, const sink& to, const counter& counted);
  [[nodiscard]] result<std::vector<ledger_row>> ledger();
  /// Ends the transaction. Answers whether no process has written since it began and none has the file open now.
  /// Nothing can be read afterwards.
  [[nodiscard]] result<done> still_alone();

private:
  copy_source(std::unique_ptr<sqlite_db> db, std::string path);
  [[nodiscard]] result<done> begin();
  [[nodiscard]] result<copy_facts>
  read_blocks(const copied_table& table, const sink& to, const counter& counted);
  const char* kept(std::string sql);

  std::unique_ptr<sqlite_db> db_;
  std::string path_;
  std::vector<std::unique_ptr<std::string>> statements_; // sqlite_db keeps them by address
  std::int64_t version_ = 0;
};

} // namespace furrow::storage
