/// The machines of a caller, live at any node and stored, each once: what the lists of machines are made from.
///
/// Shape: nothing of a row is made here. The rows of the database are shared with other callers; live states are the
///   snapshots of the machines.
/// Errors: `fault` when the database does not answer; then only live machines are there.
/// Threads: plain values; `read_fleet` as resources.hpp.
#pragma once

#include "tools/furrowd/api/bodies/machine_summary.hpp"
#include "tools/furrowd/api/peers.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/cache/homes.hpp"
#include "tools/furrowd/cache/summaries.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::http {

struct fleet_machine {
  const storage::equipment_row* stored = nullptr;
  std::span<const actors::live_equipment* const> live = {};
  const std::string* live_at = nullptr; // the node of the live ones; nullptr: it is not live

  [[nodiscard]] const std::string& name() const {
    return stored != nullptr ? stored->name : live.front()->equipment;
  }
  [[nodiscard]] machine_summary summary(std::int64_t now_us) const {
    return summary_of(stored, live, now_us);
  }
};

class fleet_rows {
public:
  /// `stored` is in the order of the bytes of the names; nullptr: nothing is known of it. `only`: one machine, by its name.
  fleet_rows(shared_rows stored,
             placed_machines live,
             const daemon::credential& who,
             const std::optional<std::string>& only = std::nullopt);
  fleet_rows(fleet_rows&&) noexcept = default;
  fleet_rows& operator=(fleet_rows&&) noexcept = default;

  home_cache::shared_places places;
  std::optional<problem> fault; // why nothing is known of what is stored

  /// In the order of the bytes of their names.
  [[nodiscard]] const std::vector<fleet_machine>& machines() const { return machines_; }
  [[nodiscard]] const fleet_machine* find(const std::string& name) const;
  [[nodiscard]] const std::vector<std::string>& incomplete_nodes() const {
    return live_.incomplete;
  }
  /// Where a machine is that is not connected, or what it waits for.
  [[nodiscard]] const machine_place& place_of(const std::string& name) const;
  /// The node of a machine, as its rows show it; empty: it is nowhere.
  [[nodiscard]] const std::string& node_of(const fleet_machine& machine, bool connected) const;

private:
  shared_rows stored_;
  placed_machines live_;
  std::vector<const actors::live_equipment*> live_by_name_;
  std::vector<fleet_machine> machines_;
};

/// How old the rows of the database may be.
enum class stored_age : std::uint8_t {
  usual, // the time to live of the cache
  aged,  // as stored_equipment_soon
};
/// `only`: one machine, by its name.
[[nodiscard]] boost::asio::awaitable<fleet_rows>
read_fleet(api_context& of,
           daemon::credential who,
           stored_age age,
           std::optional<std::string> only = std::nullopt);

} // namespace furrow::http
