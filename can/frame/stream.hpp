/// The parts of a stream: its identity, the runs that numbered it, and records.
///
/// Shape: one spool numbers a stream 1, 2, 3 ... Each opening of the spool for writing is a *run* with a random mark.
///   The list of runs tells a restored copy of a spool from the original.
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

/// Random UUID of a spool, made with the spool.
using stream_id = std::array<std::uint8_t, 16>;
[[nodiscard]] std::string to_string(const stream_id& id); // 8-4-4-4-12, lower case
[[nodiscard]] std::optional<stream_id> parse_stream_id(const std::string& text);

/// One opening of a spool for writing, and the first number that it assigned or would have assigned.
struct run_mark {
  std::uint64_t run = 0;
  std::uint64_t first_seq = 0;
  friend bool operator==(const run_mark&, const run_mark&) = default;
};

/// A bus number and the name of its interface.
struct bus_name {
  std::uint8_t bus = 0;
  std::string name;
  friend bool operator==(const bus_name&, const bus_name&) = default;
};

/// A file that a gateway reads: a digest of its unpacked content, and its path, for people.
struct source_mark {
  std::string digest;
  std::string name;
  friend bool operator==(const source_mark&, const source_mark&) = default;
};

/// An item that is not a frame: a sensor reading, a yield sample, token usage ... `body` is a JSON object.
struct record {
  std::int64_t time_us = 0;
  std::uint16_t kind = 0;
  std::string body;
  friend bool operator==(const record&, const record&) = default;
};

/// The kind of a record that replaces an item which was lost after it got its number. The body gives the reason:
/// {"lost":"..."}. The time is when the loss was found.
inline constexpr std::uint16_t record_kind_lost = 0x7FFF;

/// The kind of a record that a gateway sends for a line which it could not read (can/records/rejected_line.hpp). It is
/// never stored as a record: it goes to quarantine with its reason.
inline constexpr std::uint16_t record_kind_rejected_line = 0x7FFD;

/// Why numbers have no item any more.
enum class gone_reason : std::uint8_t {
  missing = 0, // nobody knows: the ledger counts them as lost
  expired = 1, // retention deleted the items
  dropped = 2, // a person dropped them from quarantine
};

/// So many numbers in place of their items: a site that forwards its store tells them so.
struct gone_items {
  std::uint64_t count = 0;
  gone_reason why = gone_reason::missing;
  [[nodiscard]] std::uint64_t size() const { return count; }
  friend bool operator==(const gone_items&, const gone_items&) = default;
};

/// Numbers `first` to `last` without items.
struct gone_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  gone_reason why = gone_reason::missing;
  friend bool operator==(const gone_range&, const gone_range&) = default;
};

/// Decides where a spool and a stream differ. The spool offers runs (`offered`, oldest first, from the last one that a
/// node confirmed). The stream knows the runs `known` (oldest first) and has all items up to `durable_seq`. Nothing:
/// the spool continues the stream. A number: the spool is a copy that differs from the stream from this number on. Its
/// items from there on are in no stream yet; earlier ones belong to the original.
[[nodiscard]] std::optional<std::uint64_t> fork_point(std::span<const run_mark> known,
                                                      std::span<const run_mark> offered,
                                                      std::uint64_t durable_seq);

} // namespace furrow::can
