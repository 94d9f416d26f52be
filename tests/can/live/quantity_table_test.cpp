// The table of live quantities against the catalogue, the live view, telemetry, the SQL tables and the API's document.
#include "can/dbc/catalogue.hpp"
#include "can/dbc/decode.hpp"
#include "can/frame/identifier.hpp"
#include "can/live/quantity_table.hpp"
#include "can/live/telemetry.hpp"
#include "can/transport/transport.hpp"
#include "tests/support/data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using namespace furrow::can;

constexpr std::int64_t quantity_time_us = 1'700'000'000'000'000;

const dbc_file& quantity_catalogue() {
  static const auto file = parse_dbc(catalogue_dbc(), "catalogue", dbc_mode::strict);
  return *file;
}

const decode_plan& quantity_plan() {
  static const auto plan = [] {
    const dbc_file* files[] = {&quantity_catalogue()};
    return *decode_plan::compile(files);
  }();
  return plan;
}

const dbc_message* find_message(std::string_view name) {
  const auto& all = quantity_catalogue().messages;
  const auto at =
    std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.name == name; });
  return at == all.end() ? nullptr : &*at;
}

const dbc_signal& signal_of(const dbc_message& message, std::string_view name) {
  const auto at = std::find_if(message.signals.begin(), message.signals.end(),
                               [&](const auto& s) { return s.name == name; });
  REQUIRE_MESSAGE(at != message.signals.end(), message.name << '.' << name);
  return *at;
}

void put_raw(std::vector<std::uint8_t>& payload, const dbc_signal& signal, std::uint64_t raw) {
  REQUIRE(signal.order == byte_order::intel);
  for (std::uint32_t bit = 0; bit < signal.length; ++bit) {
    auto& byte = payload.at((signal.start + bit) / 8);
    const auto mask = 1U << ((signal.start + bit) % 8);
    byte = static_cast<std::uint8_t>((raw >> bit & 1U) != 0 ? byte | mask : byte & ~mask);
  }
}

/// Fields that the live view reads beside a value: position of a sensor, reference of an angle, half of a position.
const std::map<std::string_view, std::map<std::string_view, std::uint64_t>> beside{
  {"N2K_HEADING", {{"heading_reference", 0}}},
  {"N2K_COG_SOG", {{"course_reference", 0}}},
  {"N2K_TEMPERATURE", {{"temperature_source", 1}}},
  {"N2K_TEMPERATURE_EXTENDED", {{"extended_temperature_source", 1}}},
  {"N2K_HUMIDITY", {{"humidity_source", 1}}},
  {"N2K_ACTUAL_PRESSURE", {{"actual_pressure_source", 0}}},
  {"N2K_ENVIRONMENT", {{"environment_temperature_source", 1}, {"environment_humidity_source", 1}}},
  {"N2K_POSITION", {{"position_latitude", 415'000'000}, {"position_longitude", 23'000'000}}},
  {"N2K_GNSS_POSITION",
   {{"gnss_latitude", 415'000'000'000'000'000},
    {"gnss_longitude", 23'000'000'000'000'000},
    {"gnss_method", 4}}},
  {"VP1", {{"latitude", 2'515'000'000}, {"longitude", 2'123'000'000}}},
};

/// A message with only this signal and the fields that it needs; every other field is "not available".
std::vector<std::uint8_t>
message_with(const dbc_message& message, const dbc_signal& signal, std::uint64_t raw) {
  std::vector<std::uint8_t> payload(message.length, 0xFF);
  if (const auto at = beside.find(message.name); at != beside.end())
    for (const auto& [name, value] : at->second)
      put_raw(payload, signal_of(message, name), value);
  put_raw(payload, signal, raw);
  return payload;
}

using values_by_key = std::map<std::string, double>;

void add_value(values_by_key& out, const std::string& key, double value) {
  out[key] = value;
}
void add_value(values_by_key& out, const std::string& key, bool value) {
  out[key] = value ? 1 : 0;
}
void add_value(values_by_key& out, const std::string& key, travel_direction value) {
  out[key] = value == travel_direction::forward ? 1 : 0;
}
void add_value(values_by_key& out, const std::string& key, const position& value) {
  out[key + ".latitude_deg"] = value.latitude_deg;
  out[key + ".longitude_deg"] = value.longitude_deg;
}
void add_value(values_by_key& out, const std::string& key, const gnss_fix& value) {
  out[key + ".method"] = value.method;
  if (value.satellites)
    out[key + ".satellites"] = *value.satellites;
  if (value.hdop)
    out[key + ".hdop"] = *value.hdop;
}

values_by_key shown_by(const live_state& state) {
  values_by_key out;
  for_each_quantity(state, [&](const char* key, const char*, const auto& seen) {
    if (seen)
      add_value(out, key, seen->value);
  });
  return out;
}

/// Raw values over the range of a signal, some of them on Earth.
std::vector<std::uint64_t> raws_of(const dbc_signal& signal, std::string_view unit) {
  const bool is_angle = unit == "deg" && signal.scale < 1e-6;
  const double low = is_angle ? -89 : signal.min.value_or(0);
  const double high = is_angle ? 89 : signal.max.value_or(1);
  std::vector<std::uint64_t> out;
  for (const double part : {0.0, 0.2, 0.6, 0.9}) {
    const auto raw = std::llround((low + (high - low) * part - signal.offset) / signal.scale);
    out.push_back(static_cast<std::uint64_t>(raw));
  }
  return out;
}

/// The display unit of a signal, and the factor and offset of its values.
struct converted {
  std::string_view unit;
  double factor = 1;
  double offset = 0;
};
const std::map<std::pair<std::string_view, std::string_view>, converted> conversions{
  {{"km/h", "m/s"}, {"m/s", 1 / 3.6}},
  {{"rad", "deg"}, {"deg", 180 / M_PI}},
  {{"rad/s", "deg/s"}, {"deg/s", 180 / M_PI}},
  {{"K", "°C"}, {"°C", 1, -273.15}},
  {{"degC", "°C"}, {"°C"}},
  {{"Pa", "kPa"}, {"kPa", 1e-3}},
  {{"m", "km"}, {"km", 1e-3}},
};

void check_signal(const live_quantity& of, const catalogue_signal& from) {
  CAPTURE(std::string{of.key});
  CAPTURE(std::string{from.signal});
  const auto* message = find_message(from.message);
  REQUIRE(message != nullptr);
  const auto& signal = signal_of(*message, from.signal);
  if (signal.unit == of.unit) {
    CHECK(from.factor == 1);
    CHECK(from.offset == 0);
  } else {
    const auto at = conversions.find({signal.unit, of.unit});
    REQUIRE_MESSAGE(at != conversions.end(), signal.unit << " to " << of.unit);
    CHECK(from.factor == doctest::Approx(at->second.factor).epsilon(1e-12));
    CHECK(from.offset == at->second.offset);
  }
  const auto& plan = quantity_plan();
  std::vector<decoded_signal> decoded(plan.signals_max());
  for (const auto raw : raws_of(signal, of.unit)) {
    const auto payload = message_with(*message, signal, raw);
    const auto pgn = pgn_of(message->id);
    const auto* known = plan.find_pgn(pgn, 7);
    REQUIRE(known != nullptr);
    REQUIRE(known->name == message->name);
    const auto count = plan.decode(*known, payload, decoded);
    const auto one =
      std::find_if(decoded.begin(), decoded.begin() + static_cast<std::ptrdiff_t>(count),
                   [&](const auto& d) { return plan.signal_of(d).name == signal.name; });
    REQUIRE(one != decoded.begin() + static_cast<std::ptrdiff_t>(count));
    REQUIRE(one->state == signal_state::value);
    const auto wanted = one->physical * from.factor + from.offset;

    live_state state;
    telemetry_sampler sampler{{}};
    sampler.before(state, quantity_time_us);
    state.update(assembled_message{
      .time_us = quantity_time_us, .source = 7, .destination = 255, .pgn = pgn, .data = payload});
    sampler.after(quantity_time_us, 1);
    const auto shown = shown_by(state);
    REQUIRE(shown.contains(std::string{of.key}));
    CHECK(shown.at(std::string{of.key}) == doctest::Approx(wanted).epsilon(1e-9));
    if (of.kept.at >= 0) {
      const auto rows = sampler.take(state);
      REQUIRE(rows.size() == 1);
      const auto& kept = rows[0].values.at(static_cast<std::size_t>(of.kept.at));
      REQUIRE(kept);
      CHECK(*kept == doctest::Approx(wanted * of.kept.factor).epsilon(1e-9));
    }
  }
}

std::string source_text(const std::string& path) {
  return furrow::tests::read_file(std::filesystem::path{FURROW_SOURCE_DIR} / path);
}

/// The columns of `create table NAME`, in the order of the file.
std::vector<std::string> columns_of(const std::string& sql, const std::string& name) {
  const auto begin = sql.find("create table " + name + " (\n");
  REQUIRE(begin != std::string::npos);
  std::istringstream lines{sql.substr(begin, sql.find("\n)", begin) - begin)};
  std::vector<std::string> out;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const auto first = line.find_first_not_of(' ');
    const auto word = line.substr(first, line.find(' ', first) - first);
    if (word != "primary")
      out.push_back(word);
  }
  return out;
}

using names = std::vector<std::string>;

/// `head`, followed by the names of the kept columns in their order.
names kept_names(names head, std::string_view kept_column::*what) {
  names out(telemetry_columns.size());
  for (const auto& one : live_quantities)
    if (one.kept.at >= 0)
      out.at(static_cast<std::size_t>(one.kept.at)) = one.kept.*what;
  head.insert(head.end(), out.begin(), out.end());
  return head;
}

} // namespace

TEST_CASE("quantity table: the catalogue and the live view read each quantity from the same frame "
          "as the same value") {
  std::size_t signals = 0;
  for (const auto& one : live_quantities)
    for (const auto& from : one.signals)
      if (!from.message.empty()) {
        check_signal(one, from);
        ++signals;
      }
  CHECK(signals == 58);
}

TEST_CASE("quantity table: each message that the live view reads is in the table, or not in the "
          "catalogue") {
  std::set<std::uint32_t> told;
  for (const auto& one : live_quantities)
    for (const auto& from : one.signals)
      if (!from.message.empty())
        told.insert(pgn_of(find_message(from.message)->id));
  std::set<std::uint32_t> without;
  for (const auto pgn : live_pgns)
    if (!told.contains(pgn)) {
      CHECK_MESSAGE(quantity_plan().find_pgn(pgn, 7) == nullptr, pgn);
      without.insert(pgn);
    }
  CHECK(without == std::set<std::uint32_t>{65128, 65270, 127488, 127505});
  for (const auto pgn : told)
    CHECK(std::count(live_pgns.begin(), live_pgns.end(), pgn) == 1);
}

TEST_CASE("quantity table: keys are unique and end in their units") {
  const std::map<std::string_view, std::string_view> endings{
    {"rpm", "_rpm"}, {"%", "_pct"},   {"m/s", "_mps"},   {"L/h", "_lph"},     {"L", "_l"},
    {"h", "_h"},     {"m", "_m"},     {"km", "_km"},     {"°C", "_c"},        {"kPa", "_kpa"},
    {"V", "_v"},     {"deg", "_deg"}, {"deg/s", "_dps"}, {"1/km", "_per_km"}, {"km/h", "_kmh"}};
  std::set<std::string_view> keys;
  for (const auto& one : live_quantities) {
    CHECK_MESSAGE(keys.insert(one.key).second, one.key);
    if (!one.unit.empty() && one.key != "position")
      CHECK_MESSAGE(one.key.ends_with(endings.at(one.unit)), one.key);
    if (one.kept.at >= 0)
      CHECK_MESSAGE(one.kept.key.ends_with(endings.at(one.kept_unit())), one.kept.key);
  }
}

TEST_CASE(
  "quantity table: telemetry has its columns in the order and with the units of the SQL tables") {
  const auto postgres = source_text("storage/migrations/0003_digest.sql");
  const auto sqlite = source_text("storage/migrations/sqlite/0003_digest.sql");
  CHECK(columns_of(postgres, "furrow.telemetry")
        == kept_names({"equipment_id", "stream", "time", "seq", "mode"}, &kept_column::name));
  CHECK(columns_of(sqlite, "telemetry")
        == kept_names({"equipment_id", "time", "stream", "seq", "mode"}, &kept_column::name));
  CHECK(
    columns_of(sqlite, "equipment_state")
    == kept_names({"equipment_id", "time", "heard", "stream", "seq", "mode"}, &kept_column::name));
  const std::map<std::string_view, std::string> in_comments{
    {"°C", "degrees Celsius"}, {"deg", "degrees"}, {"L", "l"}, {"L/h", "l/h"}};
  for (std::size_t i = 0; i < telemetry_columns.size(); ++i) {
    const auto& column = telemetry_columns[i];
    CHECK(column.name == kept_names({}, &kept_column::name)[i]);
    CHECK(column.key == kept_names({}, &kept_column::key)[i]);
    const auto unit =
      in_comments.contains(column.unit) ? in_comments.at(column.unit) : std::string{column.unit};
    const auto comment =
      "comment on column furrow.telemetry." + std::string{column.name} + " is '" + unit;
    CHECK_MESSAGE((postgres.find(comment + '\'') != std::string::npos
                   || postgres.find(comment + ' ') != std::string::npos
                   || postgres.find(comment + ',') != std::string::npos),
                  comment);
  }
}

TEST_CASE("quantity table: the API's document has the same names") {
  auto schemas = nlohmann::json::object();
  for (const auto* part : {"equipment", "history"})
    schemas.update(
      nlohmann::json::parse(source_text("tools/furrowd/api/openapi/" + std::string{part} + ".json"))
        .at("components")
        .at("schemas"));
  CHECK(schemas["telemetry"]["required"].get<names>()
        == kept_names({"time", "mode"}, &kept_column::key));
  names live{"mode"};
  for (const auto& one : live_quantities)
    if (one.key.find('.') == std::string_view::npos)
      live.emplace_back(one.key);
  bool found = false;
  for (const auto& [name, schema] : schemas.items()) {
    if (!schema.contains("required") || schema["required"].empty()
        || schema["required"][0] != "mode")
      continue;
    found = true;
    CHECK(schema["required"].get<names>() == live);
    CHECK(schema["properties"].size() == live.size());
    for (const auto& key : live)
      CHECK_MESSAGE(schema["properties"].contains(key), key);
  }
  CHECK(found);
}
