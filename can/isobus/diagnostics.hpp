/// Faults that ECUs report in DM1 (active faults) and DM2 (previously active), as faults that appear and clear.
///
/// Shape: a DM message is a `dm_view` into its payload: two bytes of lamps, four bytes a fault. Each DM message
///   replaces the list of its sender, so `fault_table` finds what appeared and what cleared since the previous message.
/// Units: microseconds, the clock of the frames.
/// Errors: a payload that is too short, or ends inside a fault, is not a DM message.
/// Threads: plain values.
/// Limits: `faults_max` faults a machine; further ones are counted and not kept.
/// Source: SAE J1939-73.
#pragma once

#include "can/transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace furrow::can {

inline constexpr std::uint32_t pgn_dm1 = 65226;
inline constexpr std::uint32_t pgn_dm2 = 65227;

enum class lamp_state : std::uint8_t { off = 0, on = 1, reserved = 2, not_available = 3 };
enum class lamp_flash : std::uint8_t {
  slow = 0,
  fast = 1,
  reserved = 2,
  steady = 3
}; // 1 Hz, 2 Hz, reserved, does not flash

struct lamp {
  lamp_state state = lamp_state::not_available;
  lamp_flash flash = lamp_flash::steady;
  friend constexpr bool operator==(const lamp&, const lamp&) = default;
};

struct lamps {
  lamp protect;
  lamp amber_warning;
  lamp red_stop;
  lamp malfunction;
  friend constexpr bool operator==(const lamps&, const lamps&) = default;
};

struct trouble_code {
  std::uint32_t spn = 0; // 19 bits
  std::uint8_t fmi = 0;  // 5 bits
  /// Nothing when the ECU does not count (127).
  std::optional<std::uint8_t> occurrences;
  /// True for an old ECU whose SPN may use another order of bits (J1939-73 conversion methods 1 to 3). `spn` is read by
  /// method 4 in any case.
  bool conversion_method = false;
  friend constexpr bool operator==(const trouble_code&, const trouble_code&) = default;
};

/// A DM1 or DM2 message, read in place.
class dm_view {
public:
  [[nodiscard]] static std::optional<dm_view> parse(std::span<const std::uint8_t> payload);

  [[nodiscard]] can::lamps lamps() const;
  /// Places for faults in the message. A place that says "no fault" (SPN 0 FMI 0, or all ones) is empty.
  [[nodiscard]] std::size_t places() const { return faults_.size() / 4; }
  [[nodiscard]] std::optional<trouble_code> operator[](std::size_t place) const;

private:
  explicit dm_view(std::span<const std::uint8_t> payload)
    : head_{payload.first(2)}, faults_{payload.subspan(2)} {}
  std::span<const std::uint8_t> head_;
  std::span<const std::uint8_t> faults_;
};

/// The meaning of a failure mode identifier in a few words; empty for a reserved one.
[[nodiscard]] std::string_view fmi_word(std::uint8_t fmi);

enum class fault_list : std::uint8_t { active = 1, previous = 2 }; // DM1, DM2

struct fault {
  std::uint8_t bus = 0;
  std::uint8_t source = 0;
  fault_list list = fault_list::active;
  trouble_code code;
  can::lamps lamps; // of the whole message: DM1 does not say which lamp belongs to which fault
  std::int64_t since_us = 0;
  std::int64_t last_us = 0;
};

enum class fault_event : std::uint8_t {
  appeared = 1,
  cleared = 2,
  counted = 3
}; // counted: it occurred once more

struct fault_change {
  fault_event event = fault_event::appeared;
  std::int64_t time_us = 0;
  can::fault fault;
};

class fault_table {
public:
  static constexpr std::size_t faults_max = 2048;

  /// Whether the message was a DM1 or DM2. Its changes are appended to `changes`.
  bool update(const assembled_message& message, std::vector<fault_change>& changes);

  /// All faults of both lists, in the order in which they appeared.
  [[nodiscard]] const std::vector<fault>& faults() const { return faults_; }
  [[nodiscard]] std::size_t active() const;
  [[nodiscard]] std::uint64_t malformed() const { return malformed_; }
  [[nodiscard]] std::uint64_t not_kept() const { return not_kept_; }

private:
  std::vector<fault> faults_;
  std::uint64_t malformed_ = 0;
  std::uint64_t not_kept_ = 0;
};

} // namespace furrow::can
