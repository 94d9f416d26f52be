#include "storage/postgres_work.hpp"
#include "storage/pq_rows.hpp"

#include <bit>

namespace furrow::storage::postgres_work {

namespace {

constexpr int page_blocks_max = 1'024;
constexpr std::int64_t page_bytes_max = std::int64_t{4} << 20U;

std::string_view chars(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Adds one array of `rows`, each element as `value(row)` says; an optional that is empty is NULL.
template <class Rows, class Value>
void add_array(
  pq_parameters& to, std::uint32_t array_type, std::uint32_t type, const Rows& rows, Value value) {
  byte_buffer buffer;
  buffer.array<std::uint64_t>(type, rows.size(), [&](std::size_t i) { return value(rows[i]); });
  to.add(array_type, buffer.view());
}

template <class Rows, class Value>
void add_integers(pq_parameters& to, const Rows& rows, Value value) {
  add_array(to, oid::int8_array, oid::int8, rows,
            [&](const auto& row) { return static_cast<std::uint64_t>(value(row)); });
}

template <class Rows, class Value>
void add_times(pq_parameters& to, const Rows& rows, Value value) {
  add_array(to, oid::timestamptz_array, oid::timestamptz, rows, [&](const auto& row) {
    return static_cast<std::uint64_t>(value(row) - epoch_2000_us);
  });
}

template <class Rows, class Value>
void add_reals(pq_parameters& to, const Rows& rows, Value value) {
  add_array(to, oid::float8_array, oid::float8, rows,
            [&](const auto& row) { return std::bit_cast<std::uint64_t>(double{value(row)}); });
}

void add_rollups(pq_parameters& to, const std::vector<can::rollup_row>& rows) {
  add_integers(to, rows, [](const auto& row) { return row.signal; });
  add_times(to, rows, [](const auto& row) { return row.minute_us; });
  add_integers(to, rows, [](const auto& row) { return row.count; });
  add_reals(to, rows, [](const auto& row) { return row.min; });
  add_reals(to, rows, [](const auto& row) { return row.max; });
  add_reals(to, rows, [](const auto& row) { return row.sum; });
  add_reals(to, rows, [](const auto& row) { return row.last; });
  add_times(to, rows, [](const auto& row) { return row.last_time_us; });
}

void add_telemetry(pq_parameters& to, const std::vector<can::telemetry_row>& rows) {
  add_times(to, rows, [](const auto& row) { return row.time_us; });
  add_times(to, rows, [](const auto& row) { return row.heard_us; });
  add_integers(to, rows, [](const auto& row) { return row.seq; });
  byte_buffer modes;
  modes.array_head(oid::text, rows.size(), true);
  for (const auto& row : rows)
    if (row.mode == can::operating_mode::unknown)
      modes.null_field();
    else
      modes.bytes_field(can::to_string(row.mode));
  to.add(oid::text_array, modes.view());
  for (std::size_t column = 0; column < can::telemetry_columns.size(); ++column) {
    byte_buffer values;
    values.array_head(oid::float8, rows.size(), true);
    for (const auto& row : rows)
      if (const auto& value = row.values[column])
        values.field(std::bit_cast<std::uint64_t>(*value));
      else
        values.null_field();
    to.add(oid::float8_array, values.view());
  }
}

/// One statement, so that nothing is locked while this process may stall, and everything depends on
/// the place having moved. Losing it in a crash of the server loses the rows with the place: the
/// commit need not wait for the disk.
std::string commit_text() {
  std::string columns;
  std::string parameters;
  std::string updates;
  int number = 18;
  for (const auto& column : can::telemetry_columns) {
    const std::string name{column.name};
    columns += ", " + name;
    parameters += ", $" + std::to_string(number++);
    updates.append(", ").append(name).append(" = excluded.").append(name);
  }
  return "with moved as (update furrow.digest set seq = $3, state = $4, moved_at = now() "
         "where stream = $1 and seq = $2 returning stream), "
         "sums as (insert into furrow.rollup as t "
         "(equipment_id, signal, minute, count, min, max, sum, last, last_time) "
         "select $5, r.* from unnest($6, $7, $8, $9, $10, $11, $12, $13) "
         "r(signal, minute, count, min, max, sum, last, last_time) "
         "where exists (select from moved) "
         "on conflict (equipment_id, signal, minute) do update set "
         "count = t.count + excluded.count, min = least(t.min, excluded.min), "
         "max = greatest(t.max, excluded.max), sum = t.sum + excluded.sum, "
         "last = case when (excluded.last_time, excluded.last) > (t.last_time, t.last) "
         "then excluded.last else t.last end, "
         "last_time = greatest(t.last_time, excluded.last_time)), "
         "seconds as materialized (select * from unnest($14, $15, $16, $17"
         + parameters + ") s(time, heard, seq, mode" + columns
         + ") where exists (select from moved)), "
           "kept as (insert into furrow.telemetry as t (equipment_id, stream, time, seq, mode"
         + columns + ") select $5, $1, time, seq, mode" + columns
         + " from seconds on conflict (equipment_id, time) do update set stream = excluded.stream, "
           "seq = excluded.seq, mode = excluded.mode"
         + updates
         + " where (excluded.stream, excluded.seq) > (t.stream, t.seq)), "
           "latest as (insert into furrow.equipment_state as t "
           "(equipment_id, stream, time, heard, seq, mode"
         + columns + ") select $5, $1, time, heard, seq, mode" + columns
         + " from seconds order by time desc limit 1 "
           "on conflict (equipment_id) do update set stream = excluded.stream, "
           "time = excluded.time, heard = excluded.heard, seq = excluded.seq, mode = excluded.mode"
         + updates
         + " where (excluded.time, excluded.stream, excluded.seq) > (t.time, t.stream, t.seq)) "
           "select (select count(*) from moved), set_config('synchronous_commit', 'off', true)";
}

} // namespace

task<result<std::vector<digest_stream>>>
digest_pending(pq_connection& db, std::int32_t after, std::size_t count) {
  const auto reply = co_await db.query(
    "select w.stream, s.equipment_id, coalesce(d.seq, 0), w.seq, coalesce(d.state, ''), "
    "(select b.time_first from furrow.can_block b where b.stream = w.stream "
    "and b.seq_first > coalesce(d.seq, 0) order by b.seq_first limit 1) "
    "from furrow.stream_watermark w join furrow.stream s on s.id = w.stream "
    "left join furrow.digest d on d.stream = w.stream "
    "where w.stream > $1 and w.seq > coalesce(d.seq, 0) order by w.stream limit $2",
    pq_parameters{}.int4(after).int8(static_cast<std::int64_t>(count)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<digest_stream> out(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& one = out[static_cast<std::size_t>(i)];
    one.stream = static_cast<std::int32_t>(rows.integer(i, 0));
    one.equipment = static_cast<std::int32_t>(rows.integer(i, 1));
    one.digested = rows.natural(i, 2);
    one.durable = rows.natural(i, 3);
    const auto state = rows.bytes(i, 4);
    one.state.assign(state.begin(), state.end());
    if (!rows.null(i, 5))
      one.oldest_us = rows.integer(i, 5) + epoch_2000_us;
  }
  co_return out;
}

task<result<digest_page>>
digest_read(pq_connection& db, std::int32_t stream, std::uint64_t after, std::uint64_t up_to) {
  // The first block may begin before: the digest stands wherever it stopped.
  const auto reply = co_await db.query(
    "select seq_first, frames, time_base, headers, header_index, time_offset, payload, "
    "long_payload from (select c.*, sum(14::bigint * c.frames + coalesce(length(c.long_payload), "
    "0)) over (order by seq_first) - 14::bigint * c.frames - coalesce(length(c.long_payload), 0) "
    "as before "
    "from (select * from furrow.can_block where stream = $1 and seq_first <= $3 "
    "and seq_first >= coalesce((select b.seq_first from furrow.can_block b where b.stream = $1 "
    "and b.seq_first <= $2 + 1 order by b.seq_first desc limit 1), 0) "
    "and seq_first + frames > $2 + 1 order by seq_first limit $5) c) p "
    "where before < $4 order by seq_first",
    pq_parameters{}
      .int4(stream)
      .int8(static_cast<std::int64_t>(after))
      .int8(static_cast<std::int64_t>(up_to))
      .int8(page_bytes_max)
      .int8(page_blocks_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  digest_page page;
  std::size_t bytes = 0;
  for (int row = 0; row < rows.size(); ++row) {
    auto& run = page.runs.emplace_back();
    if (!read_block(rows, row, run))
      co_return failure{errc::misconfigured, "stream " + std::to_string(stream) + ", block "
                                               + std::to_string(run.seq_first)
                                               + ": its columns do not agree"};
    bytes += 14 * run.block.size() + run.block.long_payload.size();
  }
  const bool full =
    rows.size() == page_blocks_max || bytes >= static_cast<std::size_t>(page_bytes_max);
  page.to = up_to;
  if (full)
    page.to = std::min(up_to, page.runs.back().seq_first + page.runs.back().block.size() - 1);
  co_return page;
}

task<result<bool>> digest_write(pq_connection& db, std::shared_ptr<const digest_commit> what) {
  static const auto text = commit_text();
  if (what->from == 0) {
    const auto made =
      co_await db.query("insert into furrow.digest (stream) values ($1) on conflict do nothing",
                        pq_parameters{}.int4(what->stream));
    if (made.error)
      co_return made.error->as_failure();
  }
  pq_parameters parameters;
  parameters.int4(what->stream)
    .int8(static_cast<std::int64_t>(what->from))
    .int8(static_cast<std::int64_t>(what->to))
    .add(oid::bytea, chars(what->state))
    .int4(what->equipment);
  add_rollups(parameters, what->rows.rollups);
  add_telemetry(parameters, what->rows.telemetry);
  const auto reply = co_await db.query(text.c_str(), parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return pq_rows{reply.rows.get()}.integer(0, 0) == 1;
}

task<result<std::vector<std::int32_t>>> digest_signals(pq_connection& db,
                                                       const std::vector<std::string>& names) {
  byte_buffer array;
  array.array_head(oid::text, names.size());
  for (const auto& name : names)
    array.bytes_field(name);
  pq_parameters parameters;
  parameters.add(oid::text_array, array.view());
  const auto made = co_await db.query(
    "insert into furrow.signal_name (name) select distinct n from unnest($1) n "
    "where not exists (select from furrow.signal_name s where s.name = n) order by 1 "
    "on conflict do nothing",
    parameters);
  if (made.error)
    co_return made.error->as_failure();
  const auto reply = co_await db.query("select s.id from unnest($1) with ordinality n(name, at) "
                                       "join furrow.signal_name s on s.name = n.name order by n.at",
                                       parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (static_cast<std::size_t>(rows.size()) != names.size())
    co_return failure{errc::retry_later, "names of signals were removed while they were made"};
  std::vector<std::int32_t> out;
  out.reserve(names.size());
  for (int row = 0; row < rows.size(); ++row)
    out.push_back(static_cast<std::int32_t>(rows.integer(row, 0)));
  co_return out;
}

} // namespace furrow::storage::postgres_work
