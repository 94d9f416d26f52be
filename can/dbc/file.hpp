/// What a DBC file says: messages, their signals, and where what is wrong with the file stands.
///
/// Shape: a value without references into the text. Signals stand in the order of the file; a
///   multiplexed signal names its selector by index in the same message. Long names
///   (`System...LongSymbol`) have replaced the short ones. What nobody asks for (receivers, signal
///   groups, environment variables, relations) is read over.
/// Units: bits as the file gives them: `start` is the lowest bit of an Intel signal and the
///   highest of a Motorola one. Text is UTF-8. A file that is valid UTF-8 is read as UTF-8, any
///   other as Windows-1252; dbc_encoding overrides this.
/// Errors: one line `file:line:column: what`. What cannot be read at all fails in both modes.
///   Strict mode also fails on a signal that lies outside its message, shares bits with another
///   that is there at the same time, or cannot be a signal, on an identifier of more than 11 bits
///   that is not marked extended, and on an unknown keyword; lenient mode warns. What harms no
///   decoding (a comment for a signal that is not there, a message given twice) is a warning in
///   both.
/// Limits: dbc_limits; memory is linear in the size of the file.
/// Source: Vector DBC File Format Documentation 1.0.5; the files that are in use.
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
  too_large = 1, // beyond one of dbc_limits: nothing was loaded
  syntax = 2,    // the text is not DBC there
  unsound =
    3, // it reads, but says what cannot be (strict mode), or an identifier that no frame has
};
[[nodiscard]] const char* to_string(dbc_errc code);

enum class dbc_mode : std::uint8_t { lenient = 0, strict = 1 };

/// How the bytes of a file are read as text. `detect`: valid UTF-8 is UTF-8, the rest Windows-1252.
/// `utf8`: invalid bytes become U+FFFD.
enum class dbc_encoding : std::uint8_t { detect = 0, utf8 = 1, cp1252 = 2 };

struct dbc_limits {
  std::size_t file_bytes = 32U << 20U;
  std::size_t messages = 65'536;
  std::size_t signals = 262'144;
  std::size_t choices = 1'000'000;    // and value table entries, all together
  std::size_t attributes = 1'000'000; // values and definitions, all together
  std::size_t ranges = 1'000'000;     // of multiplexed signals, all together
  std::size_t name_bytes = 255;
  std::size_t text_bytes = 65'536; // a comment, a unit, a label
  std::size_t warnings = 1'000;    // kept; the rest is counted
};

/// An ETP message is the longest that there is.
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

/// Attribute `SignalIndicators` of a signal: which raw values say that there is no value. Ours; a
/// file without it leaves it to the protocol.
enum class dbc_indicators : std::uint8_t {
  protocol = 0, // J1939 or NMEA 2000
  none = 1,     // every raw value is a value
  topmost = 2,  // only the highest is none: not available
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
  std::int32_t parent =
    -1; // the selector's index among the signals of the message; -1: always there
  std::vector<dbc_range> when; // values of the parent for which this signal is there
};

struct dbc_signal {
  std::string name;
  std::string unit;
  std::string comment;
  std::uint32_t start = 0;
  std::uint32_t length = 0;
  byte_order order = byte_order::intel;
  bool is_signed = false;
  bool is_float = false; // IEEE 754 of 16, 32 or 64 bits, whatever is_signed says
  double scale = 1;
  double offset = 0;
  std::optional<double> min; // [0|0] says nothing
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
  std::uint32_t id = 0; // without the flag for extended
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
  std::string name; // as the caller calls it
  std::string version;
  std::string comment;
  std::string protocol; // attribute ProtocolType, or empty
  std::vector<std::string> nodes;
  std::vector<dbc_message> messages;
  std::vector<dbc_value_table> value_tables;
  std::vector<dbc_attribute_definition> attribute_definitions;
  std::vector<dbc_attribute> attributes; // of the network
  std::vector<dbc_warning> warnings;
  std::size_t warning_count = 0; // also those beyond dbc_limits::warnings
};

/// Reads the text of a DBC file. `name` is what messages call it.
[[nodiscard]] result<dbc_file, dbc_errc> parse_dbc(std::string_view text,
                                                   std::string_view name,
                                                   dbc_mode mode = dbc_mode::lenient,
                                                   const dbc_limits& limits = {},
                                                   dbc_encoding encoding = dbc_encoding::detect);

} // namespace furrow::can
