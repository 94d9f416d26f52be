/// DBC files as JSON: their rows in the database, what was read from them, and what differs between two.
///
/// Shape: `dbc_content` gives one object piece by piece, so that a large file is never held as JSON:
///     {"file","version","nodes","messages":[{"name","id","extended","length","pgn","senders",
///      "comment","signals":[{"name","start","length","order","signed","float","scale","offset",
///      "min","max","unit","mux","choices","spn","comment"}]}],
///      "warnings":[{"line","column","text"}],"warning_count"}
///   `mux` is null or {"is_mux","mux_signal","mux_ids","ranges"}: ranges as pairs, and each single value if there are
///   at most 4,096.
/// Errors: as rows_json.hpp.
/// Threads: pure functions; a dbc_content is owned by one thread.
/// Limits: a piece ends with the first signal that makes it larger than dbc_content::piece_bytes.
#pragma once

#include "can/dbc/difference.hpp"
#include "can/dbc/file.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "tools/json/rows_json.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::json_rows {

/// "auto", "utf8" or "cp1252".
[[nodiscard]] const char* encoding_text(can::dbc_encoding encoding);
[[nodiscard]] std::optional<can::dbc_encoding> parse_encoding(std::string_view text);

/// "intel" or "motorola".
[[nodiscard]] const char* order_text(const can::dbc_signal& signal);
/// The name of the signal that selects this one; nullptr: none does.
[[nodiscard]] const std::string* selector_of(const can::dbc_message& message,
                                             const can::dbc_signal& signal);

[[nodiscard]] json to_json(const storage::stored_dbc& file); // without its content
[[nodiscard]] json to_json(const can::dbc_warning& warning);
[[nodiscard]] json to_json(const can::dbc_difference& difference);

class dbc_content {
public:
  static constexpr std::size_t piece_bytes = 64U << 10U;

  /// The file must outlive this object.
  explicit dbc_content(const can::dbc_file& file) : file_{file} {}
  /// Valid until the next call; empty: the end.
  [[nodiscard]] std::string_view next();

private:
  enum class part : std::uint8_t { head, messages, done };
  void append_head();
  void append_message();
  void append_tail();

  const can::dbc_file& file_;
  part part_ = part::head;
  std::size_t message_ = 0; // the next one
  std::size_t signal_ = 0;  // of it
  std::string text_;
};

} // namespace furrow::json_rows
