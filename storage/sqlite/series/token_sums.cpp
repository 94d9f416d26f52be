#include "storage/sqlite/series/token_sums.hpp"

#include "can/text/civil_time.hpp"
#include "storage/sqlite/series/zones.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr std::chrono::seconds sums_limit{5};
constexpr std::uint64_t rows_between_looks = 1'024; // at the clock

/// Whole tokens and fractions apart: their sum loses no token.
struct amounts {
  std::uint64_t records = 0;
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  double prompt_fraction = 0;
  double completion_fraction = 0;
  std::optional<double> cost_usd;

  void add(const sqlite_statement& row) {
    ++records;
    prompt += row.integer(3);
    prompt_fraction += row.real(4);
    completion += row.integer(5);
    completion_fraction += row.real(6);
    if (!row.null(7))
      cost_usd = cost_usd.value_or(0) + row.real(7);
  }
};

/// Keeps the first rows of a page: what comes after them is dropped when it is full.
class sums_gatherer {
public:
  using key = std::tuple<std::int64_t, std::string, std::string>;

  explicit sums_gatherer(const token_sums_wish& wish)
    : limit_{std::clamp<std::size_t>(wish.limit, 1, token_sums_max)} {
    if (wish.after)
      after_ = key{wish.after->start_us, wish.after->agent, wish.after->model};
  }

  void add(key of, const sqlite_statement& row) {
    if ((after_ && of <= *after_) || (sums_.size() > limit_ && of > std::prev(sums_.end())->first))
      return;
    sums_[std::move(of)].add(row);
    if (sums_.size() > limit_ + 1)
      sums_.erase(std::prev(sums_.end()));
  }

  [[nodiscard]] token_sums take() const {
    token_sums out;
    for (const auto& [of, sum] : sums_) {
      const auto& [start, agent, model] = of;
      if (out.rows.size() == limit_) {
        const auto& last = out.rows.back();
        out.next = {last.start_us, last.agent, last.model};
        break;
      }
      out.rows.push_back(
        {start, agent, model, sum.records, static_cast<double>(sum.prompt) + sum.prompt_fraction,
         static_cast<double>(sum.completion) + sum.completion_fraction, sum.cost_usd});
    }
    return out;
  }

private:
  const std::size_t limit_;
  std::optional<key> after_;
  std::map<key, amounts> sums_; // one more than the limit: whether there is a next page
};

std::int64_t start_of(sum_period by, const time_zone& zone, std::int64_t time_us) {
  if (by == sum_period::whole)
    return 0;
  const auto day = zone.day_of(time_us);
  if (by == sum_period::day)
    return zone.start_us(day);
  auto date = can::date_of(day);
  date.day = 1;
  return zone.start_us(can::days_of(date));
}

} // namespace

result<token_sums> read_token_sums(sqlite_db& db, const token_sums_wish& wish) {
  if (!wish.equipment.empty())
    if (const auto known = find_equipment(db, wish.farm, wish.equipment); !known)
      return known.error();
  time_zone zone;
  if (!wish.zone.empty()) {
    auto found = zone_of_farm(db, wish.farm, wish.zone);
    if (!found)
      return found.error();
    zone = std::move(*found);
  }
  auto rows = db.statement(
    "select u.agent, u.model, u.time, u.prompt_tokens, u.prompt_tokens_fraction, "
    "u.completion_tokens, u.completion_tokens_fraction, u.cost_usd, e.name from farm f "
    "join equipment e on e.farm_id = f.id and ?2 in ('', e.name) "
    "join token_usage u on u.equipment_id = e.id and u.time between ?3 and ?4 "
    "where f.name = ?1 and ?5 in ('', u.agent) and ?6 in ('', u.model)");
  rows.with(wish.farm, wish.equipment, wish.from_us, wish.to_us, wish.agent, wish.model);
  sums_gatherer gathered{wish};
  const auto begun = std::chrono::steady_clock::now();
  for (std::uint64_t read = 1; rows.step(); ++read) {
    if (read % rows_between_looks == 0 && std::chrono::steady_clock::now() - begun > sums_limit)
      return failure{errc::retry_later, "too many records for one answer: ask for a shorter time"};
    if (!wish.machines.empty()
        && std::find(wish.machines.begin(), wish.machines.end(), rows.bytes(8))
             == wish.machines.end())
      continue;
    gathered.add({start_of(wish.by, zone, rows.integer(2)), std::string{rows.bytes(0)},
                  std::string{rows.bytes(1)}},
                 rows);
  }
  return gathered.take();
}

} // namespace furrow::storage::sqlite_work
