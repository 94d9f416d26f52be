#include "can/live/telemetry.hpp"

#include <algorithm>
#include <utility>

namespace furrow::can {

namespace {

constexpr std::size_t column_of(const live_quantity& of) {
  return static_cast<std::size_t>(of.kept.at);
}

constexpr const live_quantity& over_ground = quantity_named("ground_speed_mps");
constexpr std::size_t speed_column = column_of(over_ground);
constexpr std::size_t wheel_speed_column = column_of(quantity_named("wheel_speed_mps"));
constexpr std::size_t latitude_column = column_of(quantity_named("position.latitude_deg"));
constexpr std::size_t longitude_column = column_of(quantity_named("position.longitude_deg"));

struct plain_column {
  std::size_t column;
  std::optional<observed<double>> live_state::*member;
  double scale = 1;
  bool slow = false;
};

consteval plain_column plain(std::string_view key,
                             std::optional<observed<double>> live_state::*member,
                             bool slow = false) {
  const auto& of = quantity_named(key);
  return {column_of(of), member, of.kept.factor, slow};
}

/// The values that are kept unchanged. Position, ground speed and the inputs of the mode are handled
/// separately. The order determines the tags of stored state.
constexpr std::array<plain_column, 17> plain_columns{{
  plain("wheel_speed_mps", &live_state::wheel_speed_mps),
  plain("engine_speed_rpm", &live_state::engine_speed_rpm),
  plain("engine_load_pct", &live_state::engine_load_pct),
  plain("fuel_rate_lph", &live_state::fuel_rate_lph),
  plain("fuel_level_pct", &live_state::fuel_level_pct),
  plain("coolant_temperature_c", &live_state::coolant_temperature_c),
  plain("oil_pressure_kpa", &live_state::oil_pressure_kpa),
  plain("battery_v", &live_state::battery_v),
  plain("ambient_temperature_c", &live_state::ambient_temperature_c),
  plain("rear_pto_rpm", &live_state::rear_pto_rpm),
  plain("front_pto_rpm", &live_state::front_pto_rpm),
  plain("rear_hitch_pct", &live_state::rear_hitch_pct),
  plain("front_hitch_pct", &live_state::front_hitch_pct),
  plain("altitude_m", &live_state::altitude_m),
  plain("course_deg", &live_state::course_deg),
  plain("engine_hours_h", &live_state::engine_hours_h, true),
  plain("total_fuel_l", &live_state::total_fuel_l, true),
}};

/// Unsigned, because times come from outside and have any value.
bool within(std::int64_t a, std::int64_t b, std::int64_t most_us) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  return (a >= b ? x - y : y - x) <= static_cast<std::uint64_t>(most_us);
}

/// Calls `visit(tag, observed)` for every value that rows depend on. A tag is never reused.
template <class Live, class Visit>
void each_kept(Live& live, Visit visit) {
  std::uint8_t tag = 1;
  for (const auto& column : plain_columns)
    visit(tag++, live.*column.member);
  visit(std::uint8_t{64}, live.ground_speed_mps);
  visit(std::uint8_t{65}, live.selected_speed_mps);
  visit(std::uint8_t{66}, live.position);
  visit(std::uint8_t{67}, live.rear_hitch_in_work);
  visit(std::uint8_t{68}, live.front_hitch_in_work);
}

void put_value(state_writer& out, double value) {
  out.number(value);
}
void put_value(state_writer& out, bool value) {
  out.number(static_cast<double>(value));
}
void put_value(state_writer& out, const position& value) {
  out.number(value.latitude_deg);
  out.number(value.longitude_deg);
}
void take_value(state_reader& from, double& value) {
  value = from.number<double>();
}
void take_value(state_reader& from, bool& value) {
  value = from.number<double>() != 0;
}
void take_value(state_reader& from, position& value) {
  value.latitude_deg = from.number<double>();
  value.longitude_deg = from.number<double>();
}

/// Whether a kept value came in [begin, begin + period).
bool said_in(const live_state& live, std::int64_t begin_us, std::int64_t period_us) {
  bool said = false;
  each_kept(live, [&](std::uint8_t, const auto& one) {
    said = said || (one && one->time_us >= begin_us && one->time_us - begin_us < period_us);
  });
  return said;
}

telemetry_row row_of(const live_state& live,
                     std::int64_t second_us,
                     std::int64_t heard_us,
                     std::uint64_t seq,
                     const telemetry_settings& settings) {
  telemetry_row row;
  row.time_us = second_us;
  row.heard_us = heard_us;
  row.seq = seq;
  row.mode = live.mode_at(heard_us);
  for (const auto& [column, member, scale, slow] : plain_columns)
    if (const auto& one = live.*member;
        one && within(heard_us, one->time_us, slow ? settings.hold_slow_us : settings.hold_us))
      row.values[column] = one->value * scale;
  row.values[speed_column] = row.values[wheel_speed_column];
  if (const auto& one = live.ground_speed_mps;
      one && within(heard_us, one->time_us, settings.hold_us))
    row.values[speed_column] = one->value * over_ground.kept.factor;
  if (const auto& one = live.position; one && within(heard_us, one->time_us, settings.hold_us)) {
    row.values[latitude_column] = one->value.latitude_deg;
    row.values[longitude_column] = one->value.longitude_deg;
  }
  return row;
}

} // namespace

void telemetry_sampler::before(const live_state& live, std::int64_t time_us) {
  if (time_us >= second_us_ && time_us - second_us_ < settings_.period_us)
    return;
  close(live);
  const auto into = time_us % settings_.period_us;
  second_us_ = time_us - (into < 0 ? into + settings_.period_us : into);
}

void telemetry_sampler::close(const live_state& live) {
  // Said in this second and not lost again before its end: whatever comes in it has its time.
  if (seq_ != 0 && said_in(live, second_us_, settings_.period_us))
    rows_[second_us_] = row_of(live, second_us_, heard_us_, seq_, settings_);
  seq_ = 0;
}

std::vector<telemetry_row> telemetry_sampler::take(const live_state& live) {
  close(live);
  std::vector<telemetry_row> out;
  out.reserve(rows_.size());
  for (auto& [time, row] : std::exchange(rows_, {}))
    out.push_back(row);
  return out;
}

void save(const live_state& live, state_writer& out) {
  std::uint8_t count = 0;
  each_kept(live, [&](std::uint8_t, const auto& one) { count += one ? 1 : 0; });
  out.number(count);
  each_kept(live, [&](std::uint8_t tag, const auto& one) {
    if (!one)
      return;
    out.number(tag);
    out.number(one->time_us);
    out.number(one->pgn);
    put_value(out, one->value);
  });
}

void restore(live_state& live, state_reader& from) {
  const auto count = from.number<std::uint8_t>();
  for (unsigned i = 0; i < count && !from.failed(); ++i) {
    const auto tag = from.number<std::uint8_t>();
    const auto time_us = from.number<std::int64_t>();
    const auto pgn = from.number<std::uint32_t>();
    bool known = false;
    each_kept(live, [&](std::uint8_t of, auto& one) {
      if (of != tag)
        return;
      known = true;
      auto& into = one.emplace();
      into.time_us = time_us;
      into.pgn = pgn;
      take_value(from, into.value);
    });
    if (!known)
      from.fail();
  }
}

} // namespace furrow::can
