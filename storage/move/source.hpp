/// A SQLite database of Furrow's as one moment's rows in PostgreSQL's binary COPY format: the half that a move reads.
///
/// Shape: opened read-only, in one transaction for its life. Items that PostgreSQL cannot hold (before 4713 BC, JSON that
///   jsonb refuses) are set aside first: they go on as quarantined, which is what a node on PostgreSQL makes of them.
/// Errors: retry_later when the file is not there; misconfigured, with what to do, when another process has it open (the
///   node that still writes to it) or its migrations are others than this program's.
/// Threads: one; blocks its caller. No other part of this process may have the file open when it is opened (fcntl locks
///   are a process's, and looking for those of others drops them).
/// Limits: one row at a time in memory, and the items that are set aside (storage/move/aside.hpp).
/// Source: sqlite.org/wal.html and fileformat2.html (the lock-byte page: who has a WAL database open holds a lock there).
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
  /// Why jsonb refuses a text; nothing when it takes it.
  using json_judge = std::function<result<std::optional<std::string>>(const std::string&)>;
  using counter = std::function<void(std::uint64_t rows)>; // frames count one by one

  [[nodiscard]] static result<std::unique_ptr<copy_source>>
  open(const std::string& path, std::chrono::milliseconds lock_timeout);
  copy_source(const copy_source&) = delete;
  copy_source& operator=(const copy_source&) = delete;
  ~copy_source();

  [[nodiscard]] result<done> set_aside(const json_judge& judge);
  /// What was set aside, by stream; rows that are made of frames and cannot be dated, by table.
  [[nodiscard]] result<std::map<std::int32_t, std::uint64_t>> aside_by_stream();
  [[nodiscard]] result<std::uint64_t> left_behind();

  /// Rows of all tables, frames one by one.
  [[nodiscard]] result<std::uint64_t> total();
  [[nodiscard]] result<std::uint64_t> rows(const copied_table& table);
  [[nodiscard]] result<copy_facts>
  read(const copied_table& table, const sink& to, const counter& counted);
  [[nodiscard]] result<std::vector<ledger_row>> ledger();
  /// Ends the transaction: whether nobody has written since it began, and nobody has the file open now. Nothing can be
  /// read after it.
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
