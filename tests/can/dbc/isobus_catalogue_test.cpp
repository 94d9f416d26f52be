// What receivers understood of messages that the live state does not show, by way of DBC files: the
// shipped isobus_catalogue, and one of the user's. How each row is judged: data/MANIFEST.md.
#include "can/dbc/catalogue.hpp"
#include "can/dbc/decode.hpp"
#include "can/dbc/file.hpp"
#include "can/transport/transport.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/jsonl.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

namespace {

using namespace furrow::can;
using nlohmann::json;

using signals = std::map<std::string, decoded_signal>;

decode_plan plan_of(const dbc_file& file) {
  const auto* pointer = &file;
  auto plan = decode_plan::compile(std::span{&pointer, 1});
  REQUIRE(plan);
  return std::move(*plan);
}

/// Calls `each(signals, row)` with the n-th message of the PGN and source of the rows, and the n-th
/// row.
template <class F>
void for_each_decoded(const decode_plan& plan, const std::string& kind, std::size_t count, F each) {
  const auto log = furrow::tests::data_file("isobus/agisostack-1.candump.log");
  const auto truth = furrow::tests::data_file("isobus/agisostack-1.truth.jsonl.gz");
  if (!log || !truth)
    return;
  std::vector<json> rows;
  furrow::tests::for_each_json_line(*truth, [&](const json& row) {
    if (row["kind"] == kind)
      rows.push_back(row);
  });
  REQUIRE(rows.size() == count);
  const auto pgn = rows.front()["pgn"].get<std::uint32_t>();
  const auto source = rows.front()["sa"].get<int>();
  const auto* of = plan.find_pgn(pgn, static_cast<std::uint8_t>(source));
  REQUIRE(of != nullptr);
  std::vector<decoded_signal> values(plan.signals_max());
  std::size_t n = 0;
  reassembler whole;
  furrow::tests::for_each_frame(furrow::tests::read_file(*log), [&](const frame_view& frame) {
    const auto one = whole.feed(frame);
    if (!one || one->pgn != pgn || one->source != source || n == rows.size())
      return;
    signals by_name;
    const auto found = plan.decode(*of, one->data, values);
    for (std::size_t i = 0; i < found; ++i)
      by_name[plan.signal_of(values[i]).name] = values[i];
    CAPTURE(n);
    each(by_name, rows[n]);
    ++n;
  });
  CHECK(n == count);
}

decode_plan isobus_catalogue() {
  auto file = parse_dbc(catalogue_dbc(), "catalogue", dbc_mode::strict);
  REQUIRE(file);
  return plan_of(*file);
}

/// J1939 of 8 or 16 bits: raw as the receiver had it, and a value only up to FA or FAFF.
void check_raw(const signals& got, const std::string& name, std::uint64_t raw, std::uint64_t most) {
  CAPTURE(name);
  REQUIRE(got.contains(name));
  const auto& one = got.at(name);
  CHECK(one.raw == raw);
  CHECK((one.state == signal_state::value) == (raw <= most));
}

} // namespace

TEST_CASE("isobus: the commanded speed, its limit and direction, of all 480 messages") {
  for_each_decoded(isobus_catalogue(), "rx_machine_selected_speed_command", 480,
                   [](const signals& got, const json& row) {
                     check_raw(got, "speed_setpoint_command", row["setpoint_mm_s"], 0xFAFF);
                     check_raw(got, "speed_setpoint_limit", row["limit_mm_s"], 0xFAFF);
                     check_raw(got, "direction_command", row["direction"], 1);
                     if (row["setpoint_mm_s"] <= 0xFAFF)
                       CHECK(got.at("speed_setpoint_command").physical
                             == doctest::Approx(row["setpoint_mm_s"].get<double>() / 1000));
                   });
}

TEST_CASE("isobus: time and date of all 48 messages are as the tractor sent them") {
  for_each_decoded(isobus_catalogue(), "tx_time_date", 48, [](const signals& got, const json& row) {
    const auto number = [&](const char* key) { return row[key].get<double>(); };
    const auto is = [&](const char* name, double value) {
      CAPTURE(name);
      REQUIRE(got.contains(name));
      CHECK(got.at(name).state == signal_state::value);
      CHECK(got.at(name).physical == doctest::Approx(value));
    };
    is("seconds", number("s") + number("ms") / 1000);
    is("minutes", number("min"));
    is("hours", number("h"));
    is("month", number("month"));
    is("day", number("day") - 0.75 + number("quarter_days") / 4); // 0.25 is the first quarter
    is("year", number("year"));
    is("local_minute_offset", number("local_min_off"));
    is("local_hour_offset", number("local_h_off"));
  });
}

TEST_CASE("isobus: the distance since the last position, of all 185 messages") {
  for_each_decoded(isobus_catalogue(), "rx_position_delta", 185,
                   [](const signals& got, const json& row) {
                     CHECK(got.at("delta_sid").raw == row["sid"]);
                     CHECK(got.at("delta_time").raw == row["raw_dt"]);
                     // The receiver's raw numbers have no sign.
                     CHECK((got.at("delta_latitude").raw & 0xFFFFFFU) == row["raw_dlat"]);
                     CHECK((got.at("delta_longitude").raw & 0xFFFFFFU) == row["raw_dlon"]);
                   });
}

TEST_CASE("isobus: the datum, a fast packet that the user's DBC file describes") {
  const auto file = parse_dbc("BO_ 2583172350 Datum: 20 X\n"
                              " SG_ local : 0|32@1+ (1,0) [0|0] \"\" X\n"
                              " SG_ latitude : 32|32@1- (1e-07,0) [0|0] \"deg\" X\n"
                              " SG_ longitude : 64|32@1- (1e-07,0) [0|0] \"deg\" X\n"
                              " SG_ altitude : 96|32@1- (0.01,0) [0|0] \"m\" X\n",
                              "datum", dbc_mode::lenient);
  REQUIRE(file);
  for_each_decoded(plan_of(*file), "rx_datum", 4, [](const signals& got, const json& row) {
    const auto raw = [&](const char* name) { return static_cast<std::int64_t>(got.at(name).raw); };
    CHECK(raw("local") == 0x343857); // "W84"
    CHECK(raw("latitude") == row["raw_dlat"]);
    CHECK(raw("longitude") == row["raw_dlon"]);
    CHECK(raw("altitude") == row["raw_dalt"]);
    CHECK(got.at("latitude").physical
          == doctest::Approx(row["raw_dlat"].get<double>() * 1e-7).epsilon(1e-9));
  });
}
