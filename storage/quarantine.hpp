/// Items that could not be stored as what they say they are: list them, show one, store it again, drop it.
///
/// Shape: a page begins after the last row of the one before.
/// Errors, threads: as storage/store.hpp. Every function takes the farm from the credential; empty: any farm.
/// Limits: pages of page_rows_max.
#pragma once

#include "storage/errc.hpp"
#include "storage/records.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

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

class quarantine_store {
public:
  virtual ~quarantine_store() = default;

  virtual void list_quarantine(quarantine_query query,
                               std::optional<quarantine_id> after,
                               handler<quarantine_page> done) = 0;
  virtual void
  show_quarantined(std::string farm, quarantine_id id, handler<quarantine_row> done) = 0;
  /// Stores the item with its number and takes it out of quarantine, in one transaction; or says why it stays.
  virtual void
  retry_quarantined(std::string farm, quarantine_id id, handler<retry_outcome> done) = 0;
  /// Removes the bytes. The number stays on record as dropped.
  virtual void
  drop_quarantined(std::string farm, quarantine_id id, handler<furrow::done> dropped) = 0;
};

} // namespace furrow::storage
