/// A file that is read from its beginning or from where reading stopped, or standard input: the bytes for a source.
///
/// Shape: a file is recognised by its first 4 KiB, its size and the bytes before the place where reading stopped, so
///   that it may have grown or moved. Bytes packed with gzip or zstd are unpacked; all that is said of places and bytes
///   holds for the unpacked ones, so that a packed copy of a file is the same file.
/// Errors: `missing` if the file cannot be opened; `trouble` says why reading failed.
/// Threads: used by one thread.
#pragma once

#include "tools/furrow-edge/spool/errc.hpp"
#include "tools/furrow-edge/spool/spool.hpp"
#include "tools/logs/packed_input.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::edge {

/// What is known of a file before it is read.
struct log_start {
  source_row row; // from the spool, or a new row with id 0
  bool known = false;
  bool finished = false; // nothing in the file is new
};

/// The warning about a last line without a line end.
[[nodiscard]] std::string half_line_report(const std::string& path, std::uint64_t line);

class source_file {
public:
  /// `path` is a file or `-`.
  [[nodiscard]] static result<std::unique_ptr<source_file>> open(const std::string& path);
  ~source_file();
  source_file(const source_file&) = delete;
  source_file& operator=(const source_file&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Whether the file can be read again.
  [[nodiscard]] bool regular() const { return regular_; }
  /// Returns the row of a file that is not known yet.
  [[nodiscard]] const source_row& fresh() const { return fresh_; }
  /// Whether the row belongs to this file.
  [[nodiscard]] bool is(const source_row& row) const;
  [[nodiscard]] log_start start_of(const source_row* known) const;
  /// Returns the spool's row with the facts of this file.
  [[nodiscard]] source_row renewed(const source_row& row) const;
  [[nodiscard]] result<done> seek(std::uint64_t offset);
  /// Reads the whole file once, unpacked, and returns its digest; nothing if it is empty, damaged, or cannot be read
  /// again.
  [[nodiscard]] std::optional<std::string> digest() const;
  /// Sets what is needed to recognise the place.
  void mark(source_row& row) const;

  using got = logs::got;
  [[nodiscard]] got
  read(std::span<char> into, std::size_t& count, std::chrono::milliseconds patience);
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
  source_file(std::string path, int file, bool regular);
  /// Bytes of the file, which reading does not disturb; fewer if the file ends before `to`.
  [[nodiscard]] std::string bytes_between(std::uint64_t from, std::uint64_t to) const;
  [[nodiscard]] std::uint64_t hash_between(std::uint64_t from, std::uint64_t to) const;
  [[nodiscard]] std::size_t read_at(std::uint64_t from, std::span<char> into) const;
  [[nodiscard]] std::string unpacked_between(std::uint64_t from, std::uint64_t to) const;
  /// Reads the bytes as they are.
  got read_raw(std::span<char> into, std::size_t& count, std::chrono::milliseconds patience);
  [[nodiscard]] bool packed() const {
    return input_.how().value_or(logs::packing::none) != logs::packing::none;
  }
  void remember(std::string_view bytes);

  std::string path_;
  int file_;
  bool regular_;
  source_row fresh_;
  std::string trouble_;

  logs::packed_input input_;
  std::string recent_; // the last unpacked bytes, up to position_
  std::uint64_t position_ = 0;
};

} // namespace furrow::edge
