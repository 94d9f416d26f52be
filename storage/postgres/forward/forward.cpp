#include "can/records/body.hpp"
#include "storage/append/record_batch.hpp"
#include "storage/append/record_columns.hpp"
#include "storage/forward/forward_page.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

constexpr std::int64_t forward_rows_max = 10'000;

can::stream_id id_in(const pq_rows& rows, int row, int column) {
  can::stream_id id{};
  const auto bytes = rows.bytes(row, column);
  std::copy_n(bytes.begin(), std::min(bytes.size(), id.size()), id.begin());
  return id;
}

task<result<done>> set_forward_target(pq_connection& db, std::string target) {
  const char* const sql =
    target.empty() ? "delete from furrow.forward_target where $1 = ''"
                   : "insert into furrow.forward_target as t (target) values ($1) on conflict "
                     "(only_row) do update set target = excluded.target where t.target <> "
                     "excluded.target";
  const auto reply = co_await db.query(sql, pq_parameters{}.text(target));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return done{};
}

task<result<bool>> take_turn(pq_connection& db, std::string node) {
  const auto reply = co_await db.query(
    "update furrow.forward_target set holder = $1, held_until = clock_timestamp() + interval "
    "'10 s' where holder = $1 or held_until < clock_timestamp() or held_until > clock_timestamp() "
    "+ interval '1 minute' returning 1",
    pq_parameters{}.text(node));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return pq_rows{reply.rows.get()}.size() > 0;
}

task<result<std::vector<forward_stream>>>
list_forward(pq_connection& db, bool every, std::int32_t after, std::size_t count) {
  const auto reply = co_await db.query(
    "select w.stream, f.name, e.name, w.seq, coalesce(a.acked_seq, 0), (select count(*) from "
    "furrow.stream_run r where r.stream = w.stream), (select count(*) from furrow.bus b where "
    "b.stream = w.stream) from furrow.stream_watermark w join furrow.stream s on s.id = w.stream "
    "join furrow.equipment e on e.id = s.equipment_id "
    "join furrow.farm f on f.id = e.farm_id left join furrow.forward a on a.stream = w.stream "
    "where w.stream > $1 and w.seq > 0 and ($2 <> 0 or w.seq > coalesce(a.acked_seq, 0)) "
    "order by w.stream limit $3",
    pq_parameters{}.int4(after).int4(every ? 1 : 0).int8(static_cast<std::int64_t>(count)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<forward_stream> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i)
    out.push_back({static_cast<std::int32_t>(rows.integer(i, 0)), rows.text(i, 1), rows.text(i, 2),
                   rows.natural(i, 3), rows.natural(i, 4), rows.natural(i, 5), rows.natural(i, 6)});
  co_return out;
}

/// Records of clients other than gateways have the same stream id on every machine of every database: head office gets
/// them under an id of their own.
task<result<can::stream_id>> own_id(pq_connection& db, std::int32_t stream) {
  std::random_device random;
  std::string id;
  for (std::size_t i = 0; i < can::stream_id{}.size(); ++i)
    id += static_cast<char>(random());
  const auto reply = co_await db.query(
    "insert into furrow.forward as f (stream, told_as) values ($1, $2) on conflict (stream) do "
    "update set told_as = coalesce(f.told_as, excluded.told_as) returning told_as",
    pq_parameters{}.int4(stream).add(oid::uuid, id));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return id_in(pq_rows{reply.rows.get()}, 0, 0);
}

task<std::optional<failure>> read_runs(pq_connection& db, std::int32_t stream, forward_head& head) {
  const auto reply = co_await db.query(
    "select run, first_seq from furrow.stream_run where stream = $1 and ordinal >= "
    "coalesce((select min(o.ordinal) from (select b.ordinal from furrow.stream_run b where "
    "b.stream = $1 and b.ordinal <= (select r.ordinal from furrow.stream_run r join furrow.forward "
    "a on a.stream = r.stream and a.told_run = r.run where r.stream = $1) order by b.ordinal desc "
    "limit $3) o), 0) order by ordinal limit $2",
    pq_parameters{}.int4(stream).int8(forward_runs_max + 1).int8(forward_runs_again + 1));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int i = 0; i < rows.size(); ++i)
    head.runs.push_back({rows.natural(i, 0), rows.natural(i, 1)});
  if (head.runs.size() > forward_runs_max) { // the rest with the next hello
    head.last = std::min(head.last, head.runs.back().first_seq - 1);
    head.runs.pop_back();
    head.more_runs = true;
  }
  co_return std::nullopt;
}

task<result<forward_head>> open_forward(pq_connection& db, std::int32_t stream) {
  const auto reply = co_await db.query(
    "select s.stream_id, e.name, e.iso_name, w.seq from furrow.stream s join furrow.equipment e on "
    "e.id = s.equipment_id join furrow.stream_watermark w on w.stream = s.id where s.id = $1",
    pq_parameters{}.int4(stream));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return failure{errc::not_found, "no stream " + std::to_string(stream)};
  forward_head head;
  head.id = id_in(rows, 0, 0);
  head.equipment = rows.text(0, 1);
  if (!rows.null(0, 2))
    head.iso_name = rows.natural(0, 2);
  head.last = rows.natural(0, 3);
  if (head.id == direct_stream) {
    const auto own = co_await own_id(db, stream);
    if (!own)
      co_return own.error();
    head.id = *own;
  }
  if (auto failed = co_await read_runs(db, stream, head))
    co_return *failed;
  const auto named =
    co_await db.query("select bus, name from furrow.bus where stream = $1 order by bus",
                      pq_parameters{}.int4(stream));
  if (named.error)
    co_return named.error->as_failure();
  const pq_rows buses{named.rows.get()};
  for (int i = 0; i < buses.size(); ++i)
    head.buses.push_back({static_cast<std::uint8_t>(buses.integer(i, 0)), buses.text(i, 1)});
  co_return head;
}

/// The fresh block that holds the first number of the page and begins before it.
task<std::optional<failure>>
read_first_block(pq_connection& db, std::int32_t stream, forward_page_maker& page) {
  const auto reply = co_await db.query(
    "select seq_first, frames, time_base, headers, header_index, time_offset, payload, "
    "long_payload from furrow.can_block where stream = $1 and seq_first <= $2 order by seq_first "
    "desc limit 1",
    pq_parameters{}.int4(stream).int8(static_cast<std::int64_t>(page.after())));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0 || rows.natural(0, 0) + rows.natural(0, 1) - 1 <= page.after())
    co_return std::nullopt;
  frame_run run;
  if (!read_block(rows, 0, run))
    co_return failure{errc::misconfigured, "stream " + std::to_string(stream) + ", block "
                                             + std::to_string(run.seq_first)
                                             + ": its columns do not agree"};
  page.add(std::move(run));
  co_return std::nullopt;
}

task<std::optional<failure>>
read_forward_frames(pq_connection& db, std::int32_t stream, forward_page_maker& page) {
  frames_page frames;
  const auto more = co_await read_stream_page(db, stream, page.after(), frames);
  if (!more)
    co_return more.error();
  if (*more != 0)
    page.limit(*more);
  const bool whole = !frames.runs.empty() && frames.runs.front().seq_first <= page.after() + 1;
  for (auto& run : frames.runs)
    page.add(std::move(run));
  if (whole || page.after() == 0)
    co_return std::nullopt;
  co_return co_await read_first_block(db, stream, page);
}

constexpr const char* numbers_of_page = " where stream = $1 and seq > $2 and seq <= $3 order by "
                                        "seq limit $4";

/// Of each known kind: seq, time, its columns.
const std::vector<std::string>& forward_selects() {
  static const auto made = [] {
    std::vector<std::string> out;
    for (const auto& kind : can::record_kinds()) {
      auto& sql = out.emplace_back("select seq, time");
      for (const auto& column : record_columns(kind))
        sql.append(", ").append(column);
      sql.append(" from furrow.").append(kind.table).append(numbers_of_page);
    }
    return out;
  }();
  return made;
}

/// Rows of a page from one table; a table that has more than fits ends the page.
task<pq_reply>
read_rows(pq_connection& db, const char* sql, std::int32_t stream, forward_page_maker& page) {
  auto reply = co_await db.query(sql, pq_parameters{}
                                        .int4(stream)
                                        .int8(static_cast<std::int64_t>(page.after()))
                                        .int8(static_cast<std::int64_t>(page.to()))
                                        .int8(forward_records_a_page));
  if (reply.error)
    co_return reply;
  const pq_rows rows{reply.rows.get()};
  if (static_cast<std::size_t>(rows.size()) == forward_records_a_page)
    page.limit(rows.natural(rows.size() - 1, 0));
  co_return reply;
}

task<std::optional<failure>>
read_typed_records(pq_connection& db, std::int32_t stream, forward_page_maker& page) {
  for (std::size_t i = 0; i < can::record_kinds().size(); ++i) {
    const auto reply = co_await read_rows(db, forward_selects()[i].c_str(), stream, page);
    if (reply.error)
      co_return reply.error->as_failure();
    const pq_rows rows{reply.rows.get()};
    const auto& kind = can::record_kinds()[i];
    for (int row = 0; row < rows.size(); ++row)
      page.add(rows.natural(row, 0),
               {rows.integer(row, 1) + epoch_2000_us, kind.number,
                can::write_body(kind, fields_in(pq_row{rows, row}, 2, kind))});
  }
  co_return std::nullopt;
}

task<std::optional<failure>>
read_other_items(pq_connection& db, std::int32_t stream, forward_page_maker& page) {
  const auto records =
    co_await read_rows(db,
                       "select seq, time, kind, body::text from furrow.item_record where stream = "
                       "$1 and seq > $2 and seq <= $3 order by seq limit $4",
                       stream, page);
  if (records.error)
    co_return records.error->as_failure();
  const pq_rows others{records.rows.get()};
  for (int row = 0; row < others.size(); ++row)
    page.add(others.natural(row, 0),
             {others.integer(row, 1) + epoch_2000_us,
              static_cast<std::uint16_t>(others.integer(row, 2)), others.text(row, 3)});
  const auto quarantine = co_await read_rows(
    db,
    "select seq, time, kind, reason, bytes, dropped_at is not null from furrow.quarantine where "
    "stream = $1 and seq > $2 and seq <= $3 order by seq limit $4",
    stream, page);
  if (quarantine.error)
    co_return quarantine.error->as_failure();
  const pq_rows rows{quarantine.rows.get()};
  for (int row = 0; row < rows.size(); ++row) {
    const auto seq = rows.natural(row, 0);
    if (rows.integer(row, 5) != 0) {
      page.add({seq, seq, can::gone_reason::dropped});
      continue;
    }
    std::optional<std::uint16_t> kind;
    if (!rows.null(row, 2))
      kind = static_cast<std::uint16_t>(rows.integer(row, 2));
    page.add_quarantined(seq, rows.null(row, 1) ? 0 : rows.integer(row, 1) + epoch_2000_us, kind,
                         rows.text(row, 3), rows.text(row, 4));
  }
  co_return std::nullopt;
}

task<std::optional<failure>> read_expired(pq_connection& db,
                                          std::int32_t stream,
                                          const std::vector<can::gone_range>& holes,
                                          forward_page_maker& page) {
  const auto reply = co_await db.query(
    "select first, last from furrow.expired where stream = $1 and last >= $2 and first <= $3 "
    "order by first",
    pq_parameters{}
      .int4(stream)
      .int8(static_cast<std::int64_t>(holes.front().first))
      .int8(static_cast<std::int64_t>(holes.back().last)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int row = 0; row < rows.size(); ++row)
    page.add({rows.natural(row, 0), rows.natural(row, 1), can::gone_reason::expired});
  co_return std::nullopt;
}

task<std::optional<failure>>
fill_page(pq_connection& db, std::int32_t stream, forward_page_maker& page) {
  if (auto failed = co_await read_forward_frames(db, stream, page))
    co_return failed;
  if (page.holes().empty())
    co_return std::nullopt;
  if (auto failed = co_await read_typed_records(db, stream, page))
    co_return failed;
  if (auto failed = co_await read_other_items(db, stream, page))
    co_return failed;
  if (const auto holes = page.holes(); !holes.empty())
    co_return co_await read_expired(db, stream, holes, page);
  co_return std::nullopt;
}

bool tells_missing(const forward_page& page) {
  return std::ranges::any_of(page.groups, [](const forward_group& group) {
    const auto* const gone = std::get_if<can::gone_items>(&group.items);
    return gone != nullptr && gone->why == can::gone_reason::missing;
  });
}

/// Each statement sees a moment of its own: an item that is stored again from quarantine meanwhile may be seen in
/// neither table. What seems to be missing is read once more.
task<result<forward_page>>
read_forward(pq_connection& db, std::int32_t stream, std::uint64_t after, std::uint64_t up_to) {
  forward_page made;
  for (int round = 0; round < 2; ++round) {
    forward_page_maker page{after, up_to};
    if (auto failed = co_await fill_page(db, stream, page))
      co_return *failed;
    made = page.finish();
    if (!tells_missing(made))
      break;
  }
  co_return made;
}

task<result<done>> note_forward(pq_connection& db, std::vector<forward_mark> marks) {
  byte_buffer streams;
  byte_buffer acked;
  byte_buffer runs;
  streams.array<std::int32_t>(oid::int4, marks.size(),
                              [&](std::size_t i) { return marks[i].stream; });
  acked.array<std::uint64_t>(oid::int8, marks.size(),
                             [&](std::size_t i) { return marks[i].acked; });
  runs.array<std::uint64_t>(oid::int8, marks.size(), [&](std::size_t i) { return marks[i].run; });
  const auto reply = co_await db.query(
    "insert into furrow.forward as f (stream, acked_seq, told_run, acked_at) select m.stream, "
    "m.acked, nullif(m.run, 0), now() from unnest($1, $2, $3) m(stream, acked, run) where exists "
    "(select from furrow.stream s where s.id = m.stream) order by m.stream on conflict (stream) do "
    "update set acked_seq = excluded.acked_seq, told_run = coalesce(excluded.told_run, "
    "f.told_run), "
    "acked_at = excluded.acked_at",
    pq_parameters{}
      .add(oid::int4_array, streams.view())
      .add(oid::int8_array, acked.view())
      .add(oid::int8_array, runs.view()));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return done{};
}

task<result<forward_status>> forward_state(pq_connection& db, std::string farm) {
  forward_status out;
  const auto target = co_await db.query("select target from furrow.forward_target");
  if (target.error)
    co_return target.error->as_failure();
  if (const pq_rows row{target.rows.get()}; row.size() > 0)
    out.target = row.text(0, 0);
  const auto reply = co_await db.query(
    "select f.name, e.name, s.stream_id, w.seq, coalesce(a.acked_seq, 0), a.acked_at, case when "
    "w.seq > coalesce(a.acked_seq, 0) then least((select c.time_first from furrow.can_chunk c "
    "where c.stream = w.stream and c.seq_last > coalesce(a.acked_seq, 0) order by c.seq_first "
    "limit "
    "1), (select b.time_first from furrow.can_block b where b.stream = w.stream and b.seq_first > "
    "coalesce(a.acked_seq, 0) order by b.seq_first limit 1)) end, greatest((select c.time_last "
    "from furrow.can_chunk c where c.stream = w.stream order by c.seq_first desc limit 1), (select "
    "b.time_last from furrow.can_block b where b.stream = w.stream order by b.seq_first desc limit "
    "1)) from furrow.stream_watermark w join furrow.stream s on s.id = w.stream join "
    "furrow.equipment e on e.id = s.equipment_id join furrow.farm f on f.id = e.farm_id left join "
    "furrow.forward a on a.stream = w.stream where $1 = '' or f.name = $1 order by f.name, e.name, "
    "w.stream limit $2",
    pq_parameters{}.text(farm).int8(forward_rows_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  const auto time = [&](int row, int column) {
    return rows.null(row, column) ? std::nullopt
                                  : std::optional{rows.integer(row, column) + epoch_2000_us};
  };
  for (int i = 0; i < rows.size(); ++i)
    out.rows.push_back({rows.text(i, 0), rows.text(i, 1), id_in(rows, i, 2), rows.natural(i, 3),
                        rows.natural(i, 4), time(i, 5), time(i, 6), time(i, 7)});
  co_return out;
}

task<result<forward_hold>> forward_held(pq_connection& db) {
  const auto reply = co_await db.query(
    "select t.target, (select coalesce(sum(greatest(w.seq - coalesce(f.acked_seq, 0), 0)), "
    "0)::int8 "
    "from furrow.stream_watermark w left join furrow.forward f on f.stream = w.stream) from "
    "furrow.forward_target t where t.holder is null or t.held_until < clock_timestamp()");
  if (reply.error)
    co_return reply.error->as_failure();
  forward_hold out;
  if (const pq_rows row{reply.rows.get()}; row.size() > 0) {
    out.target = row.text(0, 0);
    out.items = row.natural(0, 1);
  }
  co_return out;
}

/// All on the query pool: no more than its share of connections, and never a lane.
class postgres_forward : public forward_store {
public:
  explicit postgres_forward(std::shared_ptr<query_pool> queries) : queries_{std::move(queries)} {}

  void set_target(std::string target, handler<done> finished) override {
    queries_->submit(
      job_of(true, std::move(finished), [target = std::move(target)](pq_connection& db) {
        return set_forward_target(db, target);
      }));
  }
  void take_turn(std::string node, handler<bool> done) override {
    queries_->submit(job_of(false, std::move(done), [node = std::move(node)](pq_connection& db) {
      return postgres_work::take_turn(db, node);
    }));
  }
  void list(bool every,
            std::int32_t after,
            std::size_t count,
            handler<std::vector<forward_stream>> done) override {
    queries_->submit(job_of(false, std::move(done), [every, after, count](pq_connection& db) {
      return list_forward(db, every, after, count);
    }));
  }
  void open(std::int32_t stream, handler<forward_head> done) override {
    queries_->submit(job_of(false, std::move(done),
                            [stream](pq_connection& db) { return open_forward(db, stream); }));
  }
  void read(std::int32_t stream,
            std::uint64_t after,
            std::uint64_t up_to,
            handler<forward_page> done) override {
    queries_->submit(job_of(false, std::move(done), [stream, after, up_to](pq_connection& db) {
      return read_forward(db, stream, after, up_to);
    }));
  }
  void note(std::vector<forward_mark> marks, handler<done> finished) override {
    queries_->submit(
      job_of(false, std::move(finished),
             [marks = std::move(marks)](pq_connection& db) { return note_forward(db, marks); }));
  }
  void read_hold(handler<forward_hold> done) override {
    queries_->submit(job_of(false, std::move(done), forward_held));
  }
  void read_status(std::string farm, handler<forward_status> done) override {
    queries_->submit(job_of(false, std::move(done), [farm = std::move(farm)](pq_connection& db) {
      return forward_state(db, farm);
    }));
  }

private:
  std::shared_ptr<query_pool> queries_;
};

} // namespace

std::unique_ptr<forward_store> make_forward(std::shared_ptr<query_pool> queries) {
  return std::make_unique<postgres_forward>(std::move(queries));
}

} // namespace furrow::storage::postgres_work
