/// A database of a benchmark's own: made on the server (or in the folder) of a URL, measured, and
/// dropped again.
///
/// Shape: beside the node's tables it holds what the node is compared with: rows by binary COPY.
/// Errors: misconfigured when it cannot be made or the database of the URL holds a fleet's data,
///   retry_later when the server is away.
/// Threads: one thread; every call waits for the database.
/// Limits: dropped by the destructor; what a killed benchmark leaves behind is named
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

/// Rows as everybody stores them, in PostgreSQL's binary COPY format: (time timestamptz, equipment
/// int, can_id int, data bytea).
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
  std::uint64_t wal_bytes = 0;  // written meanwhile
  std::uint64_t disk_bytes = 0; // table and index
};

struct bench_tables {
  std::uint64_t blocks = 0;
  std::uint64_t frames = 0;
  std::uint64_t disk_bytes = 0; // can_block with its indexes
  std::uint64_t lost = 0;       // of the ledger, all streams
  std::uint64_t doubled = 0;
};

struct bench_query {
  std::uint64_t rows = 0;
  double seconds = 0; // until the last row was here
};

class bench_database {
public:
  virtual ~bench_database() = default;
  /// Where the node finds it; may hold a password.
  [[nodiscard]] virtual std::string url() const = 0;
  /// The process whose children serve the connections, when it runs where this program sees it.
  [[nodiscard]] virtual std::optional<int> server_process() = 0;
  [[nodiscard]] virtual result<bench_tables> tables() = 0;
  /// The watermark of this machine's stream; 0 before it has one.
  [[nodiscard]] virtual result<std::uint64_t> watermark(const std::string& equipment) = 0;
  /// Bytes of write-ahead log so far; 0 where there is none to be asked for.
  [[nodiscard]] virtual result<std::uint64_t> wal_position() = 0;
  /// Stores the rows in one transaction into a table with an index on (equipment, time). A SQLite
  /// file has no COPY: nothing.
  [[nodiscard]] virtual result<std::optional<bench_copy>> copy(const bench_rows& rows) = 0;
  /// Runs a query of the benchmark's own (a literal: it is not checked) and takes all rows.
  [[nodiscard]] virtual result<bench_query> query(const std::string& sql) = 0;
  /// What the figures depend on: version, fsync, synchronous_commit ...
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> settings() = 0;
};

/// Refuses (misconfigured) when the database of the URL holds frames, unless forced: its server has
/// other work to do than to be measured. Nothing in that database is touched either way.
[[nodiscard]] result<std::unique_ptr<bench_database>> make_bench_database(const std::string& url,
                                                                          bool forced);

} // namespace furrow::storage
