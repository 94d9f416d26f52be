/// Parses records from text: JSON lines, or CSV with a header line. The first character decides which.
///
/// Shape: a line at a time. JSON: `{"kind":"yield","time":"2026-05-01T06:30:00Z","mass_flow_kgps":7.2, ...}`. CSV: the
///   header names `kind`, `time` and fields; an empty cell is absent; quotes as in RFC 4180, but without line ends in
///   them. If the kind is given from outside, neither form needs `kind`. A kind is a name of can/records/kind.hpp or a
///   number. Of a number below own_kinds_end, a kind of the user's own, nothing is known but time and kind: a JSON line
///   keeps the other members as they are; in CSV a cell that is a JSON number, true or false is one, any other a text.
/// Units: times as can::parse_record_time reads them.
/// Errors: an invalid line has a column, from 1, and a message that names field and limit. An invalid header is
///   `hopeless`: nothing after it can be read.
/// Threads: a plain value.
/// Limits: a line of line_bytes_max; the limits of the record's kind (can/records/kind.hpp).
#pragma once

#include "can/frame/stream.hpp"
#include "can/records/body.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::edge {

enum class record_line : std::uint8_t { nothing, record, fault, hopeless };

class record_lines {
public:
  static constexpr std::size_t line_bytes_max = 64U << 10U;

  static constexpr std::uint16_t own_kinds_end = 0x4000;
  /// A known kind by name or number, or a kind of the user's own by number, which has no name.
  [[nodiscard]] static std::optional<can::record_kind> kind_named(std::string_view text);

  /// nullptr: each record names its kind.
  explicit record_lines(const can::record_kind* kind) : fixed_{kind} {}

  /// Parses a line without its line end.
  [[nodiscard]] record_line read(std::string_view line, can::record& out);
  [[nodiscard]] std::size_t column() const { return column_; }
  [[nodiscard]] const std::string& fault() const { return fault_; }

  /// Returns what the parser needs to continue in the file later.
  [[nodiscard]] std::string save() const;
  [[nodiscard]] bool restore(const std::string& text);
  /// Whether `save` made this text.
  [[nodiscard]] static bool saved(const std::string& text);

private:
  enum class format : std::uint8_t { unknown, json, csv };
  struct cell {
    std::string text;
    std::size_t at = 0; // byte of the line
  };
  record_line fail(record_line how, std::size_t at, std::string what);
  record_line read_header(std::string_view line);
  record_line read_json(std::string_view line, can::record& out);
  record_line read_csv(std::string_view line, can::record& out);
  record_line take_time(std::string_view text, std::size_t at, can::record& out);
  const can::record_kind* kind_of(std::string_view name);
  bool split(std::string_view line);
  record_line read_own_json(std::string_view line, can::record& out);
  record_line read_own_csv(can::record& out);

  const can::record_kind* fixed_;
  format format_ = format::unknown;
  std::string header_; // of a CSV file, unchanged
  std::vector<std::string> columns_;
  std::vector<cell> cells_; // of the last line
  can::record_kind own_;    // of the last line that named its kind
  can::record_values values_;
  std::size_t column_ = 0;
  std::string fault_;
};

} // namespace furrow::edge
