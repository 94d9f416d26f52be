#include "tests/storage/suite/telemetry_bed.hpp"

#include "can/live/telemetry.hpp"
#include "storage/series/series.hpp"
#include "tests/storage/suite/record_bed.hpp"

#include <cmath>

namespace furrow::tests {

void fill_telemetry(store_bed& bed, const std::string& farm, std::int64_t from_us, int seconds) {
  const auto machine =
    "(select e.id from equipment e join farm f on f.id = e.farm_id where f.name = '" + farm + "')";
  const auto columns = "insert into telemetry (equipment_id, stream, time, seq, mode, speed) ";
  const auto from = std::to_string(from_us);
  const auto last = std::to_string(seconds - 1);
  if (is_postgres(bed))
    bed.tamper(columns + ("select " + machine + ", 1, to_timestamp(" + from + " / 1e6) + i * ")
               + "interval '1 second', i, 'moving', i from generate_series(0, " + last + ") i");
  else
    bed.tamper("with recursive s(i) as (select 0 union all select i + 1 from s where i < " + last
               + ") " + columns + "select " + machine + ", 1, " + from
               + " + i * 1000000, i, 'moving', i from s");
}

std::vector<std::string> telemetry_lines(storage::store& store,
                                         const std::string& farm,
                                         std::int64_t from_us,
                                         std::int64_t to_us,
                                         std::int64_t every_us) {
  storage::telemetry_wish wish;
  wish.farm = farm;
  wish.equipment = "T1";
  wish.from_us = from_us;
  wish.to_us = to_us;
  wish.every_us = every_us;
  wish.mode = true;
  for (std::size_t i = 0; i < can::telemetry_columns.size(); ++i)
    if (can::telemetry_columns.at(i).name == "speed")
      wish.columns = {i};
  std::vector<std::string> out;
  do {
    const auto page = must(answer_of<storage::telemetry_series>(
      [&](auto done) { series_of(store)->read_telemetry_series(wish, done); }));
    for (std::size_t i = 0; i < page.time_us.size(); ++i)
      out.push_back(std::to_string(page.time_us[i]) + " "
                    + std::to_string(std::lround(page.columns.at(0)[i])) + " " + page.modes[i]);
    wish.after_us = page.next_us;
  } while (wish.after_us);
  return out;
}

} // namespace furrow::tests
