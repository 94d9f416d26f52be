/// Decodes payloads into signal values by a plan that is compiled once from DBC files.
///
/// Shape: a plan finds the message of a frame (by PGN under J1939, else by identifier) and writes its signals into a
///   buffer of the caller. Signals are numbered through the plan; `signals()[n]` describes number n. A message is
///   matched by PGN when its identifier is extended and one of these holds: VFrameFormat is J1939PG; its source address
///   is 254 (a placeholder: no ECU sends from it); the file's ProtocolType is J1939; one of its signals has an SPN. Of
///   several messages with one PGN the plan takes the one with the frame's source address, else the one with 254, else
///   the first. Of files with the same message the plan takes the first.
/// Units: physical values in the unit of the signal.
/// Errors: a raw value that is not a value has a state and no number: absent is never zero. A signal beyond the
///   payload, or in an unselected branch of a multiplexed message, is left out. Unsigned signals of PGNs below 126976
///   follow J1939: the top byte decides (up to FA value, FB to FD specific, FE error, FF not available). PGNs above
///   follow NMEA 2000: only the top three raw values are special (not available, out of range, reserved); two of 4 to 7
///   bits; one of 2 or 3. Signals of other messages are always values. `SignalIndicators` in the file overrides this for
///   a signal. A float that is NaN is not available.
/// Threads/ownership: immutable once compiled; any number of threads decode with one plan. Decoding allocates nothing.
/// Limits: plan_signals_max. Signals of 1 to 64 bits with a finite factor and offset; other signals (long ones are
///   mostly texts) are left out.
/// Source: SAE J1939-71; NMEA 2000 from canboat's fieldtype.c; Vector DBC File Format Documentation.
#pragma once

#include "can/dbc/file.hpp"
#include "can/frame/frame.hpp"
#include "can/result.hpp"
#include "can/whole_number.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::can {

enum class signal_state : std::uint8_t {
  value = 0,
  error = 1,
  not_available = 2,
  reserved = 3,     // NMEA 2000
  out_of_range = 4, // NMEA 2000
  specific = 5,     // J1939 (parameter specific): what it means depends on the signal
};
/// value, error, not_available, reserved, out_of_range, specific.
[[nodiscard]] const char* to_string(signal_state state);

/// The rule for raw values of a message that are not values.
enum class signal_family : std::uint8_t { none = 0, j1939 = 1, nmea2000 = 2 };

[[nodiscard]] constexpr signal_family family_of_pgn(std::uint32_t pgn) {
  return pgn >= 126'976 ? signal_family::nmea2000 : signal_family::j1939;
}

struct decoded_signal {
  std::uint64_t raw =
    0; // unscaled; two's complement in 64 bits for a signed signal, its bits for a float
  double physical = 0; // NaN unless the state is value
  std::uint32_t signal = 0;
  signal_state state = signal_state::value;
};

/// The number of a float of 16, 32 or 64 bits.
[[nodiscard]] double float_of_raw(std::uint64_t raw, std::uint32_t length);

struct plan_signal;

/// The physical value without the rounding of a double, which holds 53 bits. Nothing when there is no value, or when
/// it is no whole number because of a float, a factor or an offset, or has more than 64 bits.
[[nodiscard]] std::optional<whole_number> whole_value(const plan_signal& signal,
                                                      const decoded_signal& value);
/// The same, and nothing either when `physical` has all digits.
[[nodiscard]] std::optional<whole_number> beyond_double(const plan_signal& signal,
                                                        const decoded_signal& value);

struct plan_signal {
  std::string name;
  std::string unit;
  std::uint32_t message = 0; // index into decode_plan::messages()
  std::uint32_t length = 0;
  bool is_signed = false;
  bool is_float = false;
  double scale = 1;
  double offset = 0;
  std::optional<double> min; // from the file
  std::optional<double> max;
  std::optional<std::uint32_t> spn;
  std::vector<dbc_choice> choices; // sorted by value, each value once
};

struct plan_message {
  std::string name;
  std::uint32_t id = 0;
  bool extended = false;
  std::optional<std::uint32_t> pgn; // set: the message is matched by its PGN
  signal_family family = signal_family::none;
  std::uint32_t length = 0;       // bytes, from the file
  std::uint32_t file = 0;         // index of the file
  std::uint32_t first_signal = 0; // its signals are [first_signal, first_signal + signal_count)
  std::uint32_t signal_count = 0;
};

enum class decode_errc : std::uint8_t {
  none = 0,
  too_large = 1, // more signals than a plan may have: use fewer files
};

inline constexpr std::size_t plan_signals_max = 1'000'000;

class decode_plan {
public:
  decode_plan() = default;

  [[nodiscard]] static result<decode_plan, decode_errc>
  compile(std::span<const dbc_file* const> files);

  [[nodiscard]] const std::vector<plan_message>& messages() const { return messages_; }
  [[nodiscard]] const std::vector<plan_signal>& signals() const { return signals_; }
  /// Signals that a buffer must hold for any message of the plan.
  [[nodiscard]] std::size_t signals_max() const { return signals_max_; }

  /// The message of a frame; null for an unknown message and for a remote, error or XL frame.
  [[nodiscard]] const plan_message* find(frame_header header) const;
  /// The message of a PGN from this source: for a reassembled transport message.
  [[nodiscard]] const plan_message* find_pgn(std::uint32_t pgn, std::uint8_t source) const;

  /// Writes the present signals of a message of this plan into `out`, at most message.signal_count, and returns their
  /// number. A multiplexed signal comes after its selector. An `out` that is too small gets nothing.
  std::size_t decode(const plan_message& message,
                     std::span<const std::uint8_t> payload,
                     std::span<decoded_signal> out) const;
  /// Finds the message and decodes; 0 for a frame without a message.
  std::size_t decode(const frame_view& frame, std::span<decoded_signal> out) const;

  /// The label of this value; empty when the file has none.
  [[nodiscard]] std::string_view label(const decoded_signal& value) const;
  [[nodiscard]] const plan_signal& signal_of(const decoded_signal& value) const {
    return signals_[value.signal];
  }

private:
  friend class plan_compiler;

  enum class operation_kind : std::uint8_t { integer = 0, unsigned_64 = 1, real = 2 };

  /// How to extract one signal; fields in the order of use.
  struct operation {
    std::uint64_t mask = 0;
    std::uint64_t top = 0; // the distance from this raw value decides the state
    double scale = 1;
    double offset = 0;
    std::uint32_t states = 0;   // four bits for each distance 0..7
    std::uint32_t from_bit = 0; // in wire order: Motorola's numbering turned over
    std::uint32_t last_byte = 0;
    std::uint8_t shift = 0;      // within the first eight bytes
    std::uint8_t sign_shift = 0; // 64 - length of a signed signal, else 0
    std::uint8_t state_shift = 0;
    std::uint8_t order_and_kind = 0; // bit 0 Motorola, bits 1-3 operation_kind, bit 4 selector
  };
  static constexpr std::uint8_t selector_flag = 16;

  /// Data of a message that decoding uses most.
  struct message_plan {
    std::uint32_t first = 0;
    std::uint32_t always = 0; // signals without a selector
    std::uint32_t bytes = 0;  // payload length that holds every signal
    bool simple = false;      // all integers within eight bytes and nothing multiplexed
    std::uint32_t first_selector = 0;
    std::uint32_t selectors = 0;
  };

  /// Signals [first, first + count) are present when the selector is in [low, high].
  struct branch {
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  struct selector {
    std::uint32_t signal = 0;
    std::uint32_t first_branch = 0; // branches are sorted by low
    std::uint32_t branches = 0;
    bool disjoint = true; // at most one branch for a value
  };

  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  struct pgn_entry {
    std::uint32_t message = none;
    std::uint32_t next = none; // index into pgn_chain_
  };
  struct id_entry {
    std::uint32_t id = none;
    std::uint32_t message = none;
  };
  using page = std::array<std::uint32_t, 256>; // entries in pgn_chain_

  template <bool Simple>
  std::size_t run(const operation* begin,
                  std::uint32_t first,
                  std::uint32_t count,
                  std::span<const std::uint8_t> payload,
                  bool whole,
                  decoded_signal* out) const;
  std::size_t decode_branches(const message_plan& plan,
                              std::span<const std::uint8_t> payload,
                              decoded_signal* out,
                              std::size_t count) const;
  [[nodiscard]] std::uint32_t index_of(frame_header header) const;
  [[nodiscard]] std::uint32_t index_of_pgn(std::uint32_t pgn, std::uint8_t source) const;

  std::vector<plan_message> messages_;
  std::vector<plan_signal> signals_;
  std::vector<operation> operations_; // parallel to signals_
  std::vector<message_plan> plans_;   // parallel to messages_
  std::vector<selector> selectors_;
  std::vector<branch> branches_;
  std::vector<std::uint32_t> standard_;       // 2,048 identifiers, or empty
  std::vector<id_entry> extended_;            // open addressing, a power of two, or empty
  std::array<std::uint16_t, 1024> page_of_{}; // top ten bits of a PGN; 0: none
  std::vector<page> pages_;
  std::vector<pgn_entry> pgn_chain_;
  std::size_t signals_max_ = 0;
};

} // namespace furrow::can
