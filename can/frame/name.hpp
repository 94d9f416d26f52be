/// The 64-bit NAME that identifies an ECU, and words for its numbers.
///
/// Shape: eight bytes, little-endian on the wire; the lower NAME wins an address. From bit 0: identity 21, manufacturer
///   11, ECU instance 3, function instance 5, function 8, reserved 1, device class 7, device class instance 4, industry
///   group 3, arbitrary address capable 1.
/// Limits: the tables of words are short; an unknown number has no word and is shown as a number.
/// Source: ISO 11783-5, SAE J1939-81.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace furrow::can {

inline constexpr std::uint32_t pgn_address_claimed = 60928;
inline constexpr std::uint32_t pgn_commanded_address = 65240;

struct iso_name {
  std::uint64_t bits = 0;

  [[nodiscard]] constexpr std::uint32_t identity() const { return field<0, 21>(); }
  [[nodiscard]] constexpr std::uint32_t manufacturer() const { return field<21, 11>(); }
  [[nodiscard]] constexpr std::uint32_t ecu_instance() const { return field<32, 3>(); }
  [[nodiscard]] constexpr std::uint32_t function_instance() const { return field<35, 5>(); }
  [[nodiscard]] constexpr std::uint32_t function() const { return field<40, 8>(); }
  [[nodiscard]] constexpr std::uint32_t device_class() const { return field<49, 7>(); }
  [[nodiscard]] constexpr std::uint32_t device_class_instance() const { return field<56, 4>(); }
  [[nodiscard]] constexpr std::uint32_t industry_group() const { return field<60, 3>(); }
  [[nodiscard]] constexpr bool arbitrary_address_capable() const { return bits >> 63U != 0; }

  /// The lower NAME wins.
  friend constexpr bool operator==(iso_name, iso_name) = default;
  friend constexpr auto operator<=>(iso_name a, iso_name b) { return a.bits <=> b.bits; }

private:
  template <unsigned First, unsigned Width>
  [[nodiscard]] constexpr std::uint32_t field() const {
    return static_cast<std::uint32_t>(bits >> First & ((std::uint64_t{1} << Width) - 1));
  }
};

/// The NAME in the payload of an address claim; nothing when the payload is not eight bytes.
[[nodiscard]] std::optional<iso_name> parse_name(std::span<const std::uint8_t> payload);
/// Sixteen hex digits, the highest first: A00C8400AFE00002.
[[nodiscard]] std::string to_string(iso_name name);

/// The word for a number; empty when the table does not have the number.
[[nodiscard]] std::string_view industry_group_word(iso_name name);
[[nodiscard]] std::string_view device_class_word(iso_name name);
[[nodiscard]] std::string_view function_word(iso_name name);

} // namespace furrow::can
