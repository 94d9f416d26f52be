/// Streams stored frames as text, page by page, as fast as the client reads.
///
/// Shape: in order of seq, buses by name; the formats are those of frame_text.hpp.
/// Errors: a page that cannot be read is retried for a few seconds, because the database may come back; then the body
///   fails.
/// Threads: one coroutine.
/// Limits: one page of the store (about 4 MiB) and one piece of text (64 KiB) in memory.
#pragma once

#include "storage/store.hpp"
#include "tools/furrowd/api/bodies/frame_text.hpp"
#include "tools/furrowd/http/message.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace furrow::http {

/// Selects frames of the requested time. An identifier must match exactly; more than three hex digits mean 29 bits, as
/// in candump.
struct frames_filter {
  struct identifier {
    std::uint32_t id = 0;
    bool extended = false;
  };
  std::optional<identifier> can_id;
  std::optional<std::uint32_t> pgn;

  [[nodiscard]] bool takes(can::frame_header header) const;
};

[[nodiscard]] std::optional<frames_filter::identifier> parse_can_id(std::string_view hex);
/// Decimal, or hex with the prefix 0x.
[[nodiscard]] std::optional<std::uint32_t> parse_pgn(std::string_view text);

struct frames_request {
  storage::frames_query query;
  frames_filter filter;
  frames_format format = frames_format::candump;
  bus_names names{};
};

/// Reads the first page, so that errors are known before the response begins. The store must outlive the body.
[[nodiscard]] boost::asio::awaitable<std::variant<std::unique_ptr<body_source>, problem>>
open_frames(storage::store& store, frames_request wanted);

} // namespace furrow::http
