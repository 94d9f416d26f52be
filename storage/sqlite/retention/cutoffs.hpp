/// Which rule of retention holds for a farm, and the time before which data of a kind goes.
///
/// Units: microseconds since 1970.
/// Errors, threads: as storage/sqlite/work.hpp.
#pragma once

#include "storage/retention.hpp"
#include "storage/sqlite/db.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace furrow::storage::sqlite_work {

/// A farm, a kind of data, and the time before which that data is deleted.
struct cutoff {
  std::int64_t farm = 0;
  std::string name;
  std::int64_t time_us = 0;
  data_kind rule = data_kind::frames; // that says so
};

/// Of each farm that does not keep all of a kind. `wish`: a rule that is not set, taken as if it were.
[[nodiscard]] std::vector<cutoff>
cutoffs(sqlite_db& db, data_kind kind, std::int64_t at_us, const retention_rule* wish = nullptr);
/// The same of records of one kind: the rule of all records stands for the kind's own.
[[nodiscard]] std::vector<cutoff> record_cutoffs(sqlite_db& db,
                                                 data_kind kind,
                                                 std::int64_t at_us,
                                                 const retention_rule* wish = nullptr);

} // namespace furrow::storage::sqlite_work
