/// Rows of machines as text with what a map and a list need, written without a JSON object for each row.
///
/// Shape: the names are those of the live stream with `brief` (docs/live-stream.md): {name, connected, node, seen,
///   active_faults, values}, and `relayed` only when it is true. `values` has the bare values that are known: live
///   ones, else the stored ones.
/// Units: in the keys.
/// Errors: absent is null; an absent value is left out.
/// Threads: a plain value.
#pragma once

#include "tools/furrowd/api/fleet/fleet_rows.hpp"
#include "tools/furrowd/stream/live_values.hpp"
#include "tools/furrowd/stream/subscription.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace furrow::http {

/// About how long a row is.
inline constexpr std::size_t brief_row_bytes = 320;

class brief_rows {
public:
  /// The quantities that match the subscription's `signals`; without them those of a map.
  brief_rows(const subscription& wanted, const fleet_rows& of, std::int64_t now_us);

  void append(std::string& out, const fleet_machine& machine);

private:
  const fleet_rows& of_;
  const std::int64_t now_us_;
  std::vector<std::size_t> shown_; // numbers of quantities
  quantity_set wanted_;            // the same
  std::vector<value_cell> cells_;  // of the machine at hand
};

/// The cells of a machine's live state, or of what is stored of it; empty when there is neither. Only those of `wanted`
/// are read.
void read_cells(const machine_summary& of, std::vector<value_cell>& to, const quantity_set& wanted);

} // namespace furrow::http
