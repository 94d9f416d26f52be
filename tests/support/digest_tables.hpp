/// A model of the tables that a digest fills. Rows are added as in the databases.
#pragma once

#include "can/live/stream_digest.hpp"

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

namespace furrow::tests {

struct digest_tables {
  std::map<std::pair<std::uint32_t, std::int64_t>, can::rollup_row> rollups;
  std::map<std::int64_t, can::telemetry_row> telemetry;
  can::telemetry_row latest;
  std::map<std::tuple<std::uint64_t, std::uint32_t, std::uint8_t>, can::fault_row> faults;

  void add(const can::digest_rows& rows) {
    for (const auto& row : rows.rollups) {
      const auto [at, made] = rollups.try_emplace({row.signal, row.minute_us}, row);
      if (!made)
        at->second.add(row);
    }
    for (const auto& row : rows.telemetry) {
      auto& at = telemetry[row.time_us];
      if (row.seq > at.seq)
        at = row;
      if (std::pair{row.time_us, row.seq} > std::pair{latest.time_us, latest.seq})
        latest = row;
    }
    for (const auto& row : rows.faults)
      faults.insert_or_assign({row.first_seq, row.spn, row.fmi}, row);
  }
  friend bool operator==(const digest_tables&, const digest_tables&) = default;
};

} // namespace furrow::tests
