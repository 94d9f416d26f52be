/// Items of a SQLite database that PostgreSQL cannot store as what they are. They are found before a move and kept in
/// temp.set_aside, whose columns are those of quarantine: frames and records before 4713 BC, JSON that jsonb rejects.
///
/// Errors: sqlite_error is thrown, as in storage/sqlite/work.hpp; a failure of the judge is returned.
/// Threads: the thread that owns the connection.
/// Limits: set_aside_max frames.
#pragma once

#include "storage/append/append_plan.hpp"
#include "storage/sqlite/db.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::storage::copy_aside {

inline constexpr std::uint64_t set_aside_max = 1'000'000;

/// Why jsonb rejects a text; absent when jsonb accepts it.
using json_judge = std::function<result<std::optional<std::string>>(const std::string&)>;

void make_table(sqlite_db& db);
[[nodiscard]] std::optional<failure> put(sqlite_db& db, const json_judge& judge);

/// The select for rows that `parted_block` reads; the caller adds where and order.
inline constexpr const char* blocks_sql =
  "select seq_first, frames, time_base, headers, header_index, time_offset, payload, long_payload, "
  "stream, equipment_id, time_first from can_block ";

/// A block, divided into slices whose times PostgreSQL can hold and items whose times it cannot.
class parted_block {
public:
  void read(const sqlite_statement& row);
  [[nodiscard]] const frame_run& run() const { return run_; }
  [[nodiscard]] const std::vector<frame_slice>& slices() const { return slices_; }
  [[nodiscard]] std::span<const quarantine_ref> undated() const;

private:
  frame_run run_;
  std::optional<append_plan> plan_; // only when there are such items
  std::vector<frame_slice> slices_;
};

} // namespace furrow::storage::copy_aside
