/// The state of a machine from its frames, updated frame by frame: live state, ECUs, faults, device
/// descriptions and the last value of each process data variable.
///
/// Shape: a table by PGN says whether the monitor uses a frame; for a block, once per header. Only
///   messages that the monitor uses are reassembled. `report` copies everything but the live state,
///   with the names and units of the implements.
///   A sample has the newest frames of a machine whose other frames come later. What is known from a later time is then
///   not changed by a late frame. The two are told apart by the caller, and put in order by their times.
/// Units: microseconds, the clock of the frames.
/// Errors: invalid frames (`fault_of`) are skipped.
/// Threads: a plain value.
/// Limits: `values_max` variables; `pool_bytes_max` bytes of device descriptions. An item without room
///   is counted and dropped; room becomes free when an ECU loses its address. The latest `cleared_max`
///   cleared faults. An empty monitor takes less than 8 KiB. The members have their own limits.
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/isobus/address_table.hpp"
#include "can/isobus/ddop.hpp"
#include "can/isobus/diagnostics.hpp"
#include "can/isobus/process_data.hpp"
#include "can/live/live_state.hpp"
#include "can/live/own_signals.hpp"
#include "can/transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::can {

/// The last value of a DDI in an element, as it was sent (commands 3 and 10).
struct process_value {
  std::uint8_t bus = 0;
  std::uint8_t source = 0;
  std::uint8_t destination = 0;
  process_data data;
  std::int64_t time_us = 0;
};

/// A value with the name and unit of the implement's description, else of the DDI.
struct presented_value {
  std::string name;
  std::string element; // its designator; empty without a description
  double value = 0;
  std::string unit;
};

struct cleared_fault {
  can::fault fault;
  std::int64_t cleared_us = 0;
};

/// An implement, or another sender of process data.
struct implement_report {
  struct value {
    process_value said;
    std::optional<presented_value> shown; // nothing without a description and a known DDI
  };
  std::uint8_t bus = 0;
  std::uint8_t address = 0;
  std::optional<iso_name> name;
  std::optional<ddop> description;
  std::vector<value> values; // by source, element and DDI
};

struct machine_report {
  std::vector<fault> faults;          // active and previous, in the order in which they appeared
  std::vector<cleared_fault> cleared; // the latest last
  std::vector<ecu> ecus;
  std::vector<implement_report> implements;
  std::vector<own_value> own_signals; // of people's own DBC files
};

class machine_monitor {
public:
  static constexpr std::size_t values_max = 4096;
  static constexpr std::size_t pool_bytes_max = 512U << 10U;
  static constexpr std::size_t cleared_max = 64;
  /// Room for a device description of the largest size and for other unfinished messages.
  static constexpr transport_limits transport_default{256, pool_bytes_max + (64U << 10U)};

  explicit machine_monitor(transport_limits limits = transport_default);

  void update(const frame_view& frame);
  static constexpr std::size_t sampled_lists_max = 1024;
  static constexpr transport_limits sample_transport{256, 64U << 10U};
  /// The frames of a block from number `first` on. `late`: a sample that came before them has newer ones.
  void update(const frame_block& block, std::size_t first, bool late = false);
  /// The newest frames of a machine, ahead of their turn. A message of several frames is there as a whole.
  void sample(const frame_block& block);
  /// The same for a reassembled message.
  void update(const assembled_message& message);

  /// From now on the signals of this plan are kept too; nullptr: none.
  void decode_with(std::shared_ptr<const decode_plan> own);

  [[nodiscard]] const live_state& live() const { return live_; }
  [[nodiscard]] const address_table& ecus() const { return ecus_; }
  [[nodiscard]] const fault_table& faults() const { return faults_; }
  [[nodiscard]] const reassembler& transport() const { return whole_; }
  [[nodiscard]] const std::vector<cleared_fault>& cleared() const { return cleared_; }
  /// The changes of faults in the last `update`; for a block, of the whole block.
  [[nodiscard]] const std::vector<fault_change>& fault_changes() const { return fault_changes_; }

  /// The last values, by bus, source, element and DDI.
  [[nodiscard]] std::vector<process_value> process_values() const;
  [[nodiscard]] const ddop* description_of(std::uint8_t bus, std::uint8_t address) const;
  /// Nothing without a description and a known DDI.
  [[nodiscard]] std::optional<presented_value> present(const process_value& one) const;
  [[nodiscard]] machine_report report() const;
  /// Of people's own DBC files.
  [[nodiscard]] std::vector<own_value> own_values() const {
    return own_ ? own_->values() : std::vector<own_value>{};
  }

  [[nodiscard]] std::uint64_t values_not_kept() const { return values_not_kept_; }
  [[nodiscard]] std::uint64_t pools_not_kept() const { return pools_not_kept_; }

private:
  struct held_pool {
    ddop pool;
    std::size_t bytes = 0;         // on the wire
    std::optional<iso_name> owner; // owner of the address when the description came
  };
  using device_address = std::pair<std::uint8_t, std::uint8_t>; // bus, address

  void take(const frame_view& frame, std::uint8_t interest);
  void take_claim(const frame_view& frame);
  [[nodiscard]] bool
  is_outdated_claim(device_address who, iso_name name, std::int64_t time_us) const;
  void note_sampled(const assembled_message& message);
  void take_faults(const assembled_message& message);
  void take_process_data(const assembled_message& message);
  void take_pool(device_address who, std::span<const std::uint8_t> pool);
  /// `until_us`: values of a later time stay.
  void forget(device_address who, std::int64_t until_us);

  live_state live_;
  address_table ecus_;
  fault_table faults_;
  reassembler whole_;
  std::vector<fault_change> fault_changes_;
  std::vector<cleared_fault> cleared_;
  std::map<std::uint64_t, process_value> values_; // by bus, source, element, DDI
  std::map<device_address, held_pool> pools_;
  std::optional<own_signals> own_;
  bool late_ = false; // of the frames that are being taken
  std::map<std::uint64_t, std::int64_t>
    sampled_lists_; // of faults, by bus, source, PGN: their times
  std::size_t pool_bytes_ = 0;
  std::uint64_t values_not_kept_ = 0;
  std::uint64_t pools_not_kept_ = 0;
};

} // namespace furrow::can
