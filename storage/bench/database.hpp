/// A benchmark's own database: created on the server (or in the folder) of a URL, measured, and
/// dropped again.
///
/// Shape: beside the node's tables it holds the tables for comparison: rows by binary COPY.
/// Errors: misconfigured when it cannot be created or the URL's database holds a fleet's data,
///   retry_later when the server is away.
/// Threads: one thread; every call waits for the database.
/// Limits: the destructor drops the database; a killed benchmark leaves one named
///   furrow_bench_NUMBER.
#pragma once

#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

/// Rows in the usual layout, in PostgreSQL's binary COPY format: (time timestamptz, equipment int,
/// can_id int, data bytea).
class bench_rows {
public:
  void add(std::int32_t equipment, const can::frame_view& frame);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::string_view bytes() const { return buffer_.view(); }

private:
  byte_buffer buffer_;
  std::uint64_t count_ = 0;
};

struct bench_copy {
  double seconds = 0;           // from BEGIN to the answer to COMMIT
  std::uint64_t wal_bytes = 0;  // written in that time
  std::uint64_t disk_bytes = 0; // table and index
};

struct bench_tables {
  std::uint64_t blocks = 0;
  std::uint64_t frames = 0;
  std::uint64_t disk_bytes = 0; // can_block with its indexes
  std::uint64_t lost = 0;       // of the ledger, summed over all streams
  std::uint64_t doubled = 0;
};

struct bench_query {
  std::uint64_t rows = 0;
  double seconds = 0; // until the last row has arrived
};

class bench_database {
public:
  virtual ~bench_database() = default;
  /// The URL for the node; may hold a password.
  [[nodiscard]] virtual std::string url() const = 0;
  /// The process whose children serve the connections; absent when it runs outside this program's
  /// view.
  [[nodiscard]] virtual std::optional<int> server_process() = 0;
  [[nodiscard]] virtual result<bench_tables> tables() = 0;
  /// The watermark of this machine's stream; 0 before the stream exists.
  [[nodiscard]] virtual result<std::uint64_t> watermark(const std::string& equipment) = 0;
  /// Bytes of write-ahead log so far; 0 when the database does not report it.
  [[nodiscard]] virtual result<std::uint64_t> wal_position() = 0;
  /// Stores the rows in one transaction into a table with an index on (equipment, time). Absent for
  /// SQLite, which has no COPY.
  [[nodiscard]] virtual result<std::optional<bench_copy>> copy(const bench_rows& rows) = 0;
  /// Makes that table anew and empty, for `add_rows`. False for SQLite.
  [[nodiscard]] virtual result<bool> begin_rows() = 0;
  /// Stores more rows, in one transaction.
  [[nodiscard]] virtual result<done> add_rows(const bench_rows& rows) = 0;
  [[nodiscard]] virtual result<std::uint64_t> rows_disk_bytes() = 0; // with the index
  /// Runs a query of the benchmark (a literal: it is not checked) and reads all rows.
  [[nodiscard]] virtual result<bench_query> query(const std::string& sql) = 0;
  /// The settings that affect the figures: version, fsync, synchronous_commit ...
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> settings() = 0;
};

/// Fails with misconfigured when the URL's database holds frames, unless forced: a benchmark would
/// disturb a server at work. Changes nothing in that database.
[[nodiscard]] result<std::unique_ptr<bench_database>> make_bench_database(const std::string& url,
                                                                          bool forced);

} // namespace furrow::storage
