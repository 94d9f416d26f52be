/// What Furrow asks of a database, whichever it is: claim streams, append to them exactly once, read them back.
///
/// Errors: `errc` says what the caller should do. A handler is called exactly once, on a thread of the store; it must not
///   block. A handler of an object that has been destroyed may still be called.
/// Threads: every function may be called from any thread; nothing blocks.
/// Source: docs/decisions/0001-one-recovery-path.md, docs/guarantees.md.
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/frame/stream.hpp"
#include "can/result.hpp"
#include "storage/errc.hpp"
#include "storage/history.hpp"
#include "storage/pool_options.hpp"
#include "storage/records.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

/// The right to append to a stream, as one claim gave it. A newer claim makes every older one worthless.
struct stream_claim {
  std::int32_t equipment = 0; // row id
  std::int32_t stream = 0;    // row id
  std::int64_t epoch = 0;     // timeline << 40 | counter; never goes back
  friend bool operator==(const stream_claim&, const stream_claim&) = default;
};

struct claim_request {
  std::string farm;      // the tenant, from the credential
  std::string equipment; // made if it does not exist
  can::stream_id stream_id{};
  std::optional<std::uint64_t> iso_name; // ISO 11783 NAME
  std::vector<can::run_mark> runs;       // as can::fork_point takes them
};

struct claim_outcome {
  stream_claim claim;
  std::uint64_t durable_seq =
    0; // committed, and replicated where the server replicates synchronously
  std::optional<std::uint64_t>
    fork_seq; // set: the spool is a copy that parted here; nothing was claimed for it
};

struct frame_run {
  std::uint64_t seq_first = 0;
  can::frame_block block;
};

struct numbered_record {
  std::uint64_t seq = 0;
  can::record record;
};

/// An item that cannot be stored as what it says it is: kept whole, with the reason.
struct quarantined_item {
  std::uint64_t seq = 0;
  std::int64_t time_us = 0;
  std::string reason;
  std::string bytes;
  std::optional<std::uint16_t> kind = {}; // of a record; absent of a frame
};

/// Items (from, to] of one stream, each exactly once in one of the lists, lists in order of seq.
struct stream_append {
  stream_claim claim;
  std::uint64_t from = 0; // the watermark that the stream must have
  std::uint64_t to = 0;
  std::uint64_t sent = 0; // the highest number that the gateway says it has given
  std::vector<frame_run> frames;
  std::vector<numbered_record> records;
  std::vector<quarantined_item> quarantine;
  std::vector<can::bus_name>
    buses; // names to be known before these frames; empty when nothing is new

  [[nodiscard]] std::size_t bytes() const;
};

/// Appends of many streams for one transaction; several of one stream follow each other without a hole.
using append_batch = std::vector<stream_append>;

/// All streams of the batch are durable up to their `to`, but for those named as fenced.
struct append_outcome {
  std::vector<std::int32_t> fenced; // stream row ids
  std::uint64_t quarantined = 0;    // items that the database would not take, quarantined instead
};

/// One lane into the database: one transaction at a time, in the order of the calls. Destroying it cuts the lane; what
/// was under way is then in doubt.
class appender {
public:
  virtual ~appender() = default;
  /// Fails with retry_later (nothing was stored), in_doubt (claim again to learn) or misconfigured.
  virtual void append(std::shared_ptr<const append_batch> batch, handler<append_outcome> done) = 0;
};

struct ledger_row {
  std::string farm;
  std::string equipment;
  can::stream_id stream_id{};
  std::uint64_t sent = 0;    // the highest number that the gateway has said to have given
  std::uint64_t durable = 0; // the watermark
  std::uint64_t stored = 0;  // items in the tables: frames, records, quarantined
  std::uint64_t lost = 0;    // numbers up to the watermark that no table holds
  std::uint64_t doubled =
    0; // items whose number another item has too, or that stand above the watermark
  std::uint64_t quarantined = 0;
  std::uint64_t dropped = 0;         // quarantined once, then let go by a person
  std::uint64_t lost_at_gateway = 0; // numbers whose items a damaged spool lost: on record, no item
  std::uint64_t expired = 0;         // numbers whose items retention has let go
};

struct equipment_row {
  std::string farm;
  std::string name;
  std::optional<std::uint64_t> iso_name;
  std::uint64_t streams = 0;
  std::uint64_t durable = 0; // sum over its streams
  std::optional<std::int64_t> last_frame_us;
};

struct frames_query {
  std::string farm; // empty: any farm; a name that stands in two farms is then an error
  std::string equipment;
  std::optional<std::int64_t> from_us; // both ends included
  std::optional<std::int64_t> to_us;
};

/// Where the next page begins; a default one begins at the oldest stream's first block.
struct frames_cursor {
  std::int32_t stream = 0;
  std::uint64_t seq = 0; // blocks after this number
};

struct frames_page {
  /// Blocks that overlap the time asked for, in order of stream and seq; the caller drops frames outside it.
  std::vector<frame_run> runs;
  std::vector<can::bus_name> buses; // of the stream that this page is of (a page never spans two)
  can::stream_id stream_id{};       // that stream
  std::optional<frames_cursor> next;
};

/// Which streams to seal, and when fresh blocks are due.
struct seal_request {
  std::string farm{};      // empty: all
  std::string equipment{}; // empty: all
  std::chrono::seconds due_after{
    3'600};                           // too few for a whole chunk, and seen so long ago; 0: at once
  std::chrono::milliseconds pause{0}; // after each chunk, so that ingest and readers have the disk
  std::uint32_t chunks_max = 0;       // then answer; 0: when nothing is left
  /// Nothing that the digest has not read; of a stream that it does not know, nothing at all. False: as
  /// furrow.seal_limit says, which waits for no digest where none has ever begun.
  bool behind_digest = false;
};

/// What one call has sealed. Each chunk is a transaction of its own: what was done stays done.
struct seal_outcome {
  std::uint64_t chunks = 0;
  std::uint64_t frames = 0;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0; // of segments before compression
  std::uint64_t busy = 0;  // streams that another sealer was at
  bool more = false;       // chunks_max was met
};

struct migration_row {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum; // of the file built in
  bool applied = false;
  std::string fault; // checksum differs, unknown to this program ...; empty when sound
};

struct store_health {
  bool up = false;
  std::string mode;   // "postgresql 15.18", "sqlite 3.40.1"
  std::string detail; // the last failure, when down
  std::chrono::microseconds latency{0};
};

class care_lane;       // storage/care.hpp
class digest_lane;     // storage/digest_lane.hpp
class repositories;    // storage/farm/repositories.hpp
struct store_activity; // storage/activity.hpp

class store : public record_store {
public:
  /// One answer a request, in order; the whole batch succeeds or fails together.
  virtual void claim(std::vector<claim_request> requests,
                     handler<std::vector<claim_outcome>> done) = 0;
  /// `lane` names the connection (application_name) for people who look at pg_stat_activity.
  [[nodiscard]] virtual std::unique_ptr<appender> open_appender(const std::string& lane) = 0;

  virtual void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) = 0;
  /// Empty farm or equipment: all of them.
  virtual void
  read_ledger(std::string farm, std::string equipment, handler<std::vector<ledger_row>> done) = 0;
  virtual void list_equipment(std::string farm, handler<std::vector<equipment_row>> done) = 0;

  /// Whether it keeps what a digest makes.
  [[nodiscard]] virtual bool digests() const { return false; }
  /// A connection for the digest; nullptr of a store that keeps none.
  [[nodiscard]] virtual std::shared_ptr<digest_lane> open_digest() { return nullptr; }
  // NOLINTBEGIN(performance-unnecessary-value-param): those that override them keep what they are given
  virtual void read_telemetry(history_query /*query*/, handler<telemetry_page> done) {
    done(keeps_no_history());
  }
  virtual void read_rollup(history_query /*query*/,
                           std::string /*signal*/,
                           rollup_bucket /*bucket*/,
                           handler<rollup_page> done) {
    done(keeps_no_history());
  }
  virtual void list_signals(std::string /*farm*/,
                            std::string /*equipment*/,
                            handler<std::vector<known_signal>> done) {
    done(keeps_no_history());
  }
  virtual void digest_progress(handler<digest_status> done) { done(keeps_no_history()); }
  // NOLINTEND(performance-unnecessary-value-param)

  /// Farms, equipment, fields, users, tokens; must not be used when the store is gone. Nothing: this store keeps none.
  [[nodiscard]] virtual std::shared_ptr<repositories> open_repositories() { return nullptr; }

  /// A connection for partitions, retention and sizes; nullptr of a store that takes no such care.
  [[nodiscard]] virtual std::shared_ptr<care_lane> open_care() { return nullptr; }

  /// Brings the schema to the newest version that this program knows; safe beside others doing the same.
  virtual void migrate(handler<std::vector<migration_row>> done) = 0;
  virtual void migration_status(handler<std::vector<migration_row>> done) = 0;
  virtual void health(handler<store_health> done) = 0;
  /// Pool, statements, slow ones; a database without a pool fails with misconfigured.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): as above
  virtual void activity(handler<store_activity> done);

  /// Whether there is a second tier to seal into.
  [[nodiscard]] virtual bool seals() const { return false; }
  /// Moves fresh blocks into segments, oldest first, on a connection of its own. A database without
  /// a second tier fails with misconfigured.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): as above
  virtual void seal(seal_request /*request*/, handler<seal_outcome> done) {
    done(
      failure{errc::misconfigured, "this database has no sealed tier: sealing needs PostgreSQL"});
  }

private:
  static failure keeps_no_history() {
    return {errc::misconfigured, "this store keeps no telemetry and no rollups"};
  }
};

struct store_options {
  std::string url; // postgresql://..., "host=... dbname=..." or sqlite:PATH
  std::string application_name = "furrow";
  pool_options pool{}; // for queries; beside it one connection a lane, for claims ...
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds lock_timeout{1'000};
  std::chrono::milliseconds statement_timeout{60'000};
  std::chrono::milliseconds slow_statement{500};
};

/// PostgreSQL or SQLite by the URL. Never waits for the database; fails (misconfigured) on a URL that no database can
/// be behind, or a SQLite file that cannot be opened.
[[nodiscard]] result<std::unique_ptr<store>> open_store(const store_options& options);

/// The URL with its password masked, for logs.
[[nodiscard]] std::string redacted(const std::string& url);

} // namespace furrow::storage
