/// Queries on the tables that the digest fills: telemetry, rollups, faults of the bus, digest lag.
///
/// Shape: answers come in pages, oldest first; `next` is where the next page begins.
/// Units: microseconds since 1970; telemetry as in can/live/telemetry.hpp.
/// Errors, threads: as storage/store.hpp; not_found for an unknown machine or signal, reject_row for an
///   unknown time zone.
#pragma once

#include "can/live/telemetry.hpp"
#include "storage/errc.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

/// A machine and a time range, both ends included.
struct history_query {
  std::string farm; // empty: any farm; a name that exists in two farms is then an error
  std::string equipment;
  std::optional<std::int64_t> from_us;
  std::optional<std::int64_t> to_us;
  std::optional<std::int64_t> after_us; // the page begins after this row
  std::string zone = {}; // of rollups by day: a time zone, or "farm" for the farm's; empty: UTC
};

struct telemetry_point {
  std::int64_t time_us = 0;
  std::string mode; // empty: unknown
  std::array<std::optional<double>, can::telemetry_columns.size()> values;
};

struct telemetry_page {
  std::vector<telemetry_point> rows;
  std::optional<std::int64_t> next_us;
};

enum class rollup_bucket : std::uint8_t { minute = 0, hour = 1, day = 2 };

struct rollup_point {
  std::int64_t time_us = 0; // start of the bucket
  std::uint64_t count = 0;
  double min = 0;
  double max = 0;
  double mean = 0;
  double last = 0;
};

struct rollup_page {
  std::vector<rollup_point> rows;
  std::optional<std::int64_t> next_us;
};

/// A signal that a machine has sent.
struct known_signal {
  std::string name; // Message.Signal
  double last = 0;
  std::int64_t last_time_us = 0;
};

/// Faults of the bus of one machine, or of every machine of a farm.
struct faults_query {
  std::string farm;                    // empty: any farm
  std::string equipment;               // empty: every machine
  bool active = false;                 // only those that are not cleared
  std::optional<std::int64_t> from_us; // faults that were seen between these times
  std::optional<std::int64_t> to_us;
  std::uint64_t skip = 0; // of the rows; the page before gives it as `next`
};

struct bus_fault {
  std::string farm;
  std::string equipment;
  std::string bus; // name of the interface; its number where it has no name
  std::int32_t source = 0;
  std::optional<std::uint64_t>
    iso_name; // NAME of the control unit; nothing: it did not claim its address
  std::int32_t spn = 0;
  std::int32_t fmi = 0;
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;
  std::optional<std::int64_t> cleared_us;
  std::int32_t appearances = 0;
  std::optional<std::int32_t> occurrences;
  std::string lamp;
};

struct faults_page {
  std::vector<bus_fault> rows; // those seen last come first
  std::optional<std::uint64_t> next;
};

struct digest_status {
  std::uint64_t streams = 0;
  std::uint64_t streams_behind = 0;
  std::uint64_t items_behind = 0;
  std::optional<std::int64_t> oldest_us; // time of the oldest undigested frames
};

class history_store {
public:
  virtual ~history_store() = default;

  virtual void read_telemetry(history_query query, handler<telemetry_page> done) = 0;
  virtual void read_rollup(history_query query,
                           std::string signal,
                           rollup_bucket bucket,
                           handler<rollup_page> done) = 0;
  virtual void list_signals(std::string farm,
                            std::string equipment,
                            handler<std::vector<known_signal>> done) = 0;
  virtual void read_faults(faults_query query, handler<faults_page> done) = 0;
  virtual void digest_progress(handler<digest_status> done) = 0;
};

} // namespace furrow::storage
