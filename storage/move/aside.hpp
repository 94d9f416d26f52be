/// Items of a SQLite database that PostgreSQL cannot hold as what they are, found before a move and kept beside it in
/// temp.set_aside, whose columns are those of quarantine: frames and records before 4713 BC, JSON that jsonb refuses.
///
/// Errors: sqlite_error is thrown, as in sqlite_work.hpp; what the judge fails with is answered.
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

/// Why jsonb refuses a text; nothing when it takes it.
using json_judge = std::function<result<std::optional<std::string>>(const std::string&)>;

void make_table(sqlite_db& db);
[[nodiscard]] std::optional<failure> put(sqlite_db& db, const json_judge& judge);

/// Rows that `parted_block` reads; where and order follow.
inline constexpr const char* blocks_sql =
  "select seq_first, frames, time_base, headers, header_index, time_offset, payload, long_payload, "
  "stream, equipment_id, time_first from can_block ";

/// A block as slices that PostgreSQL can date, and items that it cannot.
class parted_block {
public:
  void read(const sqlite_statement& row);
  [[nodiscard]] const frame_run& run() const { return run_; }
  [[nodiscard]] const std::vector<frame_slice>& slices() const { return slices_; }
  [[nodiscard]] std::span<const quarantine_ref> undated() const;

private:
  frame_run run_;
  std::optional<append_plan> plan_; // when there are such items
  std::vector<frame_slice> slices_;
};

} // namespace furrow::storage::copy_aside
