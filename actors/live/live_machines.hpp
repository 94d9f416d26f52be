/// The machines of a node as they are now, for the live stream and the fleet list, and who watches them.
///
/// Threads: safe from any; no call waits for an actor.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace furrow::actors {

struct live_equipment;  // actors/live/live_view.hpp
class live_place;       // actors/live/live_place.hpp
class machine_interest; // actors/live/interest.hpp

class live_machines {
public:
  live_machines() = default;
  live_machines(const live_machines&) = delete;
  live_machines& operator=(const live_machines&) = delete;
  virtual ~live_machines() = default;

  /// The last snapshot of each machine.
  [[nodiscard]] virtual std::vector<std::shared_ptr<const live_equipment>> all() const = 0;
  /// Those of a farm, in the order of the bytes of the machines' names: two of one machine while an older actor still
  /// stops.
  [[nodiscard]] virtual std::vector<std::shared_ptr<const live_equipment>>
  of_farm(const std::string& farm) const = 0;
  /// Those of one machine: two while an older actor still stops.
  [[nodiscard]] virtual std::vector<std::shared_ptr<const live_equipment>>
  of(const std::string& farm, const std::string& equipment) const = 0;
  /// Where each machine's actor publishes, in the order in which they were opened: the newest actor of a machine comes
  /// last. Hold them only for a moment: a place must end with its actor.
  [[nodiscard]] virtual std::vector<std::shared_ptr<live_place>> places() const = 0;
  /// The interest in a machine; its sessions and actors share it, and the live stream and the API write it.
  [[nodiscard]] virtual std::shared_ptr<machine_interest>
  interest_in(const std::string& farm, const std::string& equipment) = 0;
};

} // namespace furrow::actors
