#include "can/records/body.hpp"
#include "storage/append/record_batch.hpp"
#include "storage/append/record_columns.hpp"
#include "storage/forward/forward_page.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr std::size_t forward_page_bytes_max = 2U << 20U;
constexpr std::size_t forward_rows_max = 10'000;

result<done> set_forward_target(sqlite_db& db, const std::string& target) {
  if (target.empty())
    db.run("delete from forward_target");
  else
    db.statement("insert into forward_target (only_row, target) values (1, ?) on conflict do "
                 "update set target = excluded.target where target <> excluded.target")
      .with(target)
      .run();
  return done{};
}

result<std::vector<forward_stream>>
list_forward(sqlite_db& db, bool every, std::int32_t after, std::size_t count) {
  std::vector<forward_stream> out;
  auto rows = db.statement(
    "select w.stream, f.name, e.name, w.seq, ifnull(a.acked_seq, 0), (select count(*) from "
    "stream_run r where r.stream = w.stream), (select count(*) from bus b where b.stream = "
    "w.stream) from stream_watermark w join stream s on s.id = w.stream join equipment e on e.id = "
    "s.equipment_id join farm f on "
    "f.id = e.farm_id left join forward a on a.stream = w.stream where w.stream > ?1 and w.seq > 0 "
    "and (?2 <> 0 or w.seq > ifnull(a.acked_seq, 0)) order by w.stream limit ?3");
  rows.with(after, every ? 1 : 0, std::uint64_t{count});
  while (rows.step())
    out.push_back({static_cast<std::int32_t>(rows.integer(0)), std::string{rows.bytes(1)},
                   std::string{rows.bytes(2)}, rows.natural(3), rows.natural(4), rows.natural(5),
                   rows.natural(6)});
  return out;
}

/// Records of clients other than gateways have the same stream id on every machine of every database: head office gets
/// them under an id of their own.
can::stream_id own_id(sqlite_db& db, std::int32_t stream) {
  std::random_device random;
  can::stream_id id{};
  for (auto& byte : id)
    byte = static_cast<std::uint8_t>(random());
  db.statement("insert into forward (stream, told_as) values (?1, ?2) on conflict do update set "
               "told_as = excluded.told_as where told_as is null")
    .with(stream, std::span<const std::uint8_t>{id})
    .run();
  auto kept = db.statement("select told_as from forward where stream = ?1");
  kept.with(stream);
  if (kept.step() && kept.bytes(0).size() == id.size())
    std::memcpy(id.data(), kept.bytes(0).data(), id.size());
  return id;
}

void read_runs(sqlite_db& db, std::int32_t stream, forward_head& head) {
  auto rows = db.statement(
    "select run, first_seq from stream_run where stream = ?1 and ordinal >= ifnull((select min(o) "
    "from (select b.ordinal o from stream_run b where b.stream = ?1 and b.ordinal <= (select "
    "r.ordinal from stream_run r join forward a on a.stream = r.stream and a.told_run = r.run "
    "where r.stream = ?1) order by b.ordinal desc limit ?3)), 0) order by ordinal limit ?2");
  rows.with(stream, std::uint64_t{forward_runs_max + 1}, std::uint64_t{forward_runs_again + 1});
  while (rows.step())
    head.runs.push_back({rows.natural(0), rows.natural(1)});
  if (head.runs.size() > forward_runs_max) { // the rest with the next hello
    head.last = std::min(head.last, head.runs.back().first_seq - 1);
    head.runs.pop_back();
    head.more_runs = true;
  }
}

result<forward_head> open_forward(sqlite_db& db, std::int32_t stream) {
  forward_head head;
  {
    auto rows = db.statement(
      "select s.stream_id, e.name, e.iso_name, w.seq from stream s join equipment e on e.id = "
      "s.equipment_id join stream_watermark w on w.stream = s.id where s.id = ?1");
    rows.with(stream);
    if (!rows.step())
      return failure{errc::not_found, "no stream " + std::to_string(stream)};
    std::memcpy(head.id.data(), rows.bytes(0).data(),
                std::min(head.id.size(), rows.bytes(0).size()));
    head.equipment = rows.bytes(1);
    if (!rows.null(2))
      head.iso_name = rows.natural(2);
    head.last = rows.natural(3);
  }
  if (head.id == direct_stream)
    head.id = own_id(db, stream);
  read_runs(db, stream, head);
  auto buses = db.statement("select bus, name from bus where stream = ?1 order by bus");
  buses.with(stream);
  while (buses.step())
    head.buses.push_back(
      {static_cast<std::uint8_t>(buses.integer(0)), std::string{buses.bytes(1)}});
  return head;
}

/// From the block that holds the first number on.
result<done> read_forward_frames(sqlite_db& db, std::int32_t stream, forward_page_maker& page) {
  auto rows =
    db.statement("select seq_first, frames, time_base, headers, header_index, time_offset, "
                 "payload, long_payload from can_block where stream = ?1 and seq_first >= "
                 "ifnull((select max(b.seq_first) from can_block b where b.stream = ?1 and "
                 "b.seq_first <= ?2), ?2) and seq_first <= ?3 order by seq_first");
  rows.with(stream, page.after() + 1, page.to());
  std::size_t bytes = 0;
  while (rows.step()) {
    frame_run run;
    if (!read_block(rows, run))
      return failure{errc::misconfigured, "stream " + std::to_string(stream) + ", block "
                                            + std::to_string(run.seq_first)
                                            + ": its columns do not agree"};
    const auto last = run.seq_first + run.block.size() - 1;
    if (last <= page.after())
      continue;
    bytes += run.block.bytes();
    page.add(std::move(run));
    if (bytes >= forward_page_bytes_max) {
      page.limit(last);
      break;
    }
  }
  return done{};
}

constexpr const char* numbers_of_page = " where stream = ?1 and seq > ?2 and seq <= ?3 order by "
                                        "seq limit ?4";

/// Of each known kind: seq, time, its columns.
const std::vector<std::string>& forward_selects() {
  static const auto made = [] {
    std::vector<std::string> out;
    for (const auto& kind : can::record_kinds()) {
      auto& sql = out.emplace_back("select seq, time");
      for (const auto& column : record_columns(kind))
        sql.append(", ").append(column);
      sql.append(" from ").append(kind.table).append(numbers_of_page);
    }
    return out;
  }();
  return made;
}

/// Runs `each` on the rows of a page; a table that has more than fits ends the page.
template <class Each>
void read_rows(
  sqlite_db& db, const char* sql, std::int32_t stream, forward_page_maker& page, Each each) {
  auto rows = db.statement(sql);
  rows.with(stream, page.after(), page.to(), std::uint64_t{forward_records_a_page});
  std::size_t count = 0;
  std::uint64_t last = 0;
  while (rows.step()) {
    ++count;
    last = rows.natural(0);
    each(rows);
  }
  if (count == forward_records_a_page)
    page.limit(last);
}

void read_forward_records(sqlite_db& db, std::int32_t stream, forward_page_maker& page) {
  for (std::size_t i = 0; i < can::record_kinds().size(); ++i)
    read_rows(db, forward_selects()[i].c_str(), stream, page, [&](const sqlite_statement& row) {
      const auto& kind = can::record_kinds()[i];
      page.add(row.natural(0),
               {row.integer(1), kind.number, can::write_body(kind, fields_in(row, 2, kind))});
    });
  read_rows(db,
            "select seq, time, kind, body from item_record where stream = ?1 and seq > ?2 and seq "
            "<= ?3 order by seq limit ?4",
            stream, page, [&](const sqlite_statement& row) {
              page.add(row.natural(0), {row.integer(1), static_cast<std::uint16_t>(row.integer(2)),
                                        std::string{row.bytes(3)}});
            });
  read_rows(db,
            "select seq, ifnull(time, 0), kind, reason, bytes, dropped_at from quarantine where "
            "stream = ?1 and seq > ?2 and seq <= ?3 order by seq limit ?4",
            stream, page, [&](const sqlite_statement& row) {
              const auto seq = row.natural(0);
              if (!row.null(5))
                return page.add({seq, seq, can::gone_reason::dropped});
              std::optional<std::uint16_t> kind;
              if (!row.null(2))
                kind = static_cast<std::uint16_t>(row.integer(2));
              page.add_quarantined(seq, row.integer(1), kind, std::string{row.bytes(3)},
                                   std::string{row.bytes(4)});
            });
}

/// In one transaction: an item that is stored again from quarantine meanwhile is in one of the tables.
result<forward_page>
read_forward(sqlite_db& db, std::int32_t stream, std::uint64_t after, std::uint64_t up_to) {
  forward_page_maker page{after, up_to};
  db.run("begin");
  struct end_of_read {
    sqlite_db& db;
    ~end_of_read() {
      try {
        db.run("rollback");
      } catch (const sqlite_error&) { // it has ended already
      }
    }
  } const ends{db};
  if (const auto frames = read_forward_frames(db, stream, page); !frames)
    return frames.error();
  if (page.holes().empty())
    return page.finish();
  read_forward_records(db, stream, page);
  if (const auto holes = page.holes(); !holes.empty()) {
    auto rows = db.statement("select first, last from expired where stream = ?1 and last >= ?2 and "
                             "first <= ?3 order by first");
    rows.with(stream, holes.front().first, holes.back().last);
    while (rows.step())
      page.add({rows.natural(0), rows.natural(1), can::gone_reason::expired});
  }
  return page.finish();
}

result<done> note_forward(sqlite_db& db, const std::vector<forward_mark>& marks) {
  sqlite_transaction transaction{db};
  for (const auto& mark : marks) {
    std::optional<std::int64_t> run;
    if (mark.run != 0)
      run = static_cast<std::int64_t>(mark.run);
    db.statement("insert into forward (stream, acked_seq, told_run, acked_at) select ?1, ?2, ?3, "
                 "unixepoch() where exists (select 1 from stream where id = ?1) on conflict do "
                 "update set acked_seq = excluded.acked_seq, told_run = ifnull(excluded.told_run, "
                 "told_run), acked_at = excluded.acked_at")
      .with(mark.stream, mark.acked, run)
      .run();
  }
  transaction.commit();
  return done{};
}

result<forward_status> forward_state(sqlite_db& db, const std::string& farm) {
  forward_status out;
  if (auto target = db.statement("select target from forward_target"); target.step())
    out.target = target.bytes(0);
  auto rows = db.statement(
    "select f.name, e.name, s.stream_id, w.seq, ifnull(a.acked_seq, 0), a.acked_at, case when "
    "w.seq > ifnull(a.acked_seq, 0) then (select b.time_first from can_block b where b.stream = "
    "w.stream and b.seq_first + b.frames - 1 > ifnull(a.acked_seq, 0) order by b.seq_first limit "
    "1) end, (select b.time_last from can_block b where b.stream = w.stream order by b.seq_first "
    "desc limit 1) from stream_watermark w join stream s on s.id = w.stream join equipment e on "
    "e.id = s.equipment_id join farm f on f.id = e.farm_id left join forward a on a.stream = "
    "w.stream where ?1 = '' or f.name = ?1 order by f.name, e.name, w.stream limit ?2");
  rows.with(farm, std::uint64_t{forward_rows_max});
  while (rows.step()) {
    auto& row = out.rows.emplace_back();
    row.farm = rows.bytes(0);
    row.equipment = rows.bytes(1);
    std::memcpy(row.id.data(), rows.bytes(2).data(), std::min(row.id.size(), rows.bytes(2).size()));
    row.last = rows.natural(3);
    row.acked = rows.natural(4);
    if (!rows.null(5))
      row.acked_at_us = rows.integer(5) * 1'000'000;
    if (!rows.null(6))
      row.oldest_us = rows.integer(6);
    if (!rows.null(7))
      row.newest_us = rows.integer(7);
  }
  return out;
}

result<forward_hold> forward_held(sqlite_db& db) {
  forward_hold out;
  auto rows = db.statement(
    "select t.target, (select ifnull(sum(max(w.seq - h.kept_from + 1, 0)), 0) from forward_hold h "
    "join stream_watermark w on w.stream = h.stream) from forward_target t");
  if (rows.step()) {
    out.target = rows.bytes(0);
    out.items = rows.natural(1);
  }
  return out;
}

/// Reads on the reading connection. One node opens a SQLite file, so the turn is always its own.
class sqlite_forward : public forward_store {
public:
  explicit sqlite_forward(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void set_target(std::string target, handler<done> finished) override {
    writer_->submit(std::move(finished), [target = std::move(target)](sqlite_db& db) {
      return set_forward_target(db, target);
    });
  }
  void take_turn(std::string /*node*/, handler<bool> done) override { done(true); }
  void list(bool every,
            std::int32_t after,
            std::size_t count,
            handler<std::vector<forward_stream>> done) override {
    reader_->submit(std::move(done), [every, after, count](sqlite_db& db) {
      return list_forward(db, every, after, count);
    });
  }
  void open(std::int32_t stream, handler<forward_head> done) override {
    writer_->submit(std::move(done), [stream](sqlite_db& db) { return open_forward(db, stream); });
  }
  void read(std::int32_t stream,
            std::uint64_t after,
            std::uint64_t up_to,
            handler<forward_page> done) override {
    reader_->submit(std::move(done), [stream, after, up_to](sqlite_db& db) {
      return read_forward(db, stream, after, up_to);
    });
  }
  void note(std::vector<forward_mark> marks, handler<done> finished) override {
    writer_->submit(std::move(finished),
                    [marks = std::move(marks)](sqlite_db& db) { return note_forward(db, marks); });
  }
  void read_hold(handler<forward_hold> done) override {
    reader_->submit(std::move(done), forward_held);
  }
  void read_status(std::string farm, handler<forward_status> done) override {
    reader_->submit(std::move(done),
                    [farm = std::move(farm)](sqlite_db& db) { return forward_state(db, farm); });
  }

private:
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<forward_store> make_forward(sqlite_connections db) {
  return std::make_unique<sqlite_forward>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
