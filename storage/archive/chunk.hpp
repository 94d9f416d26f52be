/// The bytes of an archive file: a head that says whose frames they are, and sealed chunks.
///
/// Shape: numbers are little-endian; a text is its length (2 bytes) and its bytes. Head: "furrowA1", farm, equipment,
///   16 bytes of stream id, 2 bytes count of buses, each 1 byte of number and a text. Then pieces, each 1 byte of kind
///   and 4 bytes of length: kind 1 a chunk, kind 2 the end (8 bytes of frames, 8 of chunks in all).
/// Errors: `read_...` answers nothing for invalid bytes; every length is checked before memory is allocated for it.
/// Threads: plain functions.
/// Limits: head_bytes_max, piece_bytes_max.
/// Source: storage/archive/segment_codec.hpp defines the segments.
#pragma once

#include "can/frame/stream.hpp"
#include "storage/archive/segment_codec.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

inline constexpr std::string_view archive_magic = "furrowA1";
inline constexpr std::size_t head_bytes_max = 128U << 10U;
inline constexpr std::size_t piece_bytes_max = 64U << 20U;
inline constexpr std::size_t piece_head_bytes = 5;
enum class piece_kind : std::uint8_t { chunk = 1, end = 2 };

struct archive_head {
  std::string farm;
  std::string equipment;
  can::stream_id stream_id{};
  std::vector<can::bus_name> buses;
  friend bool operator==(const archive_head&, const archive_head&) = default;
};

struct archive_totals {
  std::uint64_t frames = 0;
  std::uint64_t chunks = 0;
  friend bool operator==(const archive_totals&, const archive_totals&) = default;
};

void append_head(std::string& out, const archive_head& head);
/// The head at the beginning of `bytes`; `used` is its length. Absent: the head is `wrong`, or more
/// bytes are needed.
[[nodiscard]] std::optional<archive_head>
read_head(std::string_view bytes, std::size_t& used, bool& wrong);

/// A whole piece, with its kind and length.
void append_chunk(std::string& out, const sealed_chunk& chunk);
void append_end(std::string& out, archive_totals totals);
/// The frames of a chunk's body, in order of seq; absent when its parts do not agree.
[[nodiscard]] std::optional<std::vector<frame_run>> read_chunk(std::string_view body);
[[nodiscard]] std::optional<archive_totals> read_end(std::string_view body);

} // namespace furrow::storage
