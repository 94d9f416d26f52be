#include "storage/sqlite/retention/telemetry_tiers.hpp"

#include "storage/series/series.hpp"
#include "storage/sqlite/retention/cutoffs.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace furrow::storage::sqlite_work {

namespace {

/// A tier of telemetry, and the statements by which its oldest rows leave it. ?1 farm, ?2 the time before which they go, ?3
/// the most rows, ?4 the time before which they do not stay in the coarser tier either.
struct telemetry_tier {
  data_kind kind;
  std::string
    later; // removes rows of the coarser tier that are not the first of their span any more
  std::string keep; // copies the first rows of their spans
  std::string remove;
  std::string preview;

  telemetry_tier(data_kind of, const std::string& coarser, std::int64_t span_us) : kind{of} {
    const std::string name{to_string(of)};
    const auto due = "select t.* from " + name
                     + " t join equipment e on e.id = t.equipment_id where e.farm_id = ?1 and "
                       "t.time < ?2 order by t.equipment_id, t.time limit ?3";
    remove = "delete from " + name
             + " where (equipment_id, time) in (select d.equipment_id, d.time from (" + due
             + ") d)";
    preview = "select count(*), min(t.time), max(t.time) from " + name
              + " t join equipment e on e.id = t.equipment_id where e.farm_id = ?1 and t.time < ?2";
    if (coarser.empty())
      return;
    const auto span = std::to_string(span_us);
    const auto start = "d.time - ((d.time - " + std::to_string(series_origin_us) + ") % " + span
                       + " + " + span + ") % " + span;
    const auto firsts = "(select d.equipment_id as machine, min(d.time) as first, " + start
                        + " as start from (" + due + ") d where d.time >= ?4 group by 1, 3)";
    keep = "insert into " + coarser + " select t.* from " + firsts + " f join " + name
           + " t on t.equipment_id = f.machine and t.time = f.first where not exists (select 1 "
             "from "
           + coarser
           + " c where c.equipment_id = f.machine and c.time >= f.start and (c.time < f.first or "
             "(c.time = f.first and (c.stream, c.seq) >= (t.stream, t.seq))))";
    later = "delete from " + coarser
            + " where (equipment_id, time) in (select c.equipment_id, c.time from " + firsts
            + " f join " + coarser
            + " c on c.equipment_id = f.machine and c.time >= f.first and c.time < f.start + "
            + span + " join " + name
            + " t on t.equipment_id = f.machine and t.time = f.first where c.time > f.first or "
              "(c.stream, c.seq) < (t.stream, t.seq))";
  }
};

const std::vector<telemetry_tier>& telemetry_tiers() {
  static const std::vector<telemetry_tier> tiers{
    {data_kind::telemetry, "telemetry_10s", 10'000'000},
    {data_kind::telemetry_10s, "telemetry_1m", minute_us},
    {data_kind::telemetry_1m, "", 0}};
  return tiers;
}

/// The time before which a row of this farm stays in no tier that is coarser.
std::int64_t lasting_since(sqlite_db& db, data_kind tier, std::int64_t farm, std::int64_t at_us) {
  auto since = std::numeric_limits<std::int64_t>::max();
  for (const auto kind : {data_kind::telemetry_10s, data_kind::telemetry_1m}) {
    if (kind == tier)
      continue;
    const auto all = cutoffs(db, kind, at_us);
    const auto own = std::ranges::find(all, farm, &cutoff::farm);
    since =
      std::min(since, own == all.end() ? std::numeric_limits<std::int64_t>::min() : own->time_us);
  }
  return since;
}

} // namespace

bool expire_telemetry(sqlite_db& db, std::int64_t at_us, std::uint64_t& rows_gone) {
  std::int64_t left = rows_a_batch;
  for (const auto& tier : telemetry_tiers())
    for (const auto& farm : cutoffs(db, tier.kind, at_us)) {
      if (!tier.keep.empty()) {
        const auto since = lasting_since(db, tier.kind, farm.farm, at_us);
        for (const auto* text : {&tier.later, &tier.keep})
          db.statement(text->c_str()).with(farm.farm, farm.time_us, left, since).run();
      }
      db.statement(tier.remove.c_str()).with(farm.farm, farm.time_us, left).run();
      left -= db.changes();
      rows_gone += static_cast<std::uint64_t>(db.changes());
    }
  return left == 0;
}

const char* telemetry_preview(data_kind tier) {
  return std::ranges::find(telemetry_tiers(), tier, &telemetry_tier::kind)->preview.c_str();
}

} // namespace furrow::storage::sqlite_work
