#include "tools/furrow-edge/spool/spool_schema.hpp"

#include "tools/furrow-edge/spool/hash.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace furrow::edge {

namespace {

constexpr std::int64_t application_id = 0x46755270; // "FuRp", shown by `file`
constexpr std::int64_t schema_version = 1;

// Places never change and are never reused; a new stream numbers its items from 1 as place - base.
// The blob is the last column, so that the columns before it are read without its pages.
constexpr const char* schema = R"sql(
create table stream (
  one integer primary key check (one = 1),
  equipment text not null,
  stream_id blob not null,
  place_base integer not null,
  next_place integer not null,
  acked_place integer not null,
  bytes_total integer not null,
  lost_items integer not null,
  forks integer not null);
create table run (
  position integer primary key,
  run integer not null,
  first_seq integer not null);
create table bus (
  bus integer primary key,
  name text not null);
create table source (
  id integer primary key,
  path text not null,
  size integer not null,
  head_bytes integer not null,
  head_hash integer not null,
  offset integer not null,
  line integer not null,
  tail_hash integer not null,
  bad_lines integer not null,
  refused integer not null,
  reader_state text not null);
create table item_block (
  place integer primary key,
  count integer not null,
  bytes_before integer not null,
  checksum integer not null,
  bytes blob not null);
create table ack (
  place integer primary key,
  acked_at_ms integer not null);
create table damage (
  place integer primary key,
  count integer not null,
  found_at_us integer not null);
)sql";

std::uint64_t random_bits() {
  static std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

} // namespace

result<bool> is_empty_file(sqlite_database& database) {
  const auto tables = database.number("select count(*) from sqlite_schema");
  if (!tables)
    return tables.error();
  return tables->value_or(0) == 0;
}

result<done> check_spool_file(sqlite_database& database, const std::string& path) {
  const auto application = database.number("pragma application_id");
  if (!application)
    return failure{application.code(), path + ": " + application.error().detail};
  if (application->value_or(0) != application_id)
    return failure{errc::foreign, path + " is not a spool"};
  const auto version = database.number("pragma user_version");
  if (!version)
    return version.error();
  if (version->value_or(0) != schema_version)
    return failure{errc::foreign, path + " has the layout " + std::to_string(version->value_or(0))
                                    + ", but this program knows only up to "
                                    + std::to_string(schema_version)};
  return done{};
}

result<done> create_spool_tables(sqlite_database& database) {
  const auto marks = "pragma application_id = " + std::to_string(application_id)
                     + "; pragma user_version = " + std::to_string(schema_version);
  if (auto ok = database.execute(schema); !ok)
    return ok;
  return database.execute(marks.c_str());
}

result<std::vector<can::run_mark>> load_runs(sqlite_database& database) {
  auto rows = database.prepare("select run, first_seq from run order by position");
  if (!rows)
    return rows.error();
  std::vector<can::run_mark> runs;
  for (;;) {
    const auto row = rows->step();
    if (!row)
      return row.error();
    if (!*row)
      return runs;
    runs.push_back({rows->bits(0), rows->bits(1)});
  }
}

result<std::vector<can::bus_name>> load_buses(sqlite_database& database) {
  auto rows = database.prepare("select bus, name from bus order by bus");
  if (!rows)
    return rows.error();
  std::vector<can::bus_name> buses;
  for (;;) {
    const auto row = rows->step();
    if (!row)
      return row.error();
    if (!*row)
      return buses;
    buses.push_back({static_cast<std::uint8_t>(rows->integer(0)), rows->text(1)});
  }
}

result<std::vector<source_row>> load_sources(sqlite_database& database) {
  auto rows =
    database.prepare("select id, path, size, head_bytes, head_hash, offset, line, "
                     "tail_hash, bad_lines, refused, reader_state from source order by id");
  if (!rows)
    return rows.error();
  std::vector<source_row> sources;
  for (;;) {
    const auto row = rows->step();
    if (!row)
      return row.error();
    if (!*row)
      return sources;
    sources.push_back({rows->integer(0), rows->text(1), rows->bits(2), rows->bits(3), rows->bits(4),
                       rows->bits(5), rows->bits(6), rows->bits(7), rows->bits(8), rows->bits(9),
                       rows->text(10)});
  }
}

result<stream_row> load_stream(sqlite_database& database) {
  auto rows = database.prepare("select equipment, stream_id, place_base, next_place, acked_place, "
                               "bytes_total, lost_items, forks from stream");
  if (!rows)
    return rows.error();
  const auto row = rows->step();
  if (!row)
    return row.error();
  const auto id = *row ? rows->text(1) : std::string{};
  stream_row stream;
  if (id.size() != stream.stream_id.size())
    return failure{errc::damaged, "the spool does not say which stream it holds"};
  std::copy(id.begin(), id.end(), stream.stream_id.begin());
  stream.equipment = rows->text(0);
  stream.place_base = rows->bits(2);
  stream.next_place = rows->bits(3);
  stream.acked_place = rows->bits(4);
  stream.bytes_total = rows->bits(5);
  stream.lost_items = rows->bits(6);
  stream.forks = rows->bits(7);
  return stream;
}

can::stream_id random_stream_id() {
  can::stream_id id{};
  const std::uint64_t bits[2] = {random_bits(), random_bits()};
  std::memcpy(id.data(), bits, id.size());
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0FU) | 0x40U); // a random UUID: version 4, variant 1
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3FU) | 0x80U);
  return id;
}

std::uint64_t random_run() {
  return random_bits();
}

std::uint64_t block_checksum(std::uint64_t place, std::uint32_t count, std::string_view bytes) {
  const std::uint64_t where[2] = {place, count};
  const auto* start = reinterpret_cast<const char*>(where);
  return content_hash(bytes, content_hash({start, sizeof where}));
}

} // namespace furrow::edge
