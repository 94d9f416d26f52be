/// An empty PostgreSQL database that a move fills: the half that writes, and reads back what it wrote.
///
/// Shape: one transaction from `open` to `commit`, with the tables locked against writers: whoever dies on the way leaves
///   nothing behind.
/// Errors: retry_later when the server is away; misconfigured, with what to do, when its schema is not this program's or
///   somebody works in it.
/// Threads: one; blocks its caller.
/// Limits: a row at a time in memory, of blocks `blocks_a_fetch`.
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
  using counter = std::function<void(std::uint64_t rows)>; // frames count one by one

  [[nodiscard]] static result<std::unique_ptr<copy_target>> open(const store_options& options);

  /// The tables that hold rows, with their number, as one line; empty: it is an empty database.
  [[nodiscard]] result<std::string> held();
  [[nodiscard]] result<std::uint64_t> rows(const copied_table& table);

  [[nodiscard]] result<std::optional<std::string>> json_refusal(const std::string& text);
  [[nodiscard]] result<done> begin(const copied_table& table);
  [[nodiscard]] result<done> put(std::string_view rows) { return db_.put(rows); }
  /// Its rows are in; the next number of an identity is the one after them.
  [[nodiscard]] result<done> end(const copied_table& table);

  [[nodiscard]] result<copy_facts> read(const copied_table& table, const counter& counted);
  [[nodiscard]] result<std::vector<ledger_row>> ledger();
  /// Partitions for the times of the frames that are in, so that sealing finds them in their place; how many.
  [[nodiscard]] result<std::uint64_t> make_partitions();
  [[nodiscard]] result<done> commit();

private:
  explicit copy_target(pq_session db) : db_{std::move(db)} {}
  [[nodiscard]] result<copy_facts> read_blocks(const copied_table& table, const counter& counted);

  pq_session db_;
};

} // namespace furrow::storage
