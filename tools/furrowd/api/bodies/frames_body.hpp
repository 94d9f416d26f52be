/// Streams stored frames as text, page by page, as fast as the client reads.
///
/// Shape: candump: the format of `candump -L`, buses by name, in order of seq. jsonl: one object a line: seq, time,
///   bus, can_id (hex, as in candump), extended, remote, error, kind ("classic", "fd", "xl"), length, pgn (null except
///   for extended frames), payload (hex).
///   `name` is that of the message, null where no definition knows it.
/// Errors: a page that cannot be read is retried for a few seconds, because the database may come back; then the body
///   fails.
/// Threads: one coroutine.
/// Limits: one page of the store (about 4 MiB) and one piece of text (64 KiB) in memory.
#pragma once

#include "storage/store.hpp"
#include "tools/furrowd/api/bodies/bus_names.hpp"
#include "tools/furrowd/http/message.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace furrow::http {

enum class frames_format : std::uint8_t { candump, jsonl };

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

/// Appends one frame as a line. `bus` is the name of the bus: a quoted JSON string for jsonl, plain for candump.
void append_frame(std::string& out,
                  const can::frame_view& frame,
                  std::uint64_t seq,
                  std::string_view bus,
                  frames_format format,
                  const bus_names& names);

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
