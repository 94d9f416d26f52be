/// The invariants of a simulated world, checked as things happen. It knows what each gateway numbered, and is told of
/// every commit, claim and ack; it shares no code with what it checks.
///
/// Shape: the first violation is kept; the world then stops. The invariants:
///   durable   an acknowledged item is in the database, and in every server that could replace it (synchronous)
///   same      a stored item is one that a gateway numbered so; the acknowledged one is the one in its spool, unless a
///             server took it that was replaced (asynchronous); in the end each one is
///   once      no number is stored twice
///   whole     a commit begins at the watermark: no number below it is missing, and order is kept
///   fenced    a commit is of the newest claim of its stream
///   epochs    epochs of a stream never go back
///   owner     all that is stored under one epoch of a stream is of one process (I7)
///   one       of two servers only the one that leads takes items for durable (synchronous; I7b)
///   yield     a node that another incarnation has fenced does not claim the stream again by itself
///   judged    no node that works and reaches the database is declared dead
///   buried    after the last fault a node that is frozen for ever is declared dead, within a bound
///   placed    after the last fault a machine that people have moved is where they want it, within a bound
///   memory    a node holds no more than its budget;  wire: each side can read what the other writes
///   alive     after the last fault everything that was numbered becomes durable, within a bound
/// Threads: one.
/// Source: docs/guarantees.md.
#pragma once

#include "can/frame/stream.hpp"
#include "tests/simulation/stage/scheduler.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::simulation {

/// What an item says, made so that no two items say the same.
using item_code = std::uint64_t;

struct violation {
  std::string rule;
  std::string what;
  std::uint64_t step = 0;
  milliseconds at{0}; // since the world began
};

/// One stream's part of a commit, as a server has just flushed it.
struct stored_part {
  can::stream_id stream{};
  std::uint64_t node = 0; // the incarnation that asked for it
  std::uint64_t held = 0; // items before
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::int64_t epoch = 0;
  std::int64_t newest_epoch = 0;
  std::map<std::uint64_t, std::vector<item_code>> rows; // by number
};

class oracle {
public:
  explicit oracle(const scheduler& time) : time_{time}, begin_{time.now()} {}

  void numbered(const can::stream_id& stream, std::uint64_t seq, item_code code);
  /// `leads`: the server is the one that leads; epochs of a server that is being replaced may be old ones.
  void claimed(const can::stream_id& stream, std::int64_t epoch, bool leads);
  void stored(const stored_part& part);
  void broken(const std::string& rule, const std::string& what);

  [[nodiscard]] const std::optional<violation>& found() const { return found_; }
  [[nodiscard]] std::uint64_t items_stored() const { return items_stored_; }
  /// The highest watermark that any server has flushed.
  [[nodiscard]] std::uint64_t highest(const can::stream_id& stream) const;

private:
  struct stream_truth {
    std::vector<item_code> codes;                   // by number, from 1
    std::multimap<std::uint64_t, item_code> others; // of restored copies
    std::int64_t newest_epoch = 0;
    std::map<std::int64_t, std::uint64_t> nodes; // by epoch
    std::uint64_t highest = 0;
  };
  [[nodiscard]] static bool knows(const stream_truth& truth, std::uint64_t seq, item_code code);

  const scheduler& time_;
  time_point begin_;
  std::map<can::stream_id, stream_truth> streams_;
  std::optional<violation> found_;
  std::uint64_t items_stored_ = 0;
};

} // namespace furrow::simulation
