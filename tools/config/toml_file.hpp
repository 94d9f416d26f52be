/// Reads a configuration file: keys at the top level of a TOML file, with their places.
///
/// Shape: `key = value`; a value is a text, a number, true or false, or a list of those. Drop-ins of `NAME.toml` are the
///   files `NAME.conf.d/*.toml` beside it, in the order of their names. Names that begin with a dot are left out.
/// Errors: one line, `file:line:column: what`, or `file: what` when the file cannot be read. Code `missing`: no such file.
/// Threads: any.
/// Limits: a file of 1 MiB, nesting as toml_outline.hpp says, 100 drop-ins.
#pragma once

#include "tools/config/errc.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::config {

inline constexpr std::size_t file_bytes_max = 1U << 20U;
inline constexpr std::size_t drop_ins_max = 100;

struct place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  [[nodiscard]] std::string text() const; // file:line:column
};

enum class value_kind : std::uint8_t { text, integer, real, yes_no, other };
[[nodiscard]] const char* to_string(value_kind kind);

struct file_value {
  std::string key; // as the file spells it
  place key_at;
  place at;
  value_kind kind = value_kind::other; // of a list: of all its items; other when they differ
  bool is_list = false;
  std::vector<std::string> texts; // one, or the items of the list
};

/// The values in the order of the file.
[[nodiscard]] result<std::vector<file_value>> parse_toml(std::string_view text,
                                                         const std::string& source);
struct read_file {
  std::vector<file_value> values;
  bool is_open_to_others = false; // users beside its owner and its group can read it
};
[[nodiscard]] result<read_file> read_toml(const std::string& path);

struct tree_value {
  std::vector<std::string> path; // the tables that lead to it, and its own key
  bool is_table = false;
  file_value value;
};
/// The tables and values of a file that has tables, in the order of the file; a table stands before what it holds.
[[nodiscard]] result<std::vector<tree_value>> parse_toml_tree(std::string_view text,
                                                              const std::string& source);

/// The paths of the drop-ins of a file, in order.
[[nodiscard]] result<std::vector<std::string>> drop_ins_of(const std::string& path);

} // namespace furrow::config
