// Any bytes as the content of an archive file: every returned chunk can be read to its end, in order of numbers.
#include "storage/archive/chunk.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <cstdlib>
#include <cstring>

namespace furrow::storage {

namespace {

std::uint64_t read_to_the_end(const std::vector<frame_run>& runs) {
  std::uint64_t sum = 0;
  std::uint64_t last = 0;
  hold(!runs.empty());
  for (const auto& run : runs) {
    hold(run.block.size() > 0 && run.seq_first > last);
    last = run.seq_first + run.block.size() - 1;
    for (std::size_t i = 0; i < run.block.size(); ++i) {
      const auto frame = run.block[i];
      sum += static_cast<std::uint64_t>(frame.time_us);
      for (std::size_t byte = 0; byte < frame.header.payload_bytes(); ++byte)
        sum += frame.data[byte];
    }
  }
  return sum;
}

} // namespace

FUZZ_TARGET(archive) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  std::size_t at = 0;
  bool wrong = false;
  if (!read_head(bytes, at, wrong))
    return 0;
  hold(!wrong && at <= size);
  std::uint64_t sum = 0;
  while (size - at >= piece_head_bytes) {
    std::uint32_t length = 0;
    std::memcpy(&length, data + at + 1, sizeof length);
    if (length > size - at - piece_head_bytes)
      break;
    const auto body = bytes.substr(at + piece_head_bytes, length);
    if (data[at] == static_cast<std::uint8_t>(piece_kind::chunk)) {
      if (const auto runs = read_chunk(body))
        sum += read_to_the_end(*runs);
    } else if (const auto totals = read_end(body)) {
      sum += totals->frames;
    }
    at += piece_head_bytes + length;
  }
  return sum == 1 ? 1 : 0; // so that all of it is read
}

} // namespace furrow::storage
