/// One column of a row group as bytes: a dictionary where it helps, one page of values, statistics.
///
/// Shape: the page has definition levels unless every row has a value. Texts go into a dictionary while they repeat;
///   everything else is plain.
/// Threads: one at a time; the compression keeps its memory.
/// Source: apache/parquet-format, Encodings.md and parquet.thrift.
#pragma once

#include "tools/parquet/compact.hpp"
#include "tools/parquet/rows.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct ZSTD_CCtx_s;

namespace furrow::parquet {

enum class physical_type : std::int32_t { boolean = 0, int64 = 2, real = 5, byte_array = 6 };
[[nodiscard]] physical_type physical_of(value_type type);

/// What the end of the file says of a chunk.
struct chunk_facts {
  std::int64_t values = 0; // with the absent ones
  std::int64_t absent = 0;
  std::int64_t offset = 0;                       // in the file: where the chunk begins
  std::optional<std::int64_t> dictionary_offset; // then it begins with a dictionary
  std::int64_t data_offset = 0;
  std::int64_t raw_bytes = 0; // uncompressed, with the headers of the pages
  std::int64_t bytes = 0;
  std::optional<std::string> min; // plain; nothing when no row has a value, or a text is long
  std::optional<std::string> max;
};

class chunk_writer {
public:
  static constexpr std::size_t dictionary_bytes_max = 1U << 20U;
  static constexpr std::size_t statistics_bytes_max = 64; // of a text

  chunk_writer();

  /// Appends the chunk. `offset`: where `out` ends in the file.
  [[nodiscard]] chunk_facts
  append(std::string& out, std::int64_t offset, const column& of, bool required);

private:
  struct free_context {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  [[nodiscard]] bool make_dictionary(const column& of);
  void append_page(std::string& out, chunk_facts& facts, bool dictionary, std::size_t values);

  std::unique_ptr<ZSTD_CCtx_s, free_context> context_;
  std::string page_; // before compression
  std::string packed_;
  std::string dictionary_;
  std::uint32_t dictionary_size_ = 0;
  bool indices_are_used_ = false;
  std::vector<std::uint32_t> indices_;
  std::vector<std::uint32_t> levels_;
};

} // namespace furrow::parquet
