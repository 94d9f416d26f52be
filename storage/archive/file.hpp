/// Archive files: frames of one stream, compressed by zstd, written and read piece by piece.
///
/// Shape: a file is written as `PATH.part`, flushed to disk and then renamed to PATH, so that a file called PATH is
///   whole. Its content: storage/archive/chunk.hpp. zstd's checksum guards the content; the SHA-256 of the compressed
///   bytes goes to the manifest.
/// Errors: retry_later for the disk, reject_row for bytes that are not an archive; one line that names the file.
/// Threads: an object is used by one thread at a time; blocks on the disk.
/// Limits: memory of one chunk and zstd's window (4 MiB); a reader accepts no larger window.
#pragma once

#include "storage/archive/chunk.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace furrow::storage {

/// Facts of a whole file, as the manifest has them.
struct archive_facts {
  archive_head head;
  archive_totals totals;
  std::uint64_t bytes = 0; // of the file
  std::string sha256;      // 64 hex digits
  std::uint64_t seq_first = 0;
  std::uint64_t seq_last = 0;
  std::int64_t time_first_us = 0;
  std::int64_t time_last_us = 0;
};

class archive_writer {
public:
  [[nodiscard]] static result<std::unique_ptr<archive_writer>> create(const std::string& path,
                                                                      archive_head head);
  archive_writer(const archive_writer&) = delete;
  archive_writer& operator=(const archive_writer&) = delete;
  ~archive_writer(); // removes an unfinished file

  [[nodiscard]] result<done> add(const sealed_chunk& chunk);
  [[nodiscard]] const archive_totals& totals() const;
  /// Flushes the file and renames it.
  [[nodiscard]] result<archive_facts> finish();

private:
  struct parts;
  explicit archive_writer(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

/// Reads a file to its end: the head first, then each chunk's frames go to `take` (false: stop).
[[nodiscard]] result<archive_facts>
read_archive(const std::string& path,
             const std::function<bool(const archive_head&, const std::vector<frame_run>&)>& take);

} // namespace furrow::storage
