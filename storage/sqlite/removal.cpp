#include "storage/removal.hpp"

#include "storage/identity/audit.hpp"
#include "storage/retention.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/retention.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

/// The machine, and its streams up to the watermarks of the moment at which the removal began.
struct removal_scope {
  std::int64_t equipment = 0;
  std::string farm;
  std::vector<std::pair<std::int32_t, std::uint64_t>> streams;
};

/// Statements live as long as the program: the connection keeps what it has prepared by their address.
struct numbered_table {
  std::string count; // rows of a stream up to a number
  std::string select;
  std::string remove;

  explicit numbered_table(const std::string& name, const std::string& condition = "")
    : count{"select count(*) from " + name + of(condition)}, select{"select rowid, seq from " + name
                                                                    + of(condition) + " limit ?3"},
      remove{"delete from " + name + " where rowid = ?1"} {}

private:
  static std::string of(const std::string& condition) {
    return " where stream = ?1 and seq <= ?2" + condition;
  }
};

const std::vector<numbered_table>& numbered_tables() {
  static const std::vector<numbered_table> tables{
    numbered_table{"sensor_reading"}, numbered_table{"yield_sample"}, numbered_table{"token_usage"},
    numbered_table{"fault"},
    // That the gateway's disk has lost an item stays on record.
    numbered_table{"item_record", " and kind <> 32767"}, numbered_table{"quarantine"}};
  return tables;
}

result<removal_scope> removal_scope_of(sqlite_db& db, const removal& what) {
  removal_scope out;
  const auto found = find_equipment(db, what.farm, what.equipment);
  if (!found)
    return found.error();
  out.equipment = *found;
  {
    auto farm = db.statement(
      "select f.name from equipment e join farm f on f.id = e.farm_id where e.id = ?1");
    farm.with(out.equipment);
    if (farm.step())
      out.farm = farm.bytes(0);
  }
  auto rows = db.statement("select s.id, ifnull(w.seq, 0), s.stream_id from stream s left join "
                           "stream_watermark w on w.stream = s.id where s.equipment_id = ?1");
  rows.with(out.equipment);
  while (rows.step()) {
    const auto id = rows.bytes(2);
    if (!what.stream
        || std::equal(id.begin(), id.end(), what.stream->begin(), what.stream->end(),
                      [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }))
      out.streams.emplace_back(static_cast<std::int32_t>(rows.integer(0)), rows.natural(1));
  }
  if (what.stream && out.streams.empty())
    return failure{errc::not_found, "no such stream of " + what.equipment};
  return out;
}

result<removal_outcome> preview_of_removal(sqlite_db& db, const removal& what) {
  const auto scope = removal_scope_of(db, what);
  if (!scope)
    return scope.error();
  removal_outcome out;
  out.farm = scope->farm;
  out.streams = scope->streams.size();
  for (const auto& [stream, seq] : scope->streams) {
    auto frames = db.statement(
      "select ifnull(sum(frames), 0) from can_block where stream = ?1 and seq_first <= ?2");
    frames.with(stream, seq);
    out.frames += frames.step() ? frames.natural(0) : 0;
    for (const auto& table : numbered_tables()) {
      auto rows = db.statement(table.count.c_str());
      rows.with(stream, seq);
      out.records += rows.step() ? rows.natural(0) : 0;
    }
  }
  if (what.stream)
    return out;
  auto telemetry = db.statement("select count(*) from telemetry_all where equipment_id = ?1");
  telemetry.with(scope->equipment);
  out.telemetry = telemetry.step() ? telemetry.natural(0) : 0;
  auto rollup = db.statement("select count(*) from rollup where equipment_id = ?1");
  rollup.with(scope->equipment);
  out.rollup = rollup.step() ? rollup.natural(0) : 0;
  return out;
}

/// The digest does not read what is being removed, and forgets what it knows from it. Its files may be stored again.
void pass_digest(sqlite_db& db, std::int32_t stream, std::uint64_t seq) {
  db.statement("delete from source where stream = ?1").with(stream).run();
  db.statement("insert into digest (stream, seq) values (?1, ?2) on conflict do update set state = "
               "iif(seq > excluded.seq, state, x''), seq = max(seq, excluded.seq)")
    .with(stream, seq)
    .run();
  db.statement("delete from bus_fault where stream = ?1 and first_seq <= ?2")
    .with(stream, seq)
    .run();
  db.statement("delete from clock_ahead where stream = ?1 and last <= ?2").with(stream, seq).run();
}

/// True: there may be more.
bool remove_blocks(sqlite_db& db, std::int32_t stream, std::uint64_t seq, removal_outcome& out) {
  number_ranges gone;
  std::vector<std::int64_t> blocks;
  {
    auto rows = db.statement("select rowid, seq_first, frames from can_block where stream = ?1 and "
                             "seq_first <= ?2 order by seq_first limit ?3");
    rows.with(stream, seq, chunks_a_batch);
    while (rows.step()) {
      blocks.push_back(rows.integer(0));
      gone.push_back({rows.natural(1), rows.natural(1) + rows.natural(2) - 1});
      out.frames += rows.natural(2);
    }
  }
  for (const auto row : blocks)
    db.statement("delete from can_block where rowid = ?1").with(row).run();
  if (!gone.empty())
    note_expired(db, stream, std::move(gone));
  return blocks.size() == static_cast<std::size_t>(chunks_a_batch);
}

bool remove_numbered(sqlite_db& db, std::int32_t stream, std::uint64_t seq, removal_outcome& out) {
  number_ranges gone;
  std::int64_t left = rows_a_batch;
  for (const auto& table : numbered_tables()) {
    std::vector<std::int64_t> found;
    {
      auto rows = db.statement(table.select.c_str());
      rows.with(stream, seq, left);
      while (rows.step()) {
        found.push_back(rows.integer(0));
        gone.push_back({rows.natural(1), rows.natural(1)});
      }
    }
    for (const auto row : found)
      db.statement(table.remove.c_str()).with(row).run();
    out.records += found.size();
    left -= static_cast<std::int64_t>(found.size());
  }
  if (!gone.empty())
    note_expired(db, stream, std::move(gone));
  return left == 0;
}

/// Telemetry and rollups of the machine; true: there is more.
bool remove_derived(sqlite_db& db, std::int64_t equipment, removal_outcome& out) {
  bool more = false;
  for (const auto* const tier :
       {"delete from telemetry where (equipment_id, time) in (select equipment_id, time from "
        "telemetry where equipment_id = ?1 limit ?2)",
        "delete from telemetry_10s where (equipment_id, time) in (select equipment_id, time from "
        "telemetry_10s where equipment_id = ?1 limit ?2)",
        "delete from telemetry_1m where (equipment_id, time) in (select equipment_id, time from "
        "telemetry_1m where equipment_id = ?1 limit ?2)"}) {
    db.statement(tier).with(equipment, rows_a_batch).run();
    out.telemetry += static_cast<std::uint64_t>(db.changes());
    more = more || db.changes() == rows_a_batch;
  }
  db.statement("delete from rollup where (equipment_id, signal, minute) in (select equipment_id, "
               "signal, minute from rollup where equipment_id = ?1 limit ?2)")
    .with(equipment, rows_a_batch)
    .run();
  out.rollup += static_cast<std::uint64_t>(db.changes());
  return more || db.changes() == rows_a_batch;
}

void hide_machine(sqlite_db& db, std::int64_t equipment) {
  db.statement("delete from equipment_state where equipment_id = ?1").with(equipment).run();
  db.statement("insert into removed_equipment (equipment_id, durable) select ?1, "
               "ifnull(sum(w.seq), 0) from stream s join stream_watermark w on w.stream = s.id "
               "where s.equipment_id = ?1 on conflict do update set durable = excluded.durable, "
               "removed_at = unixepoch()")
    .with(equipment)
    .run();
}

audit_row row_of_removal(const removal& what, const author& by, const removal_outcome& out) {
  return {0,
          by.who,
          what.stream ? "stream remove" : "equipment remove",
          out.farm + "/" + what.equipment
            + (what.stream ? " stream " + can::to_string(*what.stream) : ""),
          to_text(out),
          out.farm,
          by.origin};
}

/// One transaction of the removal; true: there is more.
result<bool> removal_step(sqlite_db& db,
                          const removal& what,
                          const removal_scope& scope,
                          const author& by,
                          removal_outcome& out) {
  sqlite_transaction transaction{db};
  bool more = false;
  for (const auto& [stream, seq] : scope.streams) {
    pass_digest(db, stream, seq);
    more = remove_blocks(db, stream, seq, out);
    if (!more)
      more = remove_numbered(db, stream, seq, out);
    if (more)
      break;
  }
  if (!more && !what.stream)
    more = remove_derived(db, scope.equipment, out);
  if (!more) {
    if (!what.stream)
      hide_machine(db, scope.equipment);
    note_change(db, row_of_removal(what, by, out));
  }
  transaction.commit();
  return more;
}

/// A removal goes step by step, each a job of its own, so that appends come in between.
class sqlite_removals : public removal_store {
public:
  explicit sqlite_removals(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void preview_removal(removal what, handler<removal_outcome> done) override {
    reader_->submit(std::move(done), [what = std::move(what)](sqlite_db& db) {
      return sqlite_work::preview_of_removal(db, what);
    });
  }
  void remove(removal what, author by, handler<removal_outcome> done) override {
    auto state = std::make_shared<progress>();
    state->what = std::move(what);
    state->by = std::move(by);
    state->done = std::move(done);
    writer_->submit(handler<bool>{[writer = writer_, state](const storage::result<bool>& begun) {
                      if (begun)
                        next(writer, state);
                      else
                        state->done(begun.error());
                    }},
                    [state](sqlite_db& db) -> storage::result<bool> {
                      auto scope = removal_scope_of(db, state->what);
                      if (!scope)
                        return scope.error();
                      state->scope = std::move(*scope);
                      state->out.farm = state->scope.farm;
                      state->out.streams = state->scope.streams.size();
                      return true;
                    });
  }

private:
  struct progress {
    removal what;
    author by;
    removal_scope scope;
    removal_outcome out;
    handler<removal_outcome> done;
  };

  static void next(const std::shared_ptr<sqlite_connection>& writer,
                   const std::shared_ptr<progress>& state) {
    writer->submit(handler<bool>{[writer, state](storage::result<bool> more) {
                     if (!more)
                       state->done(more.error());
                     else if (*more)
                       next(writer, state);
                     else
                       state->done(state->out);
                   }},
                   [state](sqlite_db& db) {
                     auto part = state->out; // of this step alone, when it fails
                     auto more = removal_step(db, state->what, state->scope, state->by, part);
                     if (more)
                       state->out = part;
                     return more;
                   });
  }

  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<removal_store> make_removals(sqlite_connections db) {
  return std::make_unique<sqlite_removals>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
