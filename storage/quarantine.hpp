/// Quarantined items: list them, show one, store one again, drop one.
///
/// Shape: a page begins after the last row of the previous page.
///   A change is noted in the audit log, under `by`, in the transaction that makes it.
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

struct author; // storage/identity/audit.hpp

struct quarantine_id {
  std::int32_t stream = 0; // row id
  std::uint64_t seq = 0;
};

struct quarantine_row {
  std::string farm;
  std::string equipment;
  quarantine_id id;
  std::optional<std::int64_t> time_us;
  std::optional<std::uint16_t> kind; // of a record; absent for a frame
  std::string reason;
  std::uint64_t size = 0; // of `bytes`, which a list omits
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
  /// Stores the item under its number and removes it from quarantine, in one transaction; or says why it stays.
  virtual void
  retry_quarantined(std::string farm, quarantine_id id, author by, handler<retry_outcome> done) = 0;
  /// Removes the bytes. The ledger keeps the number as dropped.
  virtual void drop_quarantined(std::string farm,
                                quarantine_id id,
                                author by,
                                handler<furrow::done> dropped) = 0;
};

} // namespace furrow::storage
