/// All that a machine's frames say of it, kept up to date frame by frame: live state, ECUs, faults,
/// device descriptions and the last value of each process data variable.
///
/// Shape: a table by PGN says first whether anything here cares for a frame; of a block, it is asked
///   once for each header. Only messages that something cares for are put together from their
///   frames. `report` is a copy of all but the live state, in the words of the implements.
/// Units: microseconds, the clock of the frames.
/// Errors: frames that cannot be (`fault_of`) are passed over.
/// Threads: a plain value.
/// Limits: `values_max` variables; `pool_bytes_max` bytes of device descriptions; what finds no
///   room is counted and not kept, until an ECU that had some leaves its address to another.
///   `cleared_max` cleared faults, the latest. Fresh it holds less than 8 KiB. The parts say theirs.
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

/// The last value of a DDI in an element, as its sender said it (commands 3 and 10).
struct process_value {
  std::uint8_t bus = 0;
  std::uint8_t source = 0;
  std::uint8_t destination = 0;
  process_data data;
  std::int64_t time_us = 0;
};

/// A value in the words and the unit of the implement that described it, else of the DDI.
struct presented_value {
  std::string name;
  std::string element; // its designator; empty when the implement did not describe it
  double value = 0;
  std::string unit;
};

struct cleared_fault {
  can::fault fault;
  std::int64_t cleared_us = 0;
};

/// An implement, or whoever else sends process data.
struct implement_report {
  struct value {
    process_value said;
    std::optional<presented_value> shown; // nothing: neither it nor the table of DDIs says
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
  /// A device description that fills its room, and what else is under way.
  static constexpr transport_limits transport_default{256, pool_bytes_max + (64U << 10U)};

  explicit machine_monitor(transport_limits limits = transport_default);

  void update(const frame_view& frame);
  /// The frames of a block from number `first` on.
  void update(const frame_block& block, std::size_t first);
  /// The same for a message that came whole.
  void update(const assembled_message& message);

  /// From now on the signals of this plan are kept too; nullptr: none.
  void decode_with(std::shared_ptr<const decode_plan> own);

  [[nodiscard]] const live_state& live() const { return live_; }
  [[nodiscard]] const address_table& ecus() const { return ecus_; }
  [[nodiscard]] const fault_table& faults() const { return faults_; }
  [[nodiscard]] const reassembler& transport() const { return whole_; }
  [[nodiscard]] const std::vector<cleared_fault>& cleared() const { return cleared_; }
  /// What changed among the faults in the last `update`; of a block, in all of it.
  [[nodiscard]] const std::vector<fault_change>& fault_changes() const { return fault_changes_; }

  /// The last values, by bus, source, element and DDI.
  [[nodiscard]] std::vector<process_value> process_values() const;
  [[nodiscard]] const ddop* description_of(std::uint8_t bus, std::uint8_t address) const;
  /// Nothing when neither a description nor the table of DDIs knows what it is.
  [[nodiscard]] std::optional<presented_value> present(const process_value& one) const;
  [[nodiscard]] machine_report report() const;

  [[nodiscard]] std::uint64_t values_not_kept() const { return values_not_kept_; }
  [[nodiscard]] std::uint64_t pools_not_kept() const { return pools_not_kept_; }

private:
  struct held_pool {
    ddop pool;
    std::size_t bytes = 0;         // on the wire
    std::optional<iso_name> owner; // who had the address when it came
  };
  using device_address = std::pair<std::uint8_t, std::uint8_t>; // bus, address

  void take(const frame_view& frame, std::uint8_t interest);
  void take_claim(const frame_view& frame);
  void take_faults(const assembled_message& message);
  void take_process_data(const assembled_message& message);
  void take_pool(device_address who, std::span<const std::uint8_t> pool);
  void forget(device_address who);

  live_state live_;
  address_table ecus_;
  fault_table faults_;
  reassembler whole_;
  std::vector<fault_change> fault_changes_;
  std::vector<cleared_fault> cleared_;
  std::map<std::uint64_t, process_value> values_; // by bus, source, element, DDI
  std::map<device_address, held_pool> pools_;
  std::optional<own_signals> own_;
  std::size_t pool_bytes_ = 0;
  std::uint64_t values_not_kept_ = 0;
  std::uint64_t pools_not_kept_ = 0;
};

} // namespace furrow::can
