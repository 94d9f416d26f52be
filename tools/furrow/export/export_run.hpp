/// One export: rows of a reader become a file, or standard output.
///
/// Shape: see docs/export.md.
/// Errors: as in exit_code.hpp.
/// Threads: one; SIGINT and SIGTERM end it after the rows under way.
/// Limits: one batch of rows and its text in memory.
#pragma once

#include "tools/furrow/exit_code.hpp"
#include "tools/furrow/export/row_reader.hpp"
#include "tools/furrow/export/row_writer.hpp"

#include <chrono>
#include <string>

namespace furrow::cli {

struct export_request {
  std::string kind; // signals, telemetry, frames, faults, or a kind of records
  std::string url;
  std::string farm;
  std::string equipment;
  std::string from; // RFC 3339, -infinity, infinity; empty: open
  std::string to;
  std::string typed_from; // as the person wrote them
  std::string typed_to;
  signal_wish signals;
  std::string file;   // "-": standard output
  std::string format; // empty: by the name of the file
  bool resume = false;
  bool force = false;
};

[[nodiscard]] result<int> run_export(const export_request& options,
                                     std::chrono::milliseconds timeout);

} // namespace furrow::cli
