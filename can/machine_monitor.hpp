/// All that a machine's frames say of it, kept up to date frame by frame: live state, ECUs, faults,
/// device descriptions and the last value of each process data variable.
///
/// Shape: `update` feeds one frame to everything and gives the whole message back that the frame
///   completed, for whoever decodes further, so that a machine needs one reassembler.
/// Units: microseconds, the clock of the frames.
/// Threads: a plain value. The message that `update` returned is valid until the next `update`.
/// Limits: `values_max` variables; `pool_bytes_max` bytes of device descriptions; what finds no
///   room is counted. The parts say theirs.
#pragma once

#include "can/address_table.hpp"
#include "can/ddop.hpp"
#include "can/diagnostics.hpp"
#include "can/live_state.hpp"
#include "can/process_data.hpp"
#include "can/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
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

class machine_monitor {
public:
  static constexpr std::size_t values_max = 4096;
  static constexpr std::size_t pool_bytes_max = 512U << 10U;

  explicit machine_monitor(transport_limits limits = {}) : whole_{limits} {}

  std::optional<assembled_message> update(const frame_view& frame);
  /// The same for a message that came whole.
  void update(const assembled_message& message);

  [[nodiscard]] const live_state& live() const { return live_; }
  [[nodiscard]] const address_table& ecus() const { return ecus_; }
  [[nodiscard]] const fault_table& faults() const { return faults_; }
  [[nodiscard]] const reassembler& transport() const { return whole_; }
  /// What changed among the faults since the last call.
  [[nodiscard]] std::vector<fault_change> take_fault_changes();

  /// The last values, by bus, source, element and DDI.
  [[nodiscard]] std::vector<process_value> process_values() const;
  [[nodiscard]] const ddop* description_of(std::uint8_t bus, std::uint8_t address) const;
  /// Nothing when neither a description nor the table of DDIs knows what it is.
  [[nodiscard]] std::optional<presented_value> present(const process_value& one) const;

  [[nodiscard]] std::uint64_t values_not_kept() const { return values_not_kept_; }
  [[nodiscard]] std::uint64_t pools_not_kept() const { return pools_not_kept_; }

private:
  struct held_pool {
    ddop pool;
    std::size_t bytes = 0; // on the wire
  };
  using device_address = std::pair<std::uint8_t, std::uint8_t>; // bus, address

  void take_process_data(const assembled_message& message);
  void take_pool(device_address who, std::span<const std::uint8_t> pool);

  live_state live_;
  address_table ecus_;
  fault_table faults_;
  reassembler whole_;
  std::vector<fault_change> fault_changes_;
  std::map<std::uint64_t, process_value> values_;
  std::map<device_address, held_pool> pools_;
  std::size_t pool_bytes_ = 0;
  std::uint64_t values_not_kept_ = 0;
  std::uint64_t pools_not_kept_ = 0;
};

} // namespace furrow::can
