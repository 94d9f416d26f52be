/// Process data of ISO 11783-10: the messages between implement and task controller.
///
/// Shape: PGN 51968, eight bytes: command (4 bits), element (12), DDI (16), value (32, signed). Two commands use the
///   bytes differently: an acknowledgement names its errors; a device description (command 1) may be a long message.
/// Units: the value has the unit of its DDI (ddi.hpp), or the unit in the device description (ddop.hpp).
/// Errors: a payload of another length is not process data.
/// Source: ISO 11783-10, AgIsoStack++.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace furrow::can {

inline constexpr std::uint32_t pgn_process_data = 51968;

enum class process_command : std::uint8_t {
  technical_capabilities = 0,
  device_descriptor = 1,
  request_value = 2,
  value = 3,
  measure_by_time = 4,
  measure_by_distance = 5,
  measure_below = 6, // minimum within threshold
  measure_above = 7, // maximum within threshold
  measure_on_change = 8,
  peer_assignment = 9,
  set_and_acknowledge = 10,
  reserved_11 = 11,
  reserved_12 = 12,
  acknowledge = 13,
  task_controller_status = 14,
  client_task = 15,
};
[[nodiscard]] const char* to_string(process_command command);

struct process_data {
  process_command command = process_command::value;
  std::uint16_t element = 0; // 0 .. 4095
  std::uint16_t ddi = 0;
  /// The bytes after the DDI; their meaning depends on the command.
  std::int32_t value = 0;

  /// Whether `value` is a measured or set value of the DDI: commands 3 and 10.
  [[nodiscard]] constexpr bool carries_value() const {
    return command == process_command::value || command == process_command::set_and_acknowledge;
  }
  /// For an acknowledgement: the error bits (0: accepted; 255: a command that ISO 11783-10 does not define), and the
  /// command that is answered, if the sender gives it.
  [[nodiscard]] constexpr std::uint8_t acknowledged_errors() const {
    return static_cast<std::uint8_t>(value);
  }
  [[nodiscard]] constexpr std::uint8_t acknowledged_command() const {
    return static_cast<std::uint8_t>(static_cast<std::uint32_t>(value) >> 8U & 15U);
  }
};

[[nodiscard]] std::optional<process_data> parse_process_data(std::span<const std::uint8_t> payload);

/// Which value of a machine process data carries. Values of different keys are different signals.
struct process_key {
  std::uint16_t element = 0; // 0 .. 4095
  std::uint16_t ddi = 0;
  friend constexpr bool operator==(const process_key&, const process_key&) = default;
};

/// The name of the signal: `PD.element_5.ddi_6`.
[[nodiscard]] std::string signal_name(process_key key);
[[nodiscard]] std::optional<process_key> parse_process_signal(std::string_view name);

/// The object pool inside a message that carries one (command 1, object pool transfer); nothing for any other message.
[[nodiscard]] std::optional<std::span<const std::uint8_t>>
object_pool_of(std::span<const std::uint8_t> payload);

} // namespace furrow::can
