/// Decides what the next transaction of a batch holds: takes the result of the last attempt, gives
/// the next attempt.
///
/// Shape: the database rejects or stores an attempt whole. Fenced streams leave the batch. After a
///   transient refusal the attempt is retried after a pause. A poisoned attempt is halved, first by
///   append, then by item, until one item is left; that item is quarantined. Attempts run in order,
///   so that each watermark moves only over stored items. A duplicate key is poison or a claim that
///   another has overtaken: one `check` attempt tells which.
/// Errors: a final retry_later becomes in_doubt when earlier attempts have stored something: the
///   caller must read what is stored.
/// Threads: plain value, one thread; no I/O, no clock. It refers to the batch, which must outlive
///   it.
/// Limits: attempts_max transient refusals in a row; a poison item costs at most 2 log2(items)
///   transactions.
#pragma once

#include "storage/store.hpp"
#include "storage/verdict.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

/// One stream's move of the watermark.
struct watermark_step {
  stream_claim claim;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t sent = 0;
};

/// Frames [first, first + count) of a block, as one row; seq_first is the number of frame `first`.
struct frame_slice {
  stream_claim claim;
  std::uint64_t seq_first = 0;
  const can::frame_block* block = nullptr;
  std::size_t first = 0;
  std::size_t count = 0;
};

/// The largest number of known kinds of records.
inline constexpr std::size_t typed_kinds_max = 8;

struct record_ref {
  stream_claim claim;
  const numbered_record* item = nullptr;
};

struct quarantine_ref {
  stream_claim claim;
  const quarantined_item* item = nullptr;
};

/// The key by which a repeated batch of a client is recognised.
struct batch_mark {
  stream_claim claim;
  std::string key;
  std::uint64_t seq_first = 0;
  std::uint32_t records = 0;
  std::string refused;
  std::string sha256; // of the request; empty: not known
};

/// An item that leaves quarantine in this transaction.
struct release_ref {
  std::int32_t stream = 0;
  std::uint64_t seq = 0;
};

/// Numbers that go into the table `expired`.
struct gone_ref {
  std::int32_t stream = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// One transaction. Pointers live as long as the plan.
struct append_attempt {
  bool check = false; // store nothing; only check that the watermarks are `from` with our epochs
  bool trial = false; // store nothing; only check whether the database would take the rows
  std::vector<watermark_step> steps; // one for each stream
  std::vector<frame_slice> frames;
  std::vector<record_ref> records; // of kinds without a table of their own
  std::array<std::vector<record_ref>, typed_kinds_max>
    typed; // of kinds with a table, in the order of can::record_kinds()
  std::vector<quarantine_ref> quarantine;
  std::vector<batch_mark> batches;
  std::vector<release_ref> releases;
  std::vector<gone_ref> gone;

  /// Into the table of its kind.
  void add_record(const record_ref& record);
};

class append_plan {
public:
  static constexpr unsigned attempts_max = 6;
  static constexpr unsigned held_max = 3; // attempts that find a stream held, then it leaves

  /// Items with an earlier time than `time_us_min` do not fit the database's time type. They are
  /// quarantined without an attempt.
  explicit append_plan(std::shared_ptr<const append_batch> batch,
                       std::int64_t time_us_min = std::numeric_limits<std::int64_t>::min());

  /// The transaction to try now; nullptr when finished.
  [[nodiscard]] const append_attempt* next() const { return finished_ ? nullptr : &attempt_; }
  /// How long to wait before it.
  [[nodiscard]] std::chrono::milliseconds pause() const;
  /// The result, once next() is nullptr.
  [[nodiscard]] const result<append_outcome>& outcome() const { return *finished_; }

  /// The attempt is durable (or, of a check: every watermark is as expected).
  void stored();
  /// Rolled back: these streams have another watermark or epoch. Another node has claimed those in `taken`.
  void fenced(std::span<const std::int32_t> streams, std::span<const std::int32_t> taken = {});
  /// Rolled back: another transaction holds the rows of these streams.
  void held(std::span<const std::int32_t> streams, const std::string& detail);
  /// Rolled back for another reason; `detail` is the server's words.
  void refused(verdict why, const std::string& detail);
  /// The batch ends here: connection lost, ...
  void failed(errc code, const std::string& detail);

private:
  /// Items (from, to] of one append.
  struct piece {
    std::size_t append = 0;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };
  struct group {
    std::vector<piece> pieces;
    bool checked = false; // a duplicate key in it is poison, not a fence
    bool late = false;    // of streams that were held when the others were tried
  };

  void build();
  void add_piece(const piece& of);
  void add_frames(const piece& of);
  void add_slice(const stream_append& append,
                 const frame_run& run,
                 std::uint64_t seq,
                 std::uint64_t end);
  void add_made(const piece& of);
  void add_gone(const piece& of);
  void isolate(const std::string& reason);
  void quarantine(std::size_t append, std::uint64_t seq, const std::string& reason);
  void drop_stream(std::int32_t stream);
  [[nodiscard]] std::vector<piece> take_out(std::int32_t stream);
  void set_aside(std::int32_t stream);
  void leave_waiting(std::int32_t stream);
  void quarantine_untimely(std::int64_t time_us_min);
  /// Quarantines records that are not what their kind says, without asking the database.
  void quarantine_malformed();

  std::shared_ptr<const append_batch> batch_;
  std::deque<group> groups_; // in order; the front one is being tried
  std::map<std::pair<std::size_t, std::uint64_t>, quarantined_item>
    made_;                                // by append and seq: ours, not the caller's
  std::map<std::int32_t, unsigned> held_; // how often a stream was found so
  append_attempt attempt_;
  append_outcome outcome_;
  std::optional<result<append_outcome>> finished_;
  std::uint64_t made_in_attempt_ = 0;
  unsigned refusals_ = 0; // transient ones in a row
  bool any_stored_ = false;
};

} // namespace furrow::storage
