/// Reads a machine's records, and stores batches from clients other than gateways.
///
/// Shape: a record's values are in the order of its kind's fields (can/records/kind.hpp). The only value of an unknown
///   kind is the body. A page begins after the last row of the previous page.
/// Errors, threads: as storage/store.hpp. Every function takes the farm from the credential; empty: any farm.
/// Limits: record_batch_max records of body_bytes_max in a batch; keys of record_key_bytes_max; pages of page_rows_max.
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

/// Records of one machine that are stored once: a repeated key gets the first answer again. A key that was used for
/// other records stores nothing.
struct record_batch {
  std::string farm;
  std::string equipment; // created if it does not exist
  std::string key;       // chosen by the client, 1 to 128 bytes of text, unique within the machine
  std::vector<can::record> records;
  std::string sha256 = {}; // of the request; empty: only the number of records is compared
};

struct record_batch_outcome {
  bool repeated = false;            // the key was known: this call stored nothing
  bool key_reused = false;          // the key was used for other records: this call stored nothing
  std::vector<std::string> refused; // for each record: why it was rejected; empty: it was stored
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

class record_store {
public:
  virtual ~record_store() = default;

  /// One transaction for the key and all records that are not rejected. After in_doubt, repeat the
  /// call with the same key.
  virtual void insert_records(record_batch batch, handler<record_batch_outcome> done) = 0;
  virtual void read_records(records_query query,
                            std::optional<records_cursor> after,
                            handler<records_page> done) = 0;
};

} // namespace furrow::storage
