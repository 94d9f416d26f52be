/// Commands for Redis as bytes, and simple replies parsed from bytes.
///
/// Shape: a reply is complete, incomplete or invalid. Only status, error, integer and bulk string are valid replies.
///   Nothing nests, and no allocation depends on a size that the server claims.
/// Errors: `broken` ends the connection.
/// Threads: plain values.
/// Limits: a reply of reply_bytes_max.
/// Source: Redis serialization protocol (RESP2); hiredis formats the commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::http {

inline constexpr std::size_t reply_bytes_max = std::size_t{8} << 20U;

[[nodiscard]] std::string redis_command(std::initializer_list<std::string_view> words);

struct redis_reply {
  enum class kind : std::uint8_t { status, error, integer, text, nothing } what = kind::nothing;
  std::string text;
};

class redis_reader {
public:
  void feed(std::string_view bytes);
  /// The next reply; nothing when bytes are missing or the reply is broken.
  [[nodiscard]] std::optional<redis_reply> next();
  [[nodiscard]] bool broken() const { return broken_; }
  /// Whether no unread bytes remain.
  [[nodiscard]] bool idle() const { return bytes_.empty(); }

private:
  std::optional<redis_reply> give_up();

  std::string bytes_;
  bool broken_ = false;
};

} // namespace furrow::http
