/// What Furrow asks of a database, whichever it is: claim streams, append to them exactly once, account for them.
///
/// Shape: everything else is an interface of one area, in a header of its own, which the store gives by an accessor.
/// Errors: `errc` says what the caller should do. A handler is called exactly once, on a thread of the store; it must not
///   block. A handler of an object that has been destroyed may still be called.
/// Threads: every function may be called from any thread; nothing blocks.
/// Source: docs/decisions/0001-one-recovery-path.md, docs/guarantees.md.
#pragma once

#include "can/frame/stream.hpp"
#include "can/records/body.hpp"
#include "can/result.hpp"
#include "storage/errc.hpp"
#include "storage/frames.hpp"
#include "storage/pool_options.hpp"

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

class dbc_store;        // storage/dbc_files.hpp
class digest_store;     // storage/digest_store.hpp
class frame_store;      // storage/frames.hpp
class history_store;    // storage/history.hpp
class partition_store;  // storage/partitions.hpp
class quarantine_store; // storage/quarantine.hpp
class record_store;     // storage/records.hpp
class removal_store;    // storage/removal.hpp
class repositories;     // storage/farm/repositories.hpp
class retention_store;  // storage/retention.hpp
class seal_store;       // storage/sealing.hpp
class size_store;       // storage/statistics.hpp
struct store_activity;  // storage/activity.hpp

/// The areas that a database has.
struct store_capabilities {
  bool frames = false;
  bool records = false;
  bool quarantine = false;
  bool history = false;
  bool digest = false;
  bool farm = false;
  bool retention = false;
  bool partitions = false;
  bool sizes = false;
  bool sealing = false;
};

class store {
public:
  store() = default;
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  virtual ~store() = default;

  /// One answer a request, in order; the whole batch succeeds or fails together.
  virtual void claim(std::vector<claim_request> requests,
                     handler<std::vector<claim_outcome>> done) = 0;
  /// `lane` names the connection (application_name) for people who look at pg_stat_activity.
  [[nodiscard]] virtual std::unique_ptr<appender> open_appender(const std::string& lane) = 0;

  /// Empty farm or equipment: all of them.
  virtual void
  read_ledger(std::string farm, std::string equipment, handler<std::vector<ledger_row>> done) = 0;
  virtual void list_equipment(std::string farm, handler<std::vector<equipment_row>> done) = 0;

  /// Brings the schema to the newest version that this program knows; safe beside others doing the same.
  virtual void migrate(handler<std::vector<migration_row>> done) = 0;
  virtual void migration_status(handler<std::vector<migration_row>> done) = 0;
  virtual void health(handler<store_health> done) = 0;
  /// Pool, statements, slow ones; a database without a pool fails with misconfigured.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): those that override it keep what they are given
  virtual void activity(handler<store_activity> done);

  /// The areas. Each lives as long as the store, or is nullptr where the database has none.
  [[nodiscard]] virtual frame_store* frames() { return nullptr; }
  [[nodiscard]] virtual record_store* records() { return nullptr; }
  [[nodiscard]] virtual quarantine_store* quarantine() { return nullptr; }
  [[nodiscard]] virtual history_store* history() { return nullptr; }
  [[nodiscard]] virtual digest_store* digest() { return nullptr; }
  [[nodiscard]] virtual repositories* farm() { return nullptr; }
  [[nodiscard]] virtual retention_store* retention() { return nullptr; }
  [[nodiscard]] virtual partition_store* partitions() { return nullptr; }
  [[nodiscard]] virtual size_store* sizes() { return nullptr; }
  [[nodiscard]] virtual seal_store* sealing() { return nullptr; }
  [[nodiscard]] virtual removal_store* removals() { return nullptr; }
  [[nodiscard]] virtual dbc_store* dbc() { return nullptr; }

  /// Which of the areas there are.
  [[nodiscard]] store_capabilities capabilities();
};

struct store_options {
  std::string url; // postgresql://..., "host=... dbname=..." or sqlite:PATH
  std::string application_name = "furrow";
  bool for_node =
    false; // SQLite: one node at a time opens a file so; commands open it beside the node
  pool_options pool{}; // for queries; beside it one connection a lane, for claims ...
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds lock_timeout{1'000};
  std::chrono::milliseconds statement_timeout{60'000};
  std::chrono::milliseconds slow_statement{500};
};

/// PostgreSQL or SQLite by the URL. Never waits for the database; fails (misconfigured) on a URL that no database can
/// be behind, or a SQLite file that cannot be opened.
[[nodiscard]] result<std::unique_ptr<store>> open_store(const store_options& options);

/// Whether a database can be behind the URL; nothing is opened.
[[nodiscard]] result<done> check_url(const std::string& url);

/// The URL with its password masked, for logs.
[[nodiscard]] std::string redacted(const std::string& url);

} // namespace furrow::storage
