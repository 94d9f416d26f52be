/// The content of a DBC file: messages, their signals, and warnings with their position.
///
/// Shape: a value without references into the text. Signals are in the order of the file; a multiplexed signal names
///   its selector by index in the same message. Long names (`System...LongSymbol`) have replaced the short ones. Parts
///   that Furrow does not use (receivers, signal groups, environment variables, relations) are skipped.
/// Units: bits as in the file: `start` is the lowest bit of an Intel signal and the highest bit of a Motorola signal.
///   Text is UTF-8. A file in valid UTF-8 is read as UTF-8, any other file as Windows-1252; dbc_encoding overrides
///   this.
/// Errors: each problem is one line `file:line:column: what`. Lenient mode repairs or skips the statement, warns and
///   goes on: a missing `;`, a name that begins with a digit and a `/* */` comment are repaired; a statement that is
///   not DBC, or names an identifier that no frame can have, is skipped, a message with its signals. It fails only if
///   it can read no statement at all. Strict mode fails with all of these problems, one line each, and with these: a
///   signal outside its message; a signal that shares bits with another one that is present at the same time; an
///   impossible signal; an identifier of more than 11 bits without the mark for extended; an unknown keyword.
///   Statements that do not affect decoding (a comment for an unknown signal, a message that occurs twice) are
///   warnings in both modes. A limit ends both modes with one line.
/// Limits: dbc_limits; memory is linear in the size of the file.
/// Source: Vector DBC File Format Documentation 1.0.5; DBC files in use.
#pragma once

#include "can/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::can {

enum class dbc_errc : std::uint8_t {
  none = 0,
  too_large = 1, // exceeds one of dbc_limits: nothing was loaded
  syntax = 2,    // the first problem is text that is not DBC
  unsound = 3,   // the first problem is impossible content, or an identifier that no frame can have
};
[[nodiscard]] const char* to_string(dbc_errc code);

enum class dbc_mode : std::uint8_t { lenient = 0, strict = 1 };

/// How the bytes of a file are read as text. `detect`: valid UTF-8 is UTF-8, any other text is Windows-1252. `utf8`:
/// invalid bytes become U+FFFD.
enum class dbc_encoding : std::uint8_t { detect = 0, utf8 = 1, cp1252 = 2 };

struct dbc_limits {
  std::size_t file_bytes = 32U << 20U;
  std::size_t messages = 65'536;
  std::size_t signals = 262'144;
  std::size_t choices = 1'000'000;    // labels and value table entries, all together
  std::size_t attributes = 1'000'000; // values and definitions, all together
  std::size_t ranges = 1'000'000;     // of multiplexed signals, all together
  std::size_t name_bytes = 255;
  std::size_t text_bytes = 65'536; // a comment, a unit, a label
  std::size_t warnings = 1'000;    // kept; further ones are only counted
};

/// An ETP message is the longest possible message.
inline constexpr std::uint32_t dbc_message_bytes_max = 117'440'505;

enum class byte_order : std::uint8_t { intel = 0, motorola = 1 };

/// `VFrameFormat`, by the name of its value.
enum class dbc_frame_format : std::uint8_t {
  unsaid = 0,
  standard = 1,
  extended = 2,
  standard_fd = 3,
  extended_fd = 4,
  j1939 = 5,
};

/// The attribute `SignalIndicators` of a signal: which raw values mean "no value". Furrow defines this attribute;
/// without it the protocol decides.
enum class dbc_indicators : std::uint8_t {
  protocol = 0, // J1939 or NMEA 2000
  none = 1,     // every raw value is a value
  topmost = 2,  // only the highest raw value means not available
};

struct dbc_range {
  std::int64_t low = 0;
  std::int64_t high = 0;
  friend bool operator==(const dbc_range&, const dbc_range&) = default;
};

struct dbc_choice {
  std::int64_t value = 0;
  std::string label;
};

struct dbc_attribute {
  std::uint32_t definition = 0; // index into dbc_file::attribute_definitions
  std::variant<double, std::string> value;
};

struct dbc_attribute_definition {
  std::string name;
  std::string
    kind; // INT, HEX, FLOAT, STRING, ENUM; empty when the file uses it without a definition
  std::vector<std::string> choices; // of an ENUM
  std::optional<std::variant<double, std::string>> fallback;
};

struct dbc_mux {
  bool selector = false;
  std::int32_t parent = -1;    // index of the selector in the message; -1: no selector
  std::vector<dbc_range> when; // values of the parent for which this signal is present
};

struct dbc_signal {
  std::string name;
  std::string unit;
  std::string comment;
  std::uint32_t start = 0;
  std::uint32_t length = 0;
  byte_order order = byte_order::intel;
  bool is_signed = false;
  bool is_float = false; // IEEE 754 of 16, 32 or 64 bits; is_signed is then irrelevant
  double scale = 1;
  double offset = 0;
  std::optional<double> min; // absent for [0|0]
  std::optional<double> max;
  std::optional<std::uint32_t> spn;
  dbc_indicators indicators = dbc_indicators::protocol;
  dbc_mux mux;
  std::vector<dbc_choice> choices; // in the order of the file
  std::vector<dbc_attribute> attributes;
};

struct dbc_message {
  std::string name;
  std::string comment;
  std::uint32_t id = 0; // without the bit for extended
  std::uint32_t length = 0;
  bool extended = false;
  dbc_frame_format format = dbc_frame_format::unsaid;
  std::vector<std::string> senders;
  std::vector<dbc_signal> signals;
  std::vector<dbc_attribute> attributes;
};

struct dbc_value_table {
  std::string name;
  std::vector<dbc_choice> choices;
};

struct dbc_warning {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string text;
};

struct dbc_file {
  std::string name; // given by the caller
  std::string version;
  std::string comment;
  std::string protocol; // attribute ProtocolType, or empty
  std::vector<std::string> nodes;
  std::vector<dbc_message> messages;
  std::vector<dbc_value_table> value_tables;
  std::vector<dbc_attribute_definition> attribute_definitions;
  std::vector<dbc_attribute> attributes; // of the network
  std::vector<dbc_warning> warnings;
  std::size_t warning_count = 0; // including those above dbc_limits::warnings
};

/// Reads the text of a DBC file. `name` is the file name in messages.
[[nodiscard]] result<dbc_file, dbc_errc> parse_dbc(std::string_view text,
                                                   std::string_view name,
                                                   dbc_mode mode = dbc_mode::lenient,
                                                   const dbc_limits& limits = {},
                                                   dbc_encoding encoding = dbc_encoding::detect);

} // namespace furrow::can
