#include "storage/digest_store.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/rollups_again.hpp"
#include "storage/postgres/series/row_arrays.hpp"
#include "storage/postgres/work.hpp"

#include <bit>

namespace furrow::storage::postgres_work {

namespace {

constexpr std::size_t digest_page_blocks_max = 1'024;
constexpr std::int64_t digest_page_bytes_max = std::int64_t{4} << 20U;

std::string_view chars(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A row of one of the commits, and its stream.
template <class Row>
struct row_of {
  std::int32_t stream;
  const Row* row;
  const Row* operator->() const { return row; }
};

/// The rows of all commits, concatenated.
template <class Row>
std::vector<row_of<Row>> rows_of(const digest_batch& batch,
                                 std::vector<Row> can::digest_rows::*which) {
  std::vector<row_of<Row>> out;
  for (const auto& commit : batch)
    for (const auto& row : commit.rows.*which)
      out.push_back({commit.stream, &row});
  return out;
}

void add_places(pq_parameters& to, const digest_batch& batch) {
  add_integers(to, batch, [](const auto& commit) { return commit.stream; });
  add_integers(to, batch, [](const auto& commit) { return commit.equipment; });
  add_integers(to, batch, [](const auto& commit) { return commit.from; });
  add_integers(to, batch, [](const auto& commit) { return commit.to; });
  byte_buffer states;
  states.array_head(oid::bytea, batch.size());
  for (const auto& commit : batch)
    states.bytes_field(chars(commit.state));
  to.add(oid::bytea_array, states.view());
}

void add_rollups(pq_parameters& to, const std::vector<row_of<can::rollup_row>>& rows) {
  add_integers(to, rows, [](const auto& row) { return row.stream; });
  add_rollup_columns(to, rows);
}

void add_telemetry(pq_parameters& to, const std::vector<row_of<can::telemetry_row>>& rows) {
  add_integers(to, rows, [](const auto& row) { return row.stream; });
  add_times(to, rows, [](const auto& row) { return row->time_us; });
  add_times(to, rows, [](const auto& row) { return row->heard_us; });
  add_integers(to, rows, [](const auto& row) { return row->seq; });
  byte_buffer modes;
  modes.array_head(oid::text, rows.size(), true);
  for (const auto& row : rows)
    if (row->mode == can::operating_mode::unknown)
      modes.null_field();
    else
      modes.bytes_field(can::to_string(row->mode));
  to.add(oid::text_array, modes.view());
  for (std::size_t column = 0; column < can::telemetry_columns.size(); ++column) {
    byte_buffer values;
    values.array_head(oid::float8, rows.size(), true);
    for (const auto& row : rows)
      if (const auto& value = row->values[column])
        values.field(std::bit_cast<std::uint64_t>(*value));
      else
        values.null_field();
    to.add(oid::float8_array, values.view());
  }
}

void add_faults(pq_parameters& to, const std::vector<row_of<can::fault_row>>& rows) {
  add_integers(to, rows, [](const auto& row) { return row.stream; });
  add_integers(to, rows, [](const auto& row) { return row->first_seq; });
  add_integers(to, rows, [](const auto& row) { return row->spn; });
  add_integers(to, rows, [](const auto& row) { return row->fmi; });
  add_integers(to, rows, [](const auto& row) { return row->bus; });
  add_integers(to, rows, [](const auto& row) { return row->source; });
  add_nullable(to, oid::int8_array, oid::int8, rows, [](const auto& row) {
    return row->name ? std::optional{row->name->bits} : std::nullopt;
  });
  add_times(to, rows, [](const auto& row) { return row->first_us; });
  add_times(to, rows, [](const auto& row) { return row->last_us; });
  add_nullable(to, oid::timestamptz_array, oid::timestamptz, rows, [](const auto& row) {
    return row->cleared_us ? std::optional{*row->cleared_us - epoch_2000_us} : std::nullopt;
  });
  add_integers(to, rows, [](const auto& row) { return row->appearances; });
  add_nullable(to, oid::int8_array, oid::int8, rows,
               [](const auto& row) { return row->occurrences; });
  byte_buffer lamps;
  lamps.array_head(oid::text, rows.size());
  for (const auto& row : rows)
    lamps.bytes_field(row->lamp);
  to.add(oid::text_array, lamps.view());
}

void add_marks(pq_parameters& to, const std::vector<row_of<can::clock_mark>>& rows) {
  add_integers(to, rows, [](const auto& row) { return row.stream; });
  add_times(to, rows, [](const auto& row) { return row->after_us; });
  add_integers(to, rows, [](const auto& row) { return row->first; });
  add_integers(to, rows, [](const auto& row) { return row->last; });
  add_integers(to, rows, [](const auto& row) { return row->frames; });
  add_times(to, rows, [](const auto& row) { return row->earliest_us; });
  add_times(to, rows, [](const auto& row) { return row->latest_us; });
}

/// "$7, $8, $9" from `first` on; `first` moves behind them.
std::string parameters_from(int& first, int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += (i == 0 ? "$" : ", $") + std::to_string(first++);
  return out;
}

/// Whole rows, which replace those of the same fault.
std::string faults_text(int& number) {
  return "faults as (insert into furrow.bus_fault as t (equipment_id, stream, first_seq, spn, fmi, "
         "bus, source, iso_name, first_seen, last_seen, cleared, appearances, occurrences, lamp) "
         "select m.equipment, f.stream, f.first_seq, f.spn, f.fmi, f.bus, f.source, f.iso_name, "
         "f.first_seen, f.last_seen, f.cleared, f.appearances, f.occurrences, f.lamp from unnest("
         + parameters_from(number, 13)
         + ") f(stream, first_seq, spn, fmi, bus, source, iso_name, first_seen, last_seen, "
           "cleared, appearances, occurrences, lamp) join moved m on m.stream = f.stream "
           "on conflict (stream, first_seq, spn, fmi) do update set iso_name = excluded.iso_name, "
           "first_seen = excluded.first_seen, last_seen = excluded.last_seen, cleared = "
           "excluded.cleared, appearances = excluded.appearances, occurrences = "
           "excluded.occurrences, lamp = excluded.lamp), ";
}

std::string marks_text(int& number) {
  return "marks as (insert into furrow.clock_ahead as t (equipment_id, stream, after, first, last, "
         "frames, earliest, latest) select m.equipment, c.* from unnest("
         + parameters_from(number, 7)
         + ") c(stream, after, first, last, frames, earliest, latest) join moved m on m.stream = "
           "c.stream on conflict (stream, after) do update set first = least(t.first, "
           "excluded.first), last = greatest(t.last, excluded.last), frames = t.frames + "
           "excluded.frames, earliest = least(t.earliest, excluded.earliest), latest = "
           "greatest(t.latest, excluded.latest)), ";
}

/// Whether a row of `seconds` takes the place of the latest state. In one stream what came last does, whatever its clock
/// says. Between two streams of a machine the later time does; a time before 2000 or more than a day ahead is a wrong
/// clock, and gives way to a right one, or to a newer stream.
std::string replaces_latest() {
  const auto wrong = [](const std::string& row) {
    return "(" + row + ".time > now() + interval '1 day' or " + row
           + ".time < timestamptz '2000-01-01 00:00:00+00')";
  };
  return "case when t.stream = excluded.stream then excluded.seq > t.seq when " + wrong("t") + " = "
         + wrong("excluded") + " then (excluded.time, excluded.stream) > (t.time, t.stream) when "
         + wrong("t") + " then true else excluded.stream > t.stream end";
}

/// One statement, so that nothing is locked while this process may stall, and everything depends on
/// the places having moved. Losing it in a crash of the server loses the rows with the places: the
/// commit need not wait for the disk. Places are locked in order, so that two digests do not lock
/// each other out.
std::string commit_text() {
  std::string columns;
  std::string parameters;
  std::string updates;
  int number = 20;
  for (const auto& column : can::telemetry_columns) {
    const std::string name{column.name};
    columns += ", " + name;
    parameters += ", $" + std::to_string(number++);
    updates.append(", ").append(name).append(" = excluded.").append(name);
  }
  const auto faults = faults_text(number);
  const auto marks = marks_text(number);
  return "with asked as materialized (select * from unnest($1, $2, $3, $4, $5) "
         "a(stream, equipment, seq_from, seq_to, state)), "
         "standing as materialized (select d.stream from asked a join furrow.digest d "
         "on d.stream = a.stream and d.seq = a.seq_from and not d.paused order by d.stream for "
         "update "
         "of d), "
         "moved as (update furrow.digest d set seq = a.seq_to, state = a.state, moved_at = now() "
         "from asked a join standing s on s.stream = a.stream where d.stream = a.stream "
         "returning d.stream, a.equipment), "
         "sums as (insert into furrow.rollup as t "
         "(equipment_id, signal, minute, count, min, max, sum, last, last_time) "
         "select m.equipment, r.signal, r.minute, r.count, r.min, r.max, r.sum, r.last, "
         "r.last_time from unnest($6, $7, $8, $9, $10, $11, $12, $13, $14) "
         "r(stream, signal, minute, count, min, max, sum, last, last_time) "
         "join moved m on m.stream = r.stream "
         "on conflict (equipment_id, signal, minute) do update set "
         "count = t.count + excluded.count, min = least(t.min, excluded.min), "
         "max = greatest(t.max, excluded.max), sum = t.sum + excluded.sum, "
         "last = case when (excluded.last_time, excluded.last) > (t.last_time, t.last) "
         "then excluded.last else t.last end, "
         "last_time = greatest(t.last_time, excluded.last_time)), "
         "seconds as materialized (select m.equipment, s.* from unnest($15, $16, $17, $18, $19"
         + parameters + ") s(stream, time, heard, seq, mode" + columns
         + ") join moved m on m.stream = s.stream), "
           "kept as (insert into furrow.telemetry as t (equipment_id, stream, time, seq, mode"
         + columns + ") select equipment, stream, time, seq, mode" + columns
         + " from seconds on conflict (equipment_id, time) do update set stream = excluded.stream, "
           "seq = excluded.seq, mode = excluded.mode"
         + updates + " where (excluded.stream, excluded.seq) > (t.stream, t.seq)), " + faults
         + marks
         + "latest as (insert into furrow.equipment_state as t "
           "(equipment_id, stream, time, heard, seq, mode"
         + columns + ") select distinct on (stream) equipment, stream, time, heard, seq, mode"
         + columns
         + " from seconds order by stream, seq desc "
           "on conflict (equipment_id) do update set stream = excluded.stream, "
           "time = excluded.time, heard = excluded.heard, seq = excluded.seq, mode = excluded.mode"
         + updates + " where " + replaces_latest()
         + ") select (select count(*) from moved m where m.stream = a.stream), "
           "set_config('synchronous_commit', 'off', true) "
           "from unnest($1) with ordinality a(stream, at) order by a.at";
}

task<result<std::vector<digest_stream>>>
digest_pending(pq_connection& db, std::int32_t after, std::size_t count) {
  const auto reply = co_await db.query(
    "select w.stream, s.equipment_id, coalesce(d.seq, 0), w.seq, coalesce(d.state, ''), "
    "(select b.time_first from furrow.can_block b where b.stream = w.stream "
    "and b.seq_first > coalesce(d.seq, 0) order by b.seq_first limit 1), f.name, e.name "
    "from furrow.stream_watermark w join furrow.stream s on s.id = w.stream "
    "join furrow.equipment e on e.id = s.equipment_id join furrow.farm f on f.id = e.farm_id "
    "left join furrow.digest d on d.stream = w.stream "
    "where w.stream > $1 and w.seq > coalesce(d.seq, 0) and f.home_state = 'here' "
    // What is still in another database is read first.
    "and not exists (select from furrow.elsewhere x where x.stream = w.stream and x.last > "
    "coalesce(d.seq, 0)) order by w.stream limit $2",
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
    one.farm = rows.text(i, 6);
    one.name = rows.text(i, 7);
  }
  co_return out;
}

/// Reads frames that were sealed before the digest reached them. It runs after the blocks were read: a block that was
/// sealed in between is in a chunk by now. Each call reads one such page, so that memory stays bounded; the other
/// streams wait.
task<std::optional<failure>> or_sealed(pq_connection& db,
                                       const std::vector<digest_span>& spans,
                                       std::vector<digest_page>& pages) {
  pq_parameters parameters;
  add_integers(parameters, spans, [](const auto& span) { return span.stream; });
  add_integers(parameters, spans, [](const auto& span) { return span.after; });
  const auto reply =
    co_await db.query("select r.at from unnest($1, $2) with ordinality r(stream, after, at) "
                      "where (select c.seq_last from furrow.can_chunk c where c.stream = r.stream "
                      "order by c.seq_first desc limit 1) > r.after order by r.at",
                      parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int row = 0; row < rows.size(); ++row) {
    const auto at = static_cast<std::size_t>(rows.integer(row, 0)) - 1;
    const auto& span = spans[at];
    pages[at] = {{}, span.after};
    if (row > 0)
      continue;
    frames_page sealed;
    const auto last = co_await read_stream_page(db, span.stream, span.after, sealed);
    if (!last)
      co_return last.error();
    pages[at] = {std::move(sealed.runs), *last == 0 ? span.up_to : std::min(span.up_to, *last)};
  }
  co_return std::nullopt;
}

task<result<std::vector<digest_page>>> digest_read(pq_connection& db,
                                                   const std::vector<digest_span>& spans) {
  // The first block may begin earlier: the digest can stop inside a block.
  const auto bytes_max = digest_page_bytes_max / static_cast<std::int64_t>(spans.size());
  pq_parameters parameters;
  add_integers(parameters, spans, [](const auto& span) { return span.stream; });
  add_integers(parameters, spans, [](const auto& span) { return span.after; });
  add_integers(parameters, spans, [](const auto& span) { return span.up_to; });
  const auto reply = co_await db.query(
    "select p.seq_first, p.frames, p.time_base, p.headers, p.header_index, p.time_offset, "
    "p.payload, p.long_payload, r.at from unnest($1, $2, $3) with ordinality "
    "r(stream, after, up_to, at), lateral (select c.*, sum(14::bigint * c.frames + "
    "coalesce(length(c.long_payload), 0)) over (order by seq_first) - 14::bigint * c.frames - "
    "coalesce(length(c.long_payload), 0) as before "
    "from (select * from furrow.can_block where stream = r.stream and seq_first <= r.up_to "
    "and seq_first >= coalesce((select b.seq_first from furrow.can_block b where b.stream = "
    "r.stream and b.seq_first <= r.after + 1 order by b.seq_first desc limit 1), 0) "
    "and seq_first + frames > r.after + 1 order by seq_first limit $5) c) p "
    "where p.before < $4 order by r.at, p.seq_first",
    parameters.int8(bytes_max).int8(static_cast<std::int64_t>(digest_page_blocks_max)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<digest_page> pages(spans.size());
  std::vector<std::int64_t> bytes(spans.size());
  for (int row = 0; row < rows.size(); ++row) {
    const auto at = static_cast<std::size_t>(rows.integer(row, 8)) - 1;
    auto& run = pages[at].runs.emplace_back();
    if (!read_block(rows, row, run))
      co_return failure{errc::misconfigured, "stream " + std::to_string(spans[at].stream)
                                               + ", block " + std::to_string(run.seq_first)
                                               + ": its columns do not agree"};
    bytes[at] += static_cast<std::int64_t>(14 * run.block.size() + run.block.long_payload.size());
  }
  for (std::size_t at = 0; at < pages.size(); ++at) {
    auto& page = pages[at];
    page.to = spans[at].up_to;
    if (page.runs.size() == digest_page_blocks_max || bytes[at] >= bytes_max)
      page.to = std::min(page.to, page.runs.back().seq_first + page.runs.back().block.size() - 1);
  }
  const auto failed = co_await or_sealed(db, spans, pages);
  if (failed)
    co_return *failed;
  co_return pages;
}

task<result<std::vector<bool>>> digest_write(pq_connection& db,
                                             std::shared_ptr<const digest_batch> what) {
  static const auto text = commit_text();
  std::vector<std::int32_t> fresh;
  for (const auto& commit : *what)
    if (commit.from == 0)
      fresh.push_back(commit.stream);
  if (!fresh.empty()) {
    pq_parameters streams;
    add_integers(streams, fresh, [](auto stream) { return stream; });
    const auto made = co_await db.query(
      "insert into furrow.digest (stream) select s.id from unnest($1) r(stream) join furrow.stream "
      "s on s.id = r.stream join furrow.equipment e on e.id = s.equipment_id join furrow.farm f on "
      "f.id = e.farm_id where f.home_state = 'here' order by 1 on conflict do nothing",
      streams);
    if (made.error)
      co_return made.error->as_failure();
  }
  pq_parameters parameters;
  add_places(parameters, *what);
  add_rollups(parameters, rows_of(*what, &can::digest_rows::rollups));
  add_telemetry(parameters, rows_of(*what, &can::digest_rows::telemetry));
  add_faults(parameters, rows_of(*what, &can::digest_rows::faults));
  add_marks(parameters, rows_of(*what, &can::digest_rows::marks));
  const auto reply = co_await db.query(text.c_str(), parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<bool> moved;
  moved.reserve(what->size());
  for (int row = 0; row < rows.size(); ++row)
    moved.push_back(rows.integer(row, 0) == 1);
  co_return moved;
}

task<result<std::vector<std::int32_t>>> digest_signals(pq_connection& db,
                                                       const std::vector<digest_signal>& signals) {
  byte_buffer names;
  names.array_head(oid::text, signals.size());
  byte_buffer definitions;
  definitions.array_head(oid::text, signals.size());
  for (const auto& signal : signals) {
    names.bytes_field(signal.name);
    definitions.bytes_field(signal.definition);
  }
  pq_parameters parameters;
  parameters.add(oid::text_array, names.view());
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
  if (static_cast<std::size_t>(rows.size()) != signals.size())
    co_return failure{errc::retry_later, "signal names were removed while they were created"};
  std::vector<std::int32_t> out;
  out.reserve(signals.size());
  for (int row = 0; row < rows.size(); ++row)
    out.push_back(static_cast<std::int32_t>(rows.integer(row, 0)));
  parameters.add(oid::text_array, definitions.view());
  const auto noted = co_await db.query(
    "insert into furrow.rollup_definition (signal, definition) "
    "select distinct s.id, n.definition from unnest($1, $2) n(name, definition) "
    "join furrow.signal_name s on s.name = n.name order by 1, 2 on conflict do nothing",
    parameters);
  if (noted.error)
    co_return noted.error->as_failure();
  co_return out;
}

/// The digest has its own connection, so that neither digest nor queries wait for each other.
class postgres_digest : public digest_store {
public:
  explicit postgres_digest(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}

  void pending(std::int32_t after,
               std::size_t count,
               handler<std::vector<digest_stream>> done) override {
    lane_->submit(job_of(false, std::move(done), [after, count](pq_connection& db) {
      return postgres_work::digest_pending(db, after, count);
    }));
  }
  void read(std::vector<digest_span> spans, handler<std::vector<digest_page>> done) override {
    lane_->submit(job_of(false, std::move(done), [spans = std::move(spans)](pq_connection& db) {
      return postgres_work::digest_read(db, spans);
    }));
  }
  void commit(std::shared_ptr<const digest_batch> what, handler<std::vector<bool>> done) override {
    lane_->submit(job_of(false, std::move(done), [what = std::move(what)](pq_connection& db) {
      return postgres_work::digest_write(db, what);
    }));
  }
  void signal_ids(std::vector<digest_signal> signals,
                  handler<std::vector<std::int32_t>> done) override {
    lane_->submit(job_of(false, std::move(done), [signals = std::move(signals)](pq_connection& db) {
      return postgres_work::digest_signals(db, signals);
    }));
  }
  void places(std::string farm, std::string machine, handler<machine_places> done) override {
    lane_->submit(job_of(false, std::move(done),
                         [farm = std::move(farm), machine = std::move(machine)](pq_connection& db) {
                           return postgres_work::digest_places(db, farm, machine);
                         }));
  }
  void replace(std::shared_ptr<const rollups_again> what, handler<bool> done) override {
    lane_->submit(job_of(false, std::move(done), [what = std::move(what)](pq_connection& db) {
      return postgres_work::replace_rollups(db, what);
    }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

} // namespace

std::unique_ptr<digest_store> make_digest(std::shared_ptr<postgres_pool> lane) {
  return std::make_unique<postgres_digest>(std::move(lane));
}

} // namespace furrow::storage::postgres_work
