/// The target of a move: an empty PostgreSQL database. Writes the rows, and reads them back.
///
/// Shape: one transaction from `open` to `commit`, with the tables locked against writers: a process that dies before
///   the commit leaves nothing.
/// Errors: retry_later when the server is away; misconfigured, with what to do, when the schema is not this program's
///   or another session uses the tables.
/// Threads: one; blocks its caller.
/// Limits: one row at a time in memory, of blocks `blocks_a_fetch`.
/// Source: PostgreSQL 15, COPY (binary format), DECLARE.
#pragma once

#include "storage/move/facts.hpp"
#include "storage/postgres/connection/session.hpp"
#include "storage/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

class copy_target {
public:
  using counter = std::function<void(std::uint64_t rows)>; // each frame counts as one

  [[nodiscard]] static result<std::unique_ptr<copy_target>> open(const store_options& options);

  /// The tables that hold rows, with their row counts, in one line; empty: the database is empty.
  [[nodiscard]] result<std::string> held();
  [[nodiscard]] result<std::uint64_t> rows(const copied_table& table);

  [[nodiscard]] result<std::optional<std::string>> json_refusal(const std::string& text);
  [[nodiscard]] result<done> begin(const copied_table& table);
  [[nodiscard]] result<done> put(std::string_view rows) { return db_.put(rows); }
  /// The table's rows are complete; the next number of its identity follows the largest one.
  [[nodiscard]] result<done> end(const copied_table& table);

  [[nodiscard]] result<copy_facts> read(const copied_table& table, const counter& counted);
  [[nodiscard]] result<std::vector<ledger_row>> ledger();
  /// Creates partitions for the times of the copied frames, so that the sealer finds them; answers how many.
  [[nodiscard]] result<std::uint64_t> make_partitions();
  [[nodiscard]] result<done> commit();

private:
  explicit copy_target(pq_session db) : db_{std::move(db)} {}
  [[nodiscard]] result<copy_facts> read_blocks(const copied_table& table, const counter& counted);

  pq_session db_;
};

} // namespace furrow::storage
