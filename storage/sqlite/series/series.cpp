#include "storage/sqlite/series/series.hpp"

#include "can/dbc/catalogue.hpp"
#include "can/live/rollup.hpp"
#include "can/live/signal_values.hpp"
#include "can/live/telemetry.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/series/token_sums.hpp"
#include "storage/sqlite/series/zones.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr double no_value = std::numeric_limits<double>::quiet_NaN();
/// Longer ranges are not looked through for single values.
constexpr std::int64_t raw_range_us = std::int64_t{48} * 3'600'000'000;
/// One thread reads for everybody, so that a long look through frames gives up.
constexpr std::chrono::seconds look_limit{5};

const std::string& series_select() {
  static const auto text = [] {
    std::string columns;
    for (const auto& column : can::telemetry_columns)
      columns += ", " + std::string{column.name};
    return "select time, mode" + columns
           + " from telemetry_all where equipment_id = ?1 and time >= ?2 and time <= ?3 order by "
             "time";
  }();
  return text;
}

void take_row(const sqlite_statement& row, const telemetry_wish& wish, telemetry_series& out) {
  out.time_us.push_back(row.integer(0));
  if (wish.mode)
    out.modes.emplace_back(row.bytes(1));
  for (std::size_t i = 0; i < wish.columns.size(); ++i) {
    const auto at = static_cast<int>(wish.columns[i]) + 2;
    out.columns[i].push_back(row.null(at) ? no_value : row.real(at));
  }
}

/// Nothing: intervals are counted by UTC.
result<std::optional<time_zone>>
zone_of_wish(sqlite_db& db, std::int64_t equipment, const std::string& wanted) {
  if (wanted.empty())
    return std::optional<time_zone>{};
  auto zone = zone_for(db, equipment, wanted);
  if (!zone)
    return zone.error();
  return std::optional{std::move(*zone)};
}

result<telemetry_series> read_telemetry_series(sqlite_db& db, const telemetry_wish& wish) {
  telemetry_series out;
  out.columns.resize(wish.columns.size());
  const auto equipment = find_equipment(db, wish.farm, wish.equipment);
  if (!equipment)
    return equipment.error();
  const auto zone = zone_of_wish(db, *equipment, wish.zone);
  if (!zone)
    return zone.error();
  auto from = std::max(wish.from_us, wish.after_us ? *wish.after_us + 1 : wish.from_us);
  const auto& text = series_select();
  for (;;) { // once an interval: the index finds its first row
    auto rows = db.statement(text.c_str());
    rows.with(*equipment, from, wish.to_us);
    bool more = rows.step();
    while (more && wish.every_us == 0 && out.time_us.size() < wish.rows_max) {
      take_row(rows, wish, out);
      more = rows.step();
    }
    if (!more)
      return out;
    if (out.time_us.size() == wish.rows_max) {
      out.next_us = wish.every_us == 0 ? out.time_us.back() : from - 1;
      return out;
    }
    take_row(rows, wish, out);
    const auto next = *zone ? (*zone)->start_us((*zone)->day_of(out.time_us.back()) + 1)
                            : bucket_start(out.time_us.back(), wish.every_us) + wish.every_us;
    // A clock that is set back over midnight gives a day that begins before this row.
    from = std::max(next, out.time_us.back() + 1);
  }
}

/// Buckets of one length, or local days.
class bucket_row {
public:
  bucket_row(const signal_wish& wish, std::int64_t length_us, const std::optional<time_zone>& zone)
    : length_us_{length_us}, first_us_{bucket_start(wish.from_us, length_us)},
      count_{static_cast<std::size_t>((wish.to_us - first_us_) / length_us) + 1} {
    if (!zone)
      return;
    const auto first = zone->day_of(wish.from_us);
    for (auto day = first; day <= zone->day_of(wish.to_us); ++day)
      days_.push_back(zone->start_us(day));
    first_us_ = days_.front();
    count_ = days_.size();
  }

  [[nodiscard]] std::int64_t first_us() const { return first_us_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t place_of(std::int64_t time_us) const {
    if (days_.empty())
      return static_cast<std::size_t>((time_us - first_us_) / length_us_);
    return static_cast<std::size_t>(std::upper_bound(days_.begin(), days_.end(), time_us)
                                    - days_.begin())
           - 1;
  }
  [[nodiscard]] std::int64_t start_us(std::size_t place) const {
    return days_.empty() ? first_us_ + static_cast<std::int64_t>(place) * length_us_ : days_[place];
  }

private:
  std::int64_t length_us_;
  std::int64_t first_us_;
  std::size_t count_;
  std::vector<std::int64_t> days_; // their starts
};

/// Gathers values, and with them the buckets in case that there are too many.
class series_gatherer {
public:
  series_gatherer(const signal_wish& wish,
                  std::int64_t bucket_us,
                  const std::optional<time_zone>& zone)
    : wish_{wish}, bucket_us_{bucket_us}, row_{wish, bucket_us, zone}, buckets_(row_.count()) {}

  void add(std::int64_t time_us, double value, const std::optional<can::whole_number>& whole) {
    if (values_.size() <= wish_.points)
      values_.push_back({time_us, value, whole});
    merge({time_us, 1, value, value, value, value, time_us});
  }
  /// Of a whole minute; then there are no single values.
  void add_minute(const can::rollup_row& row) {
    rolled_ = true;
    merge({row.minute_us, row.count, row.min, row.max, row.sum, row.last, row.last_time_us});
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

  [[nodiscard]] signal_series take() {
    signal_series out;
    if (!rolled_ && count_ <= wish_.points && count_ > 0) {
      std::stable_sort(values_.begin(), values_.end(),
                       [](const auto& a, const auto& b) { return a.time_us < b.time_us; });
      for (const auto& one : values_) {
        if (one.whole)
          out.whole.emplace_back(out.last.size(), *one.whole);
        out.time_us.push_back(one.time_us);
        out.last.push_back(one.number);
      }
      return out;
    }
    out.bucket_us = bucket_us_;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      const auto& one = buckets_[i];
      if (one.count == 0)
        continue;
      out.time_us.push_back(row_.start_us(i));
      out.count.push_back(one.count);
      out.min.push_back(one.min);
      out.max.push_back(one.max);
      out.mean.push_back(one.sum / static_cast<double>(one.count));
      out.last.push_back(one.last);
    }
    return out;
  }

private:
  struct single_value {
    std::int64_t time_us = 0;
    double number = 0;
    std::optional<can::whole_number> whole; // if the number lacks digits of it
  };
  struct part {
    std::int64_t time_us = 0;
    std::uint64_t count = 0;
    double min = 0;
    double max = 0;
    double sum = 0;
    double last = 0;
    std::int64_t last_us = 0;
  };

  void merge(const part& more) {
    if (more.time_us < row_.first_us() || more.time_us > wish_.to_us)
      return;
    count_ += more.count;
    auto& to = buckets_[row_.place_of(more.time_us)];
    if (to.count == 0) {
      to = more;
      return;
    }
    to.count += more.count;
    to.min = std::min(to.min, more.min);
    to.max = std::max(to.max, more.max);
    to.sum += more.sum;
    if (std::pair{more.last_us, more.last} > std::pair{to.last_us, to.last})
      std::tie(to.last_us, to.last) = std::tie(more.last_us, more.last);
  }

  const signal_wish& wish_;
  std::int64_t bucket_us_;
  bucket_row row_;
  std::vector<part> buckets_;
  std::vector<single_value> values_;
  std::uint64_t count_ = 0;
  bool rolled_ = false;
};

using shared_plan = std::shared_ptr<const can::decode_plan>;

shared_plan plan_of(const std::vector<can::dbc_file>& files) {
  std::vector<const can::dbc_file*> pointers;
  pointers.reserve(files.size());
  for (const auto& one : files)
    pointers.push_back(&one);
  auto plan = can::decode_plan::compile(pointers);
  return plan ? std::make_shared<const can::decode_plan>(std::move(*plan)) : nullptr;
}

const shared_plan& catalogue_plan() {
  static const auto plan = [] {
    std::vector<can::dbc_file> files;
    if (auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict))
      files.push_back(std::move(*file));
    return plan_of(files);
  }();
  return plan;
}

/// The active files for a machine, the closest first.
std::vector<can::dbc_file> own_files(sqlite_db& db, std::int64_t equipment) {
  auto rows = db.statement(
    "select d.name, d.encoding, d.content from dbc d where d.version is not null and "
    "(d.equipment_id = ?1 or (d.equipment_id is null and (d.farm_id is null or d.farm_id = "
    "(select farm_id from equipment where id = ?1)))) "
    "order by d.equipment_id is null, d.farm_id is null, d.id desc");
  rows.with(equipment);
  std::vector<can::dbc_file> out;
  while (rows.step()) {
    stored_dbc stored;
    stored.name = rows.bytes(0);
    stored.encoding = static_cast<can::dbc_encoding>(rows.integer(1));
    stored.content = rows.bytes(2);
    if (auto file = parse_stored(stored))
      out.push_back(std::move(*file));
  }
  return out;
}

std::optional<can::signal_values>
values_of(sqlite_db& db, std::int64_t equipment, const std::string& signal) {
  if (const auto process = can::parse_process_wish(signal))
    return can::signal_values{*process};
  shared_plan own;
  if (const auto files = own_files(db, equipment); !files.empty())
    own = plan_of(files);
  for (const auto& plan : {own, catalogue_plan()})
    if (plan)
      if (const auto found = can::find_signal(*plan, signal))
        return can::signal_values{plan, *found};
  return std::nullopt;
}

class signal_look {
public:
  signal_look(sqlite_db& db,
              std::int64_t equipment,
              const signal_wish& wish,
              std::optional<time_zone> zone)
    : db_{db}, equipment_{equipment}, wish_{wish}, zone_{std::move(zone)},
      decoder_{values_of(db, equipment, wish.signal)} {
    auto found = db.statement("select id from signal_name where name = ?");
    found.with(wish.signal);
    if (found.step())
      rollup_ = found.integer(0);
  }

  result<signal_series> run() {
    if (!decoder_ && !rollup_)
      return failure{errc::not_found, "no signal " + wish_.signal};
    const auto bucket = bucket_length(wish_);
    const bool wide = bucket % minute_us == 0;
    series_gatherer narrow{wish_, bucket, zone_};
    if (!wide || !rollup_) {
      if (!frames(wish_.from_us, wish_.to_us, narrow))
        return too_long();
      if (narrow.count() > 0 || !rollup_)
        return narrow.take();
    }
    series_gatherer all{wish_, std::max(bucket / minute_us * minute_us, minute_us), zone_};
    if (!minutes(all, wide))
      return too_long();
    if (wide && decoder_ && all.count() > 0 && all.count() <= wish_.points
        && wish_.to_us - wish_.from_us <= raw_range_us) {
      if (!frames(wish_.from_us, wish_.to_us, narrow))
        return too_long();
      if (narrow.count() >= all.count())
        return narrow.take();
    }
    return all.take();
  }

private:
  static failure too_long() {
    return {errc::retry_later, "the frames of this time are too many: ask for a shorter time, or "
                               "for fewer points so that rollups give them"};
  }

  /// False: it took too long. `exact`: the ends of the range and what the digest has not seen come from frames.
  bool minutes(series_gatherer& out, bool exact) {
    auto low = bucket_start(wish_.from_us, minute_us);
    auto high = bucket_start(wish_.to_us, minute_us) + minute_us;
    if (exact && decoder_) {
      low = bucket_start(wish_.from_us + minute_us - 1, minute_us);
      high = std::min(bucket_start(wish_.to_us + 1, minute_us), unseen(low, high));
      if (high <= low)
        return frames(wish_.from_us, wish_.to_us, out);
      if (!frames(wish_.from_us, low - 1, out) || !frames(high, wish_.to_us, out))
        return false;
    }
    auto rows = db_.statement("select minute, count, min, max, sum, last, last_time from rollup "
                              "where equipment_id = ?1 and signal = ?2 and minute >= ?3 and "
                              "minute < ?4 order by minute");
    rows.with(equipment_, *rollup_, low, high);
    while (rows.step())
      out.add_minute({0, rows.integer(0), rows.natural(1), rows.real(2), rows.real(3), rows.real(4),
                      rows.real(5), rows.integer(6)});
    return true;
  }

  /// The minute of the earliest frames that the digest has not seen, or `high`.
  std::int64_t unseen(std::int64_t low, std::int64_t high) {
    auto rows = db_.statement(
      "select min(b.time_first) from stream s left join digest d on d.stream = s.id "
      "join can_block b on b.stream = s.id and b.seq_first >= ifnull((select max(p.seq_first) from "
      "can_block p where p.stream = s.id and p.seq_first <= ifnull(d.seq, 0)), 0) "
      "and b.seq_first + b.frames - 1 > ifnull(d.seq, 0) "
      "where s.equipment_id = ?1 and b.time_last >= ?2 and b.time_first < ?3");
    rows.with(equipment_, low, high);
    return rows.step() && !rows.null(0) ? bucket_start(rows.integer(0), minute_us) : high;
  }

  bool frames(std::int64_t from_us, std::int64_t to_us, series_gatherer& out) {
    constexpr std::int64_t block_span_us = 72 * minute_us;
    if (!decoder_ || to_us < from_us)
      return true;
    const can::signal_values::sink sink = [&](std::int64_t time_us, double value,
                                              const std::optional<can::whole_number>& whole) {
      if (time_us >= from_us && time_us <= to_us)
        out.add(time_us, value, whole);
    };
    std::map<std::int64_t, can::signal_values> streams; // messages of several frames: each its own
    auto rows = db_.statement(
      "select seq_first, frames, time_base, headers, header_index, time_offset, payload, "
      "long_payload, stream from can_block where equipment_id = ?1 and time_first >= ?2 and "
      "time_first <= ?3 and time_last >= ?4 order by time_first");
    const auto first = from_us - decoder_->look_back_us();
    rows.with(equipment_, first - block_span_us, to_us, first);
    frame_run run;
    while (rows.step()) {
      if (clock::now() - begun_ > look_limit)
        return false;
      if (!read_headers(rows) || !decoder_->wants(headers_) || !read_block(rows, run))
        continue;
      auto at = streams.try_emplace(rows.integer(8), *decoder_).first;
      at->second.take(run.block, sink);
    }
    return true;
  }

  bool read_headers(const sqlite_statement& row) {
    const auto bytes = row.bytes(3);
    headers_.resize(bytes.size() / sizeof(std::uint64_t));
    if (headers_.empty())
      return false;
    std::memcpy(headers_.data(), bytes.data(), headers_.size() * sizeof(std::uint64_t));
    return true;
  }

  using clock = std::chrono::steady_clock;

  sqlite_db& db_;
  const std::int64_t equipment_;
  const signal_wish& wish_;
  const std::optional<time_zone> zone_;             // of buckets that are local days
  const std::optional<can::signal_values> decoder_; // none: no definition is known
  std::optional<std::int64_t> rollup_;              // the number of its rollups
  std::vector<std::uint64_t> headers_;
  const clock::time_point begun_ = clock::now();
};

result<signal_series> read_signal_series(sqlite_db& db, const signal_wish& wish) {
  const auto equipment = find_equipment(db, wish.farm, wish.equipment);
  if (!equipment)
    return equipment.error();
  auto zone = zone_of_wish(db, *equipment, wish.zone);
  if (!zone)
    return zone.error();
  return signal_look{db, *equipment, wish, std::move(*zone)}.run();
}

/// Reads on the reading connection.
class sqlite_series : public series_store {
public:
  explicit sqlite_series(sqlite_connections db) : reader_{std::move(db.reader)} {}

  void read_telemetry_series(telemetry_wish wish, handler<telemetry_series> done) override {
    reader_->submit(std::move(done), [wish = std::move(wish)](sqlite_db& db) {
      return sqlite_work::read_telemetry_series(db, wish);
    });
  }
  void read_signal_series(signal_wish wish, handler<signal_series> done) override {
    reader_->submit(std::move(done), [wish = std::move(wish)](sqlite_db& db) {
      return sqlite_work::read_signal_series(db, wish);
    });
  }
  void read_token_sums(token_sums_wish wish, handler<token_sums> done) override {
    reader_->submit(std::move(done), [wish = std::move(wish)](sqlite_db& db) {
      return sqlite_work::read_token_sums(db, wish);
    });
  }

private:
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<series_store> make_series(sqlite_connections db) {
  return std::make_unique<sqlite_series>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
