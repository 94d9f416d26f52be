/// What a stream is made of: its identity, the runs that numbered it, its items that are not frames.
///
/// Shape: a stream is numbered 1, 2, 3 ... by one spool. Each opening of the spool for writing is a *run* with a random
///   mark; the list of runs is what tells a restored copy of a spool from the spool itself.
/// Threads: plain values.
/// Source: docs/decisions/0002-runs-tell-copies-apart.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::can {

/// Random UUID made with the spool.
using stream_id = std::array<std::uint8_t, 16>;
[[nodiscard]] std::string to_string(const stream_id& id); // 8-4-4-4-12, lower case
[[nodiscard]] std::optional<stream_id> parse_stream_id(const std::string& text);

/// One opening of a spool for writing, and the first number that it gave (or would have given).
struct run_mark {
  std::uint64_t run = 0;
  std::uint64_t first_seq = 0;
  friend bool operator==(const run_mark&, const run_mark&) = default;
};

/// The interface name behind a frame's bus number.
struct bus_name {
  std::uint8_t bus = 0;
  std::string name;
  friend bool operator==(const bus_name&, const bus_name&) = default;
};

/// An item that is no frame: a sensor reading, a yield sample, token usage ... `body` is a JSON object.
struct record {
  std::int64_t time_us = 0;
  std::uint16_t kind = 0;
  std::string body;
  friend bool operator==(const record&, const record&) = default;
};

/// The kind of the record that stands in the place of an item which was lost after it had got its
/// number; its body says why: {"lost":"..."}. Its time is that of the finding.
inline constexpr std::uint16_t record_kind_lost = 0x7FFF;

/// Decides whose items are whose when a spool comes with `offered` runs (oldest first, from the last one that a node
/// confirmed) and the stream already knows `known` runs (oldest first) and holds everything up to `durable_seq`.
/// Nothing: the spool continues the stream. A number: the spool is a copy that parted from the stream there; its items
/// from that number on are in no stream yet, those before it are not its business any more.
[[nodiscard]] std::optional<std::uint64_t> fork_point(std::span<const run_mark> known,
                                                      std::span<const run_mark> offered,
                                                      std::uint64_t durable_seq);

} // namespace furrow::can
