/// The content of a spool's file, and how it is recognised.
#pragma once

#include "tools/furrow-edge/spool/spool.hpp"

namespace furrow::edge {

/// Fails with `foreign` if the file is not a spool, or if a newer program made it.
[[nodiscard]] result<done> check_spool_file(sqlite_database& database, const std::string& path);
/// Whether the file is new and empty.
[[nodiscard]] result<bool> is_empty_file(sqlite_database& database);
[[nodiscard]] result<done> create_spool_tables(sqlite_database& database);

[[nodiscard]] result<std::vector<can::run_mark>> load_runs(sqlite_database& database);
[[nodiscard]] result<std::vector<can::bus_name>> load_buses(sqlite_database& database);
[[nodiscard]] result<std::vector<source_row>> load_sources(sqlite_database& database);

/// The one row of `stream`.
struct stream_row {
  std::string equipment;
  can::stream_id stream_id{};
  std::uint64_t place_base = 0;
  std::uint64_t next_place = 1;
  std::uint64_t acked_place = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t lost_items = 0;
  std::uint64_t forks = 0;
};
[[nodiscard]] result<stream_row> load_stream(sqlite_database& database);

[[nodiscard]] can::stream_id random_stream_id();
[[nodiscard]] std::uint64_t random_run();

/// Covers the block and its place, so that a block at a wrong place is detected, too.
[[nodiscard]] std::uint64_t
block_checksum(std::uint64_t place, std::uint32_t count, std::string_view bytes);

} // namespace furrow::edge
