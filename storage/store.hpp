/// The interface to the database, PostgreSQL or SQLite: claim streams, append to them exactly once, read the ledger.
///
/// Shape: everything else is an interface for one area, in its own header. The store has an accessor for each area.
/// Errors: `errc` says what the caller should do. A handler is called exactly once, on a thread of the store; it must
///   not block. It may be called after the object is destroyed.
/// Threads: every function may be called from any thread; nothing blocks.
/// Source: docs/decisions/0001-one-recovery-path.md, docs/guarantees.md.
#pragma once

#include "can/frame/stream.hpp"
#include "can/records/body.hpp"
#include "can/result.hpp"
#include "storage/errc.hpp"
#include "storage/frames.hpp"
#include "storage/history.hpp"
#include "storage/pool_options.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

/// A node's right to append to a stream. A newer claim of the stream fences every older one.
struct stream_claim {
  std::int32_t equipment = 0; // row id
  std::int32_t stream = 0;    // row id
  std::int64_t epoch = 0;     // timeline << 40 | counter; never goes back
  friend bool operator==(const stream_claim&, const stream_claim&) = default;
};

struct claim_request {
  std::string farm;      // the tenant, from the credential
  std::string equipment; // created if it does not exist
  can::stream_id stream_id{};
  std::optional<std::uint64_t> iso_name; // ISO 11783 NAME
  std::vector<can::run_mark> runs;       // in the form for can::fork_point
  /// Of a session that goes on after a doubt: the epoch that it had. The claim gives way to a newer one of another node.
  /// 0: a new session, which always wins.
  std::int64_t held_epoch = 0;
  std::vector<can::source_mark> sources = {}; // files that no other stream of the machine may hold
  std::optional<bool> relayed =
    {}; // a site forwards the stream; nothing: who claims it does not say
};

/// A file that another stream of the machine holds already.
struct known_source {
  std::string offered; // its name now
  std::string name;    // its name then
  std::string stored_at;
};

/// The database in which a farm lives: storage/homes/directory.hpp.
struct farm_home {
  std::string farm;
  std::string database;
  std::int64_t version = 0; // counts the moves of the farm; the higher one is newer
  friend bool operator==(const farm_home&, const farm_home&) = default;
};

struct claim_outcome {
  stream_claim claim;
  std::uint64_t durable_seq =
    0; // committed, and replicated where the server replicates synchronously
  std::optional<std::uint64_t>
    fork_seq;         // set: the spool is a copy that parted here; nothing was claimed for it
  bool held = false;  // another transaction holds the stream; nothing was claimed, ask again later
  bool taken = false; // another node has claimed the stream since `held_epoch`; nothing was claimed
  std::optional<known_source> known = {}; // set: nothing was claimed
  std::optional<farm_home> moved = {};    // set: the farm lives there; nothing was claimed
};

struct numbered_record {
  std::uint64_t seq = 0;
  can::record record;
};

/// An item that could not be stored as what it is: kept whole, with the reason.
struct quarantined_item {
  std::uint64_t seq = 0;
  std::int64_t time_us = 0;
  std::string reason;
  std::string bytes;
  std::optional<std::uint16_t> kind = {}; // of a record; absent for a frame
};

/// Items (from, to] of one stream, each exactly once in one of the lists, lists in order of seq. Only numbers that are
/// gone and missing are in no table: the ledger counts them as lost.
struct stream_append {
  stream_claim claim;
  std::uint64_t from = 0; // the watermark that the stream must have
  std::uint64_t to = 0;
  std::uint64_t sent = 0; // the highest number that the gateway reports as assigned
  std::vector<frame_run> frames;
  std::vector<numbered_record> records;
  std::vector<quarantined_item> quarantine;
  std::vector<can::bus_name> buses; // new names that these frames need; empty when nothing is new
  std::vector<can::gone_range> gone = {}; // numbers that a site no longer has items for

  [[nodiscard]] std::size_t bytes() const;
};

/// Appends to many streams in one transaction. Several appends to one stream follow each other without a hole.
using append_batch = std::vector<stream_append>;

/// All streams of the batch are durable up to their `to`, except those listed as fenced.
struct append_outcome {
  std::vector<std::int32_t> fenced; // stream row ids
  std::uint64_t quarantined = 0;    // items that the database would not take, quarantined instead
  /// Stream row ids: another transaction holds the stream, and the others did not wait for it. Claim again.
  std::vector<std::int32_t> waiting = {};
  /// Of the fenced, those that another node has claimed last: it serves them.
  std::vector<std::int32_t> taken = {};
};

/// A connection that runs one transaction at a time, in the order of the calls. Destroying it cuts the connection; an
/// unfinished transaction is then in doubt.
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
  std::uint64_t sent = 0;    // the highest number that the gateway has reported as assigned
  std::uint64_t durable = 0; // the watermark
  std::uint64_t stored = 0;  // items in the tables: frames, records, quarantined
  std::uint64_t lost = 0;    // numbers up to the watermark that no table holds
  std::uint64_t doubled =
    0; // items whose number another item has too, or whose number is above the watermark
  std::uint64_t quarantined = 0;
  std::uint64_t dropped = 0;         // quarantined, then dropped by a person
  std::uint64_t lost_at_gateway = 0; // numbers of items that a damaged spool lost
  std::uint64_t expired = 0;         // numbers of items that retention has deleted
  std::uint64_t elsewhere = 0; // a farm that moved: numbers that are still in the database before
};

struct equipment_row {
  std::string farm;
  std::string name;
  std::optional<std::uint64_t> iso_name;
  std::uint64_t streams = 0;
  std::uint64_t durable = 0; // sum over its streams
  std::optional<std::int64_t> last_frame_us;
  std::optional<telemetry_point> state =
    {};                 // the last one that was digested, at the time of its last item
  bool relayed = false; // the stream that was claimed last came from a site
};

struct migration_row {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum; // of the file in this program
  bool applied = false;
  std::string fault; // checksum differs, step unknown to this program ...; empty when sound
};

struct store_health {
  bool up = false;
  std::string mode;   // "postgresql 15.18", "sqlite 3.40.1"
  std::string detail; // the last failure, when down
  std::chrono::microseconds latency{0};
  std::uint64_t timeline =
    0; // of a PostgreSQL server: a failover raises it; 0: not known, or a standby
};

class dbc_store;        // storage/dbc/dbc_files.hpp
class digest_store;     // storage/digest_store.hpp
class directory_store;  // storage/homes/directory.hpp
class forward_store;    // storage/forward/forward_store.hpp
class frame_store;      // storage/frames.hpp
class membership_store; // storage/membership.hpp
class partition_store;  // storage/partitions.hpp
class quarantine_store; // storage/quarantine.hpp
class record_store;     // storage/records.hpp
class removal_store;    // storage/removal.hpp
class repositories;     // storage/farm/repositories.hpp
class retention_store;  // storage/retention.hpp
class seal_store;       // storage/sealing.hpp
class size_store;       // storage/statistics.hpp
struct store_activity;  // storage/activity.hpp

/// The areas that a database supports.
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
  bool membership = false;
  bool directory = false;
};

class store {
public:
  store() = default;
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  virtual ~store() = default;

  /// One answer for each request, in order; the whole batch succeeds or fails together.
  virtual void claim(std::vector<claim_request> requests,
                     handler<std::vector<claim_outcome>> done) = 0;
  /// `lane` names the connection (application_name) in pg_stat_activity.
  [[nodiscard]] virtual std::unique_ptr<appender> open_appender(const std::string& lane) = 0;

  /// Empty farm or equipment: all of them.
  virtual void
  read_ledger(std::string farm, std::string equipment, handler<std::vector<ledger_row>> done) = 0;
  virtual void list_equipment(std::string farm, handler<std::vector<equipment_row>> done) = 0;

  /// Applies all steps that this program knows; safe when others migrate at the same time.
  virtual void migrate(handler<std::vector<migration_row>> done) = 0;
  virtual void migration_status(handler<std::vector<migration_row>> done) = 0;
  virtual void health(handler<store_health> done) = 0;
  /// Figures on pool and statements; misconfigured when the database has no pool.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): those that override it keep what they are given
  virtual void activity(handler<store_activity> done);

  /// The areas. Each lives as long as the store, or is nullptr when the database does not support
  /// it.
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
  [[nodiscard]] virtual membership_store* membership() { return nullptr; }
  [[nodiscard]] virtual forward_store* forward() { return nullptr; }
  [[nodiscard]] virtual directory_store* directory() { return nullptr; }

  /// Which areas the database supports.
  [[nodiscard]] store_capabilities capabilities();
};

struct store_options {
  std::string url; // postgresql://..., "host=... dbname=..." or sqlite:PATH
  std::string application_name =
    "furrow"; // of a node: furrow/NODE/ and the start of its incarnation
  /// Owns the streams that this store claims. Each start of a program has another; all zero: the store makes one.
  std::array<std::uint8_t, 16> incarnation{};
  bool for_node =
    false; // SQLite: one node at a time opens a file so; commands open it beside the node
  pool_options pool{}; // for queries; beside it one connection a lane, for claims ...
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds lock_timeout{1'000};
  /// Of an append: a machine whose row is held costs its neighbours on the lane no more than some of these. Absent: lock_timeout.
  std::optional<std::chrono::milliseconds> lane_lock_timeout{};
  std::chrono::milliseconds statement_timeout{60'000};
  /// After so long a lane asks the server, over another connection, whether it still runs its transaction.
  std::chrono::milliseconds append_timeout{5'000};
  std::chrono::milliseconds slow_statement{500};
};

/// PostgreSQL or SQLite, by the URL. Never waits for the database. Fails with misconfigured for an invalid URL, or for
/// a SQLite file that cannot be opened.
[[nodiscard]] result<std::unique_ptr<store>> open_store(const store_options& options);

/// Whether a database can be behind the URL; nothing is opened.
[[nodiscard]] result<done> check_url(const std::string& url);

/// The URL with its password masked, for logs.
[[nodiscard]] std::string redacted(const std::string& url);

} // namespace furrow::storage
