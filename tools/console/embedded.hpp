/// The files of the console, as they were bundled into tools/console/dist, inside this program.
///
/// Shape: each file plain and as gzip, with a tag that changes with its content.
/// Threads: constant after the first call.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace furrow::console {

struct embedded_file {
  std::string_view path; // "/console.js"
  std::string_view content_type;
  std::string_view plain;
  std::string_view gzip;
  std::string tag; // for the header field ETag, with its quotes
};

[[nodiscard]] std::span<const embedded_file> embedded_files();

} // namespace furrow::console
