#include "storage/postgres/series/rollups_again.hpp"

#include "storage/postgres/series/row_arrays.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace furrow::storage::postgres_work {

namespace {

/// One statement, so that the digest and this exchange take turns: both lock the streams' rows of `digest`.
constexpr const char* replace_text =
  "with asked as materialized (select * from unnest($1, $2) a(stream, seq)), "
  "standing as materialized (select d.stream from asked a join furrow.digest d on d.stream = "
  "a.stream and d.seq = a.seq and not d.paused order by d.stream for update of d), "
  "sound as materialized (select count(*) = (select count(*) from asked) and not exists (select "
  "from furrow.stream s join furrow.digest d on d.stream = s.id where s.equipment_id = $11 and "
  "d.seq > 0 and not exists (select from asked a where a.stream = s.id)) as yes from standing), "
  "made as materialized (select r.* from unnest($3, $4, $5, $6, $7, $8, $9, $10) "
  "r(signal, minute, count, min, max, sum, last, last_time) where (select yes from sound)), "
  "gone as (delete from furrow.rollup t where (select yes from sound) and t.equipment_id = $11 "
  "and t.signal = any($12) and t.minute = any($13) and not exists (select from "
  "made m where m.signal = t.signal and m.minute = t.minute)), "
  "kept as (insert into furrow.rollup as t (equipment_id, signal, minute, count, min, max, sum, "
  "last, last_time) select $11, signal, minute, count, min, max, sum, last, last_time from made "
  "on conflict (equipment_id, signal, minute) do update set count = excluded.count, "
  "min = excluded.min, max = excluded.max, sum = excluded.sum, last = excluded.last, "
  "last_time = excluded.last_time) "
  "select yes from sound";

} // namespace

task<result<machine_places>>
digest_places(pq_connection& db, const std::string& farm, const std::string& machine) {
  const auto equipment = co_await find_equipment(db, farm, machine);
  if (!equipment)
    co_return equipment.error();
  const auto reply =
    co_await db.query("select s.id, s.stream_id, coalesce(d.seq, 0), coalesce(d.state, '') from "
                      "furrow.stream s left join "
                      "furrow.digest d on d.stream = s.id where s.equipment_id = $1 order by s.id",
                      pq_parameters{}.int4(*equipment));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  machine_places out{*equipment, {}};
  for (int row = 0; row < rows.size(); ++row) {
    auto& one = out.streams.emplace_back();
    one.stream = static_cast<std::int32_t>(rows.integer(row, 0));
    const auto id = rows.bytes(row, 1);
    std::copy_n(id.begin(), std::min(id.size(), one.stream_id.size()), one.stream_id.begin());
    one.seq = rows.natural(row, 2);
    const auto state = rows.bytes(row, 3);
    one.state.assign(state.begin(), state.end());
  }
  co_return out;
}

task<result<bool>> replace_rollups(pq_connection& db, std::shared_ptr<const rollups_again> what) {
  std::vector<const digest_place*> begun; // the others must not have begun meanwhile
  for (const auto& place : what->places)
    if (place.seq > 0)
      begun.push_back(&place);
  std::vector<const can::rollup_row*> made;
  for (const auto& row : what->rows)
    made.push_back(&row);
  pq_parameters parameters;
  add_integers(parameters, begun, [](const auto* place) { return place->stream; });
  add_integers(parameters, begun, [](const auto* place) { return place->seq; });
  add_rollup_columns(parameters, made);
  parameters.int4(what->equipment);
  add_integers(parameters, what->signals, [](auto signal) { return signal; });
  add_times(parameters, what->minutes_us, [](auto minute) { return minute; });
  const auto reply = co_await db.query(replace_text, parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return pq_rows{reply.rows.get()}.integer(0, 0) == 1;
}

} // namespace furrow::storage::postgres_work
