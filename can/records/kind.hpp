/// The record kinds that Furrow knows and their fields. Only this file defines what a sensor reading,
/// a yield sample, a use of tokens or a fault consists of.
///
/// Shape: the fields of a kind are, by name and in order, the keys of a record's body (a flat JSON
///   object), the columns of its table after stream, seq, equipment_id and time, and the columns of a
///   CSV file. A record of an unknown kind is kept as JSON.
/// Units: in the names of the fields, and in `unit` for people; time in microseconds since 1970.
/// Threads: constant.
/// Limits: `low` to `high`, both included; for a text its number of bytes. Kinds from 0x4000 on are
///   Furrow's own; users may use the numbers below.
/// Source: SPN and FMI as in SAE J1939-73.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace furrow::can {

enum class field_type : std::uint8_t {
  real = 0,    // a finite number
  integer = 1, // a whole number
  boolean = 2,
  text = 3,
  word = 4,  // one of `words`
  amount = 5 // a number of things, at least 0, which may be a fraction; exact below 2^53
};

struct record_field {
  std::string_view name;
  field_type type = field_type::real;
  bool required = false;
  double low = 0;
  double high = 0;
  std::string_view unit = {};
  std::span<const std::string_view> words = {};
  std::string_view beside = {}; // a field that must be given with this one
};

struct record_kind {
  std::uint16_t number = 0;
  std::string_view name;  // as people write it
  std::string_view table; // in both databases
  std::span<const record_field> fields;
};

inline constexpr std::uint16_t record_kind_sensor = 0x4001;
inline constexpr std::uint16_t record_kind_yield = 0x4002;
inline constexpr std::uint16_t record_kind_tokens = 0x4003;
inline constexpr std::uint16_t record_kind_fault = 0x4004;

/// The valid times of records of known kinds: 1970 to 2099.
inline constexpr std::int64_t record_time_min_us = 0;
inline constexpr std::int64_t record_time_max_us = 4'102'444'800'000'000 - 1;

[[nodiscard]] std::span<const record_kind> record_kinds();
[[nodiscard]] const record_kind* find_record_kind(std::uint16_t number);  // nullptr: not known
[[nodiscard]] const record_kind* find_record_kind(std::string_view name); // nullptr: not known
/// "sensor, yield, tokens, fault"
[[nodiscard]] std::string record_kind_names();
[[nodiscard]] std::optional<std::size_t> find_field(const record_kind& kind, std::string_view name);

} // namespace furrow::can
