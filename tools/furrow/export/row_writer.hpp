/// The format of an exported file.
///
/// Shape: `begin`, then `add` for each batch of rows, then `end`; each appends bytes to `out`.
/// Threads: one.
#pragma once

#include "tools/parquet/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::cli {

enum class export_format : std::uint8_t { csv = 0, jsonl = 1, parquet = 2 };

/// By its name, or by the end of a file's name; nothing for another one.
[[nodiscard]] std::optional<export_format> export_format_named(const std::string& name);
[[nodiscard]] const char* to_string(export_format format);

class row_writer {
public:
  row_writer() = default;
  row_writer(const row_writer&) = delete;
  row_writer& operator=(const row_writer&) = delete;
  virtual ~row_writer() = default;

  /// The most rows of a batch.
  [[nodiscard]] virtual std::size_t rows_max() const = 0;
  virtual void begin(std::string& out) = 0;
  virtual void add(std::string& out, const parquet::rows& rows) = 0;
  virtual void end(std::string& out) = 0;
};

[[nodiscard]] std::unique_ptr<row_writer>
make_row_writer(export_format format, const std::vector<parquet::column_name>& columns);

} // namespace furrow::cli
