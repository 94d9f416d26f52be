/// What a site needs from its database to forward it to head office: streams with items that head office has not acked,
/// the items themselves in the order of their numbers, and what head office has acked.
///
/// Shape: `acked` is a note for people and for retention, which keeps what head office has not acked. Where to go on is
///   said by head office alone.
/// Errors, threads: as storage/store.hpp.
/// Limits: a page has about page_bytes_max of frames, or records_a_page records of each kind.
/// Source: docs/decisions/0038-sites-forward-their-store.md.
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/frame/stream.hpp"
#include "storage/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t forward_records_a_page = 512;
inline constexpr std::size_t forward_runs_max = 500; // told to head office at a time
/// Runs before the newest one that head office knows, told once more: after a restore from a backup it knows fewer, and
/// without a common run it takes the stream for another one.
inline constexpr std::size_t forward_runs_again = 100;

struct forward_stream {
  std::int32_t stream = 0; // row id
  std::string farm;
  std::string equipment;
  std::uint64_t last = 0;  // durable here
  std::uint64_t acked = 0; // durable at head office, as it said last
  std::uint64_t runs = 0;  // how many there are, and buses: a new one needs a new head
  std::uint64_t buses = 0;
  friend bool operator==(const forward_stream&, const forward_stream&) = default;
};

/// What a hello says of a stream.
struct forward_head {
  can::stream_id id{}; // as head office knows the stream
  std::string equipment;
  std::optional<std::uint64_t> iso_name;
  std::uint64_t last = 0; // durable here, and numbered by one of the runs
  /// From forward_runs_again before the last one that head office knows.
  std::vector<can::run_mark> runs;
  bool more_runs = false; // than fit; the next head has them
  std::vector<can::bus_name> buses;
};

using forward_items = std::variant<can::frame_block, std::vector<can::record>, can::gone_items>;

/// Items from number `first` on.
struct forward_group {
  std::uint64_t first = 0;
  forward_items items;
};

/// Every number (after, to] of a stream, in order.
struct forward_page {
  std::vector<forward_group> groups;
  std::uint64_t to = 0;
};

struct forward_mark {
  std::int32_t stream = 0;
  std::uint64_t acked = 0;
  std::uint64_t run = 0; // the newest that head office knows; 0: none
};

struct forward_row {
  std::string farm;
  std::string equipment;
  can::stream_id id{};
  std::uint64_t last = 0;
  std::uint64_t acked = 0;
  std::optional<std::int64_t> acked_at_us; // when head office acked last
  std::optional<std::int64_t> oldest_us;   // time of the oldest frames that wait
  std::optional<std::int64_t> newest_us;   // time of the newest frames here
};

struct forward_status {
  std::string target; // where this site forwards to; empty: nowhere, and retention waits for nobody
  std::vector<forward_row> rows;
};

/// What retention keeps for head office although no node forwards it: a start without --forward.
struct forward_hold {
  std::string target; // as a former start said; empty: nothing is kept, or a node forwards
  std::uint64_t items = 0;
};

class forward_store {
public:
  virtual ~forward_store() = default;

  /// From now on retention keeps what is not acked. Empty: it waits for nobody.
  virtual void set_target(std::string target, handler<done> finished) = 0;
  /// Whether this node forwards, of several of a site: the first that asks, until it has not asked for 10 s.
  virtual void take_turn(std::string node, handler<bool> done) = 0;
  /// Streams by row id after `after`, at most `count`; without `every` only those with items that are not acked.
  virtual void list(bool every,
                    std::int32_t after,
                    std::size_t count,
                    handler<std::vector<forward_stream>> done) = 0;
  virtual void open(std::int32_t stream, handler<forward_head> done) = 0;
  /// Items after `after` up to `up_to`: the first page of them.
  virtual void read(std::int32_t stream,
                    std::uint64_t after,
                    std::uint64_t up_to,
                    handler<forward_page> done) = 0;
  virtual void note(std::vector<forward_mark> marks, handler<done> finished) = 0;
  /// For a node that does not forward.
  virtual void read_hold(handler<forward_hold> done) = 0;
  /// Of one farm, or of all; at most 10,000 streams.
  virtual void read_status(std::string farm, handler<forward_status> done) = 0;
};

} // namespace furrow::storage
