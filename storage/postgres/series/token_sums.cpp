#include "storage/postgres/series/token_sums.hpp"

#include "storage/postgres/connection/epoch.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/row_arrays.hpp"
#include "storage/postgres/series/zones.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

/// $1 farm, $2 machine, $3 machines, $4 from, $5 to, $6 agent, $7 model, $8 zone, $9 to $11 the row before, $12 rows.
std::string sums_text(sum_period by) {
  const std::string day = by == sum_period::day ? "(u.time at time zone $8)::date"
                          : by == sum_period::month
                            ? "date_trunc('month', u.time at time zone $8)::date"
                            : "date '1970-01-01'";
  return "select s.start, s.agent, s.model, s.records, s.prompt_tokens, s.completion_tokens, "
         "s.cost_usd from (select furrow.day_start(d.day, $8) as start, d.agent, d.model, count(*) "
         "as records, sum(d.prompt_tokens)::float8 + sum(d.prompt_tokens_fraction) as "
         "prompt_tokens, sum(d.completion_tokens)::float8 + sum(d.completion_tokens_fraction) as "
         "completion_tokens, sum(d.cost_usd) as cost_usd from (select u.*, "
         + day
         + " as day from furrow.farm f join furrow.equipment e on e.farm_id = f.id and $2 in ('', "
           "e.name) and (cardinality($3::text[]) = 0 or e.name = any($3)) join furrow.token_usage "
           "u "
           "on u.equipment_id = e.id and u.time between $4 and $5 where f.name = $1 and $6 in ('', "
           "u.agent) and $7 in ('', u.model)) d group by d.day, d.agent, d.model) s "
           "where (s.start, s.agent collate \"C\", s.model collate \"C\") > ($9, $10, $11) "
           "order by s.start, s.agent collate \"C\", s.model collate \"C\" limit $12";
}

token_sums sums_of(const pq_rows& rows, std::size_t limit) {
  token_sums out;
  for (int i = 0; i < rows.size(); ++i) {
    const pq_row row{rows, i};
    if (out.rows.size() == limit) {
      const auto& last = out.rows.back();
      out.next = {last.start_us, last.agent, last.model};
      break;
    }
    out.rows.push_back({row.integer(0) + epoch_2000_us, row.text(1), row.text(2),
                        static_cast<std::uint64_t>(row.integer(3)), row.real(4), row.real(5),
                        row.null(6) ? std::nullopt : std::optional{row.real(6)}});
  }
  return out;
}

} // namespace

task<result<token_sums>> read_token_sums(pq_connection& db, token_sums_wish wish) {
  if (!wish.equipment.empty()) {
    const auto known = co_await find_equipment(db, wish.farm, wish.equipment);
    if (!known)
      co_return known.error();
  }
  auto zone = result<std::string>{std::string{"UTC"}};
  if (!wish.zone.empty())
    zone = co_await zone_of_farm(db, wish.farm, wish.zone);
  if (!zone)
    co_return zone.error();
  if (wish.by == sum_period::whole) // its start is 1970-01-01 of UTC
    zone = std::string{"UTC"};
  const auto limit = std::clamp<std::size_t>(wish.limit, 1, token_sums_max);
  const auto text = sums_text(wish.by);
  const auto after = wish.after.value_or(token_sums_cursor{});
  const auto reply = co_await db.query(
    text.c_str(),
    pq_parameters{}
      .text(wish.farm)
      .text(wish.equipment)
      .add(oid::text_array, text_array(wish.machines, std::identity{}))
      .timestamptz(from_bound(wish.from_us))
      .timestamptz(to_bound(wish.to_us))
      .text(wish.agent)
      .text(wish.model)
      .text(*zone)
      .timestamptz(from_bound(wish.after ? std::optional{after.start_us} : std::nullopt))
      .text(after.agent)
      .text(after.model)
      .int8(static_cast<std::int64_t>(limit) + 1));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return sums_of(pq_rows{reply.rows.get()}, limit);
}

} // namespace furrow::storage::postgres_work
