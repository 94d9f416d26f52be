/// What a store does with records beside appending them: read them back, take batches of clients that are no gateways,
/// and look after what was quarantined.
///
/// Shape: the second half of the `store` interface. A record's values stand in the order of its kind's fields
///   (can/records/kind.hpp); of a kind that is not known, the only value is the body. Pages go on after the last row.
/// Errors, threads: as storage/store.hpp. Every function takes the farm from the credential; empty: any farm.
/// Limits: record_batch_max records of body_bytes_max each a batch; keys of record_key_bytes_max; pages of page_rows_max.
#pragma once

#include "can/frame/stream.hpp"
#include "can/records/body.hpp"
#include "storage/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t record_batch_max = 4'096;
inline constexpr std::size_t record_body_max = 64U << 10U;
inline constexpr std::size_t record_batch_bytes_max = 8U << 20U;
inline constexpr std::size_t record_key_bytes_max = 128;
inline constexpr std::size_t page_rows_max = 10'000;

/// Records of one machine that come once, whatever happens: the same key again is answered with what became of them.
struct record_batch {
  std::string farm;
  std::string equipment; // made if it does not exist
  std::string
    key; // the client's own, 1 to 128 bytes of text, never used for other records of this machine
  std::vector<can::record> records;
};

struct record_batch_outcome {
  bool repeated = false;            // the key was known: nothing was stored now
  std::vector<std::string> refused; // one a record: why it was not stored; empty: it was
};

struct records_query {
  std::string farm;
  std::string equipment;
  std::uint16_t kind = 0;
  std::optional<std::int64_t> from_us; // both ends included
  std::optional<std::int64_t> to_us;
  std::size_t limit = 1'000;
};

struct records_cursor {
  std::int64_t time_us = 0;
  std::int32_t stream = 0;
  std::uint64_t seq = 0;
};

struct record_row {
  std::int64_t time_us = 0;
  std::int32_t stream = 0; // row id
  std::uint64_t seq = 0;
  can::record_values values;
};

struct records_page {
  std::vector<record_row> rows; // in order of time, stream, seq
  std::optional<records_cursor> next;
};

struct quarantine_id {
  std::int32_t stream = 0; // row id
  std::uint64_t seq = 0;
};

struct quarantine_row {
  std::string farm;
  std::string equipment;
  quarantine_id id;
  std::optional<std::int64_t> time_us;
  std::optional<std::uint16_t> kind; // of a record; absent of a frame
  std::string reason;
  std::uint64_t size = 0; // of `bytes`, which a list leaves out
  std::string bytes;
};

struct quarantine_query {
  std::string farm;
  std::string equipment; // empty: all
  std::size_t limit = 1'000;
};

struct quarantine_page {
  std::vector<quarantine_row> rows; // in order of stream and seq
  std::optional<quarantine_id> next;
};

struct retry_outcome {
  bool stored = false;
  std::string reason; // why it stays in quarantine
};

/// What a store answers that keeps none, as those of tests above it do, is that.
class record_store {
public:
  record_store() = default;
  record_store(const record_store&) = delete;
  record_store& operator=(const record_store&) = delete;
  virtual ~record_store() = default;

  // NOLINTBEGIN(performance-unnecessary-value-param): those that override them keep what they are given
  /// One transaction: all that are not refused, and the key. In doubt: ask again with the same key.
  virtual void insert_records(record_batch /*batch*/, handler<record_batch_outcome> done) {
    done(no_records());
  }

  virtual void read_records(records_query /*query*/,
                            std::optional<records_cursor> /*after*/,
                            handler<records_page> done) {
    done(no_records());
  }

  virtual void list_quarantine(quarantine_query /*query*/,
                               std::optional<quarantine_id> /*after*/,
                               handler<quarantine_page> done) {
    done(no_records());
  }
  virtual void
  show_quarantined(std::string /*farm*/, quarantine_id /*id*/, handler<quarantine_row> done) {
    done(no_records());
  }
  /// Stores the item as what it is, with its number, and takes it out of quarantine, in one transaction; or says why
  /// it stays.
  virtual void
  retry_quarantined(std::string /*farm*/, quarantine_id /*id*/, handler<retry_outcome> done) {
    done(no_records());
  }
  /// Lets its bytes go. The number stays on record as dropped.
  virtual void
  drop_quarantined(std::string /*farm*/, quarantine_id /*id*/, handler<furrow::done> dropped) {
    dropped(no_records());
  }
  // NOLINTEND(performance-unnecessary-value-param)

private:
  static failure no_records() { return {errc::misconfigured, "this store keeps no records"}; }
};

} // namespace furrow::storage
