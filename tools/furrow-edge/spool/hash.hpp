/// The hashes that detect changed bytes: XXH3, 64 and 128 bits. They do not protect against an attacker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace furrow::edge {

/// The hash of many bytes, piece by piece, with 128 bits: equal for equal content only, as far as chance goes.
class content_digest {
public:
  content_digest();
  ~content_digest();
  content_digest(const content_digest&) = delete;
  content_digest& operator=(const content_digest&) = delete;
  void add(std::string_view bytes);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// The name of the hash, its digits and the number of bytes.
  [[nodiscard]] std::string text() const;

private:
  struct state;
  std::unique_ptr<state> state_;
  std::uint64_t bytes_ = 0;
};

[[nodiscard]] std::uint64_t content_hash(std::string_view bytes, std::uint64_t seed = 0);

} // namespace furrow::edge
