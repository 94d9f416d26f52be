#include "storage/digest_store.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr std::size_t digest_page_bytes_max = 4U << 20U;

/// A commit that does not wait for the disk. A crash loses its rows and its place together. The next append waits for
/// both.
class unhurried {
public:
  explicit unhurried(sqlite_db& db) : db_{db} { db_.run("pragma synchronous = normal"); }
  unhurried(const unhurried&) = delete;
  unhurried& operator=(const unhurried&) = delete;
  ~unhurried() {
    try {
      db_.run("pragma synchronous = full");
    } catch (const sqlite_error&) {
      std::terminate(); // else later appends would not wait for the disk
    }
  }

private:
  sqlite_db& db_;
};

void write_rollups(sqlite_db& db,
                   std::int32_t equipment,
                   const std::vector<can::rollup_row>& rows) {
  for (const auto& row : rows)
    db.statement("insert into rollup (equipment_id, signal, minute, count, min, max, sum, last, "
                 "last_time) values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set "
                 "count = count + excluded.count, min = min(min, excluded.min), "
                 "max = max(max, excluded.max), sum = sum + excluded.sum, "
                 "last = iif((excluded.last_time, excluded.last) > (last_time, last), "
                 "excluded.last, last), last_time = max(last_time, excluded.last_time)")
      .with(equipment, std::uint64_t{row.signal}, row.minute_us, row.count, row.min, row.max,
            row.sum, row.last, row.last_time_us)
      .run();
}

/// As storage/postgres/digest.cpp has it.
std::string replaces_latest_here() {
  const auto wrong = [](const std::string& row) {
    return "(" + row + "time > (unixepoch() + 86400) * 1000000 or " + row
           + "time < 946684800000000)";
  };
  return "case when stream = excluded.stream then excluded.seq > seq when " + wrong("") + " = "
         + wrong("excluded.") + " then (excluded.time, excluded.stream) > (time, stream) when "
         + wrong("") + " then true else excluded.stream > stream end";
}

/// Columns, a question mark for each and what an update sets, of the telemetry that has a name.
struct digest_telemetry_text {
  std::string telemetry;
  std::string state;

  digest_telemetry_text() {
    std::string columns;
    std::string marks;
    std::string updates;
    for (const auto& column : can::telemetry_columns) {
      const std::string name{column.name};
      columns += ", " + name;
      marks += ", ?";
      updates.append(", ").append(name).append(" = excluded.").append(name);
    }
    telemetry = "insert into telemetry (equipment_id, stream, time, seq, mode" + columns
                + ") values (?, ?, ?, ?, ?" + marks
                + ") on conflict do update set stream = excluded.stream, seq = excluded.seq, "
                  "mode = excluded.mode"
                + updates + " where (excluded.stream, excluded.seq) > (stream, seq)";
    state = "insert into equipment_state (equipment_id, stream, time, heard, seq, mode" + columns
            + ") values (?, ?, ?, ?, ?, ?" + marks
            + ") on conflict do update set stream = excluded.stream, time = excluded.time, "
              "heard = excluded.heard, seq = excluded.seq, mode = excluded.mode"
            + updates + " where " + replaces_latest_here();
  }
};

void bind_values(sqlite_statement& statement, const can::telemetry_row& row) {
  if (row.mode == can::operating_mode::unknown)
    statement.with(nullptr);
  else
    statement.with(std::string_view{can::to_string(row.mode)});
  for (const auto& value : row.values)
    statement.with(value);
}

void write_telemetry(sqlite_db& db, const digest_commit& what) {
  static const digest_telemetry_text text;
  for (const auto& row : what.rows.telemetry) {
    auto statement = db.statement(text.telemetry.c_str());
    statement.with(what.equipment, what.stream, row.time_us, row.seq);
    bind_values(statement, row);
    statement.run();
  }
  if (what.rows.telemetry.empty())
    return;
  const auto& last = *std::max_element(what.rows.telemetry.begin(), what.rows.telemetry.end(),
                                       [](const auto& a, const auto& b) { return a.seq < b.seq; });
  auto statement = db.statement(text.state.c_str());
  statement.with(what.equipment, what.stream, last.time_us, last.heard_us, last.seq);
  bind_values(statement, last);
  statement.run();
}

/// Whole rows, which replace those of the same fault.
void write_faults(sqlite_db& db, const digest_commit& what) {
  for (const auto& row : what.rows.faults) {
    auto statement = db.statement(
      "insert or replace into bus_fault (equipment_id, stream, first_seq, spn, fmi, bus, source, "
      "first_seen, last_seen, appearances, lamp, cleared, iso_name, occurrences) values (?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    statement.with(what.equipment, what.stream, row.first_seq, std::uint64_t{row.spn}, row.fmi,
                   row.bus, row.source, row.first_us, row.last_us, std::uint64_t{row.appearances},
                   row.lamp, row.cleared_us);
    if (row.name)
      statement.with(static_cast<std::int64_t>(row.name->bits));
    else
      statement.with(nullptr);
    if (row.occurrences)
      statement.with(*row.occurrences);
    else
      statement.with(nullptr);
    statement.run();
  }
}

void write_marks(sqlite_db& db, const digest_commit& what) {
  for (const auto& row : what.rows.marks)
    db.statement("insert into clock_ahead (equipment_id, stream, after, first, last, frames, "
                 "earliest, latest) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set "
                 "first = min(first, excluded.first), last = max(last, excluded.last), frames = "
                 "frames + excluded.frames, earliest = min(earliest, excluded.earliest), latest = "
                 "max(latest, excluded.latest)")
      .with(what.equipment, what.stream, row.after_us, row.first, row.last, row.frames,
            row.earliest_us, row.latest_us)
      .run();
}

result<std::vector<digest_stream>>
digest_pending(sqlite_db& db, std::int32_t after, std::size_t count) {
  std::vector<digest_stream> out;
  auto rows = db.statement(
    "select w.stream, s.equipment_id, ifnull(d.seq, 0), w.seq, ifnull(d.state, x''), "
    "(select b.time_first from can_block b where b.stream = w.stream and b.seq_first > "
    "ifnull(d.seq, 0) order by b.seq_first limit 1), f.name, e.name "
    "from stream_watermark w join stream s on s.id = w.stream join equipment e on e.id = "
    "s.equipment_id join farm f on f.id = e.farm_id left join digest d on d.stream = w.stream "
    "where w.stream > ? and w.seq > ifnull(d.seq, 0) order by w.stream limit ?");
  rows.with(after, std::uint64_t{count});
  while (rows.step()) {
    auto& one = out.emplace_back();
    one.stream = static_cast<std::int32_t>(rows.integer(0));
    one.equipment = static_cast<std::int32_t>(rows.integer(1));
    one.digested = rows.natural(2);
    one.durable = rows.natural(3);
    const auto state = rows.bytes(4);
    one.state.assign(state.begin(), state.end());
    if (!rows.null(5))
      one.oldest_us = rows.integer(5);
    one.farm = rows.bytes(6);
    one.name = rows.bytes(7);
  }
  return out;
}

result<digest_page> read_page(sqlite_db& db, const digest_span& span, std::size_t bytes_max) {
  digest_page page;
  page.to = span.up_to;
  // The first block may begin earlier: the digest can stop inside a block.
  auto rows = db.statement(
    "select seq_first, frames, time_base, headers, header_index, time_offset, payload, "
    "long_payload from can_block where stream = ?1 and seq_first <= ?3 and seq_first >= "
    "ifnull((select b.seq_first from can_block b where b.stream = ?1 and b.seq_first <= ?2 + 1 "
    "order by b.seq_first desc limit 1), 0) and seq_first + frames > ?2 + 1 order by seq_first");
  rows.with(span.stream, span.after, span.up_to);
  std::size_t bytes = 0;
  while (rows.step()) {
    if (bytes >= bytes_max) {
      page.to =
        std::min(span.up_to, page.runs.back().seq_first + page.runs.back().block.size() - 1);
      break;
    }
    auto& run = page.runs.emplace_back();
    if (!read_block(rows, run))
      return failure{errc::misconfigured, "stream " + std::to_string(span.stream) + ", block "
                                            + std::to_string(run.seq_first)
                                            + ": its columns do not agree"};
    bytes += run.block.size() * 14 + run.block.long_payload.size();
  }
  return page;
}

bool write_one(sqlite_db& db, const digest_commit& what) {
  if (what.from == 0)
    db.statement("insert into digest (stream) values (?) on conflict do nothing")
      .with(what.stream)
      .run();
  db.statement("update digest set seq = ?3, state = ?4, moved_at = unixepoch() "
               "where stream = ?1 and seq = ?2")
    .with(what.stream, what.from, what.to, std::span{what.state})
    .run();
  if (db.changes() != 1)
    return false;
  write_rollups(db, what.equipment, what.rows.rollups);
  write_telemetry(db, what);
  write_faults(db, what);
  write_marks(db, what);
  return true;
}

result<std::vector<digest_page>> digest_read(sqlite_db& db, const std::vector<digest_span>& spans) {
  std::vector<digest_page> pages;
  pages.reserve(spans.size());
  for (const auto& span : spans) {
    auto page = read_page(db, span, digest_page_bytes_max / spans.size());
    if (!page)
      return page.error();
    pages.push_back(std::move(*page));
  }
  return pages;
}

result<std::vector<bool>> digest_write(sqlite_db& db, const digest_batch& what) {
  const unhurried commit{db};
  sqlite_transaction transaction{db};
  std::vector<bool> moved;
  moved.reserve(what.size());
  for (const auto& each : what)
    moved.push_back(write_one(db, each));
  transaction.commit();
  return moved;
}

result<std::vector<std::int32_t>> digest_signals(sqlite_db& db,
                                                 const std::vector<digest_signal>& signals) {
  std::vector<std::int32_t> out;
  sqlite_transaction transaction{db};
  for (const auto& [name, definition] : signals) {
    db.statement("insert into signal_name (name) values (?) on conflict do nothing")
      .with(name)
      .run();
    auto row = db.statement("select id from signal_name where name = ?");
    row.with(name);
    if (!row.step())
      return failure{errc::retry_later, "a signal's name was removed while it was created"};
    out.push_back(static_cast<std::int32_t>(row.integer(0)));
    db.statement("insert into rollup_definition (signal, definition) values (?, ?) on conflict do "
                 "nothing")
      .with(row.integer(0), definition)
      .run();
  }
  transaction.commit();
  return out;
}

result<machine_places>
digest_places(sqlite_db& db, const std::string& farm, const std::string& machine) {
  const auto equipment = find_equipment(db, farm, machine);
  if (!equipment)
    return equipment.error();
  machine_places out{static_cast<std::int32_t>(*equipment), {}};
  auto rows = db.statement(
    "select s.id, s.stream_id, ifnull(d.seq, 0), ifnull(d.state, x'') from stream s left join "
    "digest d on d.stream = s.id where s.equipment_id = ? order by s.id");
  rows.with(*equipment);
  while (rows.step()) {
    auto& one = out.streams.emplace_back();
    one.stream = static_cast<std::int32_t>(rows.integer(0));
    const auto id = rows.bytes(1);
    std::copy_n(id.begin(), std::min(id.size(), one.stream_id.size()), one.stream_id.begin());
    one.seq = rows.natural(2);
    const auto state = rows.bytes(3);
    one.state.assign(state.begin(), state.end());
  }
  return out;
}

/// The streams of a machine whose digest has begun, and how far it is.
std::map<std::int32_t, std::uint64_t> begun_digests(sqlite_db& db, std::int32_t equipment) {
  std::map<std::int32_t, std::uint64_t> out;
  auto rows = db.statement("select d.stream, d.seq from digest d join stream s on s.id = d.stream "
                           "where s.equipment_id = ? and d.seq > 0");
  rows.with(equipment);
  while (rows.step())
    out[static_cast<std::int32_t>(rows.integer(0))] = rows.natural(1);
  return out;
}

result<bool> replace_rollups(sqlite_db& db, const rollups_again& what) {
  sqlite_transaction transaction{db};
  std::map<std::int32_t, std::uint64_t> read_to;
  for (const auto& place : what.places)
    if (place.seq > 0)
      read_to[place.stream] = place.seq;
  if (begun_digests(db, what.equipment) != read_to)
    return false;
  for (const auto signal : what.signals)
    for (const auto minute : what.minutes_us)
      db.statement("delete from rollup where equipment_id = ? and signal = ? and minute = ?")
        .with(what.equipment, signal, minute)
        .run();
  write_rollups(db, what.equipment, what.rows);
  transaction.commit();
  return true;
}

/// Reads on the reading connection, writes between appends on the writing one.
class sqlite_digest : public digest_store {
public:
  explicit sqlite_digest(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void pending(std::int32_t after,
               std::size_t count,
               handler<std::vector<digest_stream>> done) override {
    reader_->submit(std::move(done), [after, count](sqlite_db& db) {
      return sqlite_work::digest_pending(db, after, count);
    });
  }
  void read(std::vector<digest_span> spans, handler<std::vector<digest_page>> done) override {
    reader_->submit(std::move(done), [spans = std::move(spans)](sqlite_db& db) {
      return sqlite_work::digest_read(db, spans);
    });
  }
  void commit(std::shared_ptr<const digest_batch> what, handler<std::vector<bool>> done) override {
    writer_->submit(std::move(done), [what = std::move(what)](sqlite_db& db) {
      return sqlite_work::digest_write(db, *what);
    });
  }
  void signal_ids(std::vector<digest_signal> signals,
                  handler<std::vector<std::int32_t>> done) override {
    writer_->submit(std::move(done), [signals = std::move(signals)](sqlite_db& db) {
      return sqlite_work::digest_signals(db, signals);
    });
  }
  void places(std::string farm, std::string machine, handler<machine_places> done) override {
    reader_->submit(std::move(done),
                    [farm = std::move(farm), machine = std::move(machine)](sqlite_db& db) {
                      return sqlite_work::digest_places(db, farm, machine);
                    });
  }
  void replace(std::shared_ptr<const rollups_again> what, handler<bool> done) override {
    writer_->submit(std::move(done), [what = std::move(what)](sqlite_db& db) {
      return sqlite_work::replace_rollups(db, *what);
    });
  }

private:
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<digest_store> make_digest(sqlite_connections db) {
  return std::make_unique<sqlite_digest>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
