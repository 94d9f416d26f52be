/// What is stored and what is live of one machine, put together: the base of its rows, whatever their form.
///
/// Shape: while a newer actor replaces an older one there are two live states: numbers are summed, the state is that of
///   the latest frame.
/// Units: microseconds since 1970.
/// Errors: absent is nothing, never zero.
/// Threads: plain values that point to those of the caller.
#pragma once

#include "actors/live/live_view.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace furrow::http {

/// Both pointers of its state are nullptr when nothing is known of it.
struct machine_summary {
  const storage::equipment_row* stored = nullptr; // nullptr: the database does not know it
  const actors::live_equipment* latest = nullptr; // nullptr: it is not live
  actors::live_standing sum;                      // only with `latest`; without farm and name
  std::optional<std::int64_t> last_frame_us;

  /// Whether a site forwards it, also while the line of the site is away.
  [[nodiscard]] bool is_relayed() const {
    return sum.connected ? sum.relayed : stored != nullptr && stored->relayed;
  }
  /// Whether its values are those that are stored.
  [[nodiscard]] bool is_from_store() const {
    const bool heard = latest != nullptr && latest->state->last_frame_us != 0;
    return !heard && stored != nullptr && stored->state.has_value();
  }
};

[[nodiscard]] machine_summary summary_of(const storage::equipment_row* stored,
                                         std::span<const actors::live_equipment* const> live,
                                         std::int64_t now_us);

} // namespace furrow::http
