/// The bytes of an input as they are, or unpacked where its first bytes say that they are packed (gzip, zstd).
///
/// Shape: `read` asks `raw` for the bytes of the input as often as it needs them: a file, a pipe, a stream.
/// Errors: `broken` if the bytes are damaged, if the input ends in the middle of its packed data, or if `raw` says so;
///   `trouble` says why, and is empty for `raw`.
/// Threads: a plain value.
/// Limits: 256 KiB of packed bytes; what unpacker.hpp needs.
#pragma once

#include "tools/logs/unpacker.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::logs {

/// What a read came to.
enum class got : std::uint8_t { bytes, nothing_yet, end, broken };

class packed_input {
public:
  static constexpr std::size_t chunk_bytes = 256U << 10U;

  /// Fills the span from its beginning and says how many bytes there are.
  using raw_reader = std::function<got(std::span<char> into, std::size_t& count)>;

  packed_input() = default;
  /// Of an input whose first bytes are known.
  explicit packed_input(packing how) { begin(how); }

  [[nodiscard]] got read(std::span<char> into, std::size_t& count, const raw_reader& raw);
  /// None: the first bytes have not arrived yet.
  [[nodiscard]] std::optional<packing> how() const { return packing_; }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
  void begin(packing how);
  got sniff(const raw_reader& raw);
  got read_unpacked(std::span<char> into, std::size_t& count, const raw_reader& raw);

  std::optional<packing> packing_;
  std::unique_ptr<unpacker> unpacker_;
  std::vector<char> raw_; // read and not given, from raw_begin_ on
  std::size_t raw_begin_ = 0;
  std::string trouble_;
};

} // namespace furrow::logs
