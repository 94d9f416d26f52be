/// The machines of one farm as the live stream shows them: what each part of them is, and at which cursor it last changed.
///
/// Shape: the cursor is a number that grows with each look at the board that found a change. What a client has missed since
///   cursor N are the parts that changed after N, at their newest value; so a slow client and one that comes back need no
///   queue of their own. A machine that is gone stays as a mark.
/// Units: microseconds since 1970.
/// Threads: a plain value; the hub has the mutex.
/// Limits: marks_max marks of machines that are gone; a client that is behind the oldest dropped one gets a snapshot.
///   `cleared_max` cleared faults and `own_max` signals of people's own DBC files for each machine.
#pragma once

#include "actors/live/live_place.hpp"
#include "tools/furrowd/stream/live_values.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace furrow::http {

struct stream_value {
  value_cell cell;
  std::uint64_t changed_at = 0;
  std::uint64_t source_at = 0; // when its PGN, source or bus changed
  std::int64_t shown_us = 0;   // by the node's clock
};

struct fault_name {
  std::uint8_t bus = 0;
  std::uint8_t source = 0;
  std::uint8_t list = 0;
  std::uint32_t spn = 0;
  std::uint8_t fmi = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the comparison with 0 inside for a pointer
  friend auto operator<=>(const fault_name&, const fault_name&) = default;
};

struct stream_fault {
  can::fault fault;
  can::fault_event event = can::fault_event::appeared;
  std::uint64_t changed_at = 0;
};

struct stream_own_value {
  can::own_value value;
  std::uint64_t changed_at = 0;
};

struct stream_machine {
  std::string name;
  std::string node;
  actors::live_snapshot last; // nullptr: gone
  std::uint64_t born_at = 0;  // appeared, or came back
  std::uint64_t changed_at = 0;
  std::uint64_t standing_at = 0; // connected, node, relayed
  std::uint64_t ledger_at = 0;
  std::vector<stream_value> values; // as stream_quantities()
  std::map<fault_name, stream_fault> faults;
  bool faults_known = false;
  std::map<std::string, stream_own_value> own; // by name
  std::list<stream_machine*>::iterator turn;

  [[nodiscard]] bool gone() const { return last == nullptr; }
};

class fleet_state {
public:
  static constexpr std::size_t marks_max = 4'096;
  static constexpr std::size_t cleared_max = 64;
  static constexpr std::size_t own_max = 2'048;
  /// A value that is received again unchanged is shown again after this, for its time.
  static constexpr std::chrono::seconds shown_again_after{10};

  fleet_state() = default;
  fleet_state(const fleet_state&) = delete;
  fleet_state& operator=(const fleet_state&) = delete;

  /// Everything until the next `begin` changes at this cursor; it must grow.
  void begin(std::uint64_t cursor, std::int64_t now_us);
  /// The older of two nodes' snapshots of a machine is left out.
  void take(const actors::live_snapshot& snapshot, const std::string& node);
  void take(const std::string& machine, const actors::live_detail& detail);
  /// Nothing when another node shows the machine.
  void
  take(const std::string& machine, const std::string& node, const std::vector<can::fault>& faults);
  /// Nothing when another node shows the machine.
  void remove(const std::string& machine, const std::string& node);
  /// Removes the machines that only this node showed and that are not among the names.
  void keep_only(const std::string& node, const std::set<std::string>& names);

  [[nodiscard]] const std::map<std::string, stream_machine>& machines() const { return machines_; }
  /// By the time of their change, the newest first.
  [[nodiscard]] const std::list<stream_machine*>& newest() const { return newest_; }
  /// Cursor of the newest change.
  [[nodiscard]] std::uint64_t changed_at() const { return changed_at_; }
  /// A client that has seen less cannot be told what is gone.
  [[nodiscard]] std::uint64_t known_since() const { return known_since_; }

private:
  void touch(stream_machine& machine);
  void take_values(stream_machine& machine, const can::live_state& state);
  void take_faults(stream_machine& machine, const std::vector<can::fault>& faults);
  void drop_marks();

  std::map<std::string, stream_machine> machines_;
  std::list<stream_machine*> newest_;
  std::vector<value_cell> cells_; // of the snapshot at hand
  std::uint64_t cursor_ = 0;
  std::int64_t now_us_ = 0;
  std::uint64_t changed_at_ = 0;
  std::uint64_t known_since_ = 0;
  std::size_t marks_ = 0;
};

} // namespace furrow::http
