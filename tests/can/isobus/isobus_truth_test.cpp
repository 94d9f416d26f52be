// The results of the receivers in an ISOBUS log. data/MANIFEST.md says how each row was checked.
#include "can/isobus/address_table.hpp"
#include "can/isobus/ddi.hpp"
#include "can/isobus/ddop.hpp"
#include "can/isobus/diagnostics.hpp"
#include "can/isobus/process_data.hpp"
#include "can/live/live_state.hpp"
#include "can/transport/transport.hpp"
#include "tests/can/frame/name_row.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/jsonl.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace furrow::can;
using nlohmann::json;

struct isobus_log {
  std::string text;
  std::map<std::string, std::vector<json>> truth; // by kind
};

std::optional<isobus_log> load() {
  const auto log = furrow::tests::data_file("isobus/agisostack-1.candump.log");
  const auto truth = furrow::tests::data_file("isobus/agisostack-1.truth.jsonl.gz");
  if (!log || !truth)
    return std::nullopt;
  isobus_log out;
  out.text = furrow::tests::read_file(*log);
  furrow::tests::for_each_json_line(
    *truth, [&](const json& row) { out.truth[row["kind"]].push_back(row); });
  return out;
}

/// Calls `each(message)` for every message of the log.
template <class F>
void for_each_message(const isobus_log& log, F each) {
  reassembler whole;
  furrow::tests::for_each_frame(log.text, [&](const frame_view& frame) {
    if (const auto one = whole.feed(frame))
      each(*one);
  });
}

} // namespace

TEST_CASE("isobus: the NAMEs of the four ECUs, at their addresses") {
  const auto log = load();
  if (!log)
    return;
  address_table table;
  furrow::tests::for_each_frame(log->text, [&](const frame_view& frame) { table.update(frame); });
  const auto& rows = log->truth.at("name");
  CHECK(rows.size() == 4);
  CHECK(table.ecus().size() == rows.size());
  for (const auto& row : rows) {
    const auto name = table.name_of(0, row["sa"].get<std::uint8_t>());
    REQUIRE(name);
    CHECK(to_string(*name) == row["name_hex"]);
    furrow::tests::check_name_fields(*name, row);
  }
}

TEST_CASE("isobus: every message of any length, in the order of the receivers") {
  const auto log = load();
  if (!log)
    return;
  std::map<std::pair<std::uint32_t, int>, std::vector<std::string>> expected;
  for (const auto& row : log->truth.at("rx_message"))
    expected[{row["pgn"], row["sa"]}].push_back(row["hex"]);
  std::map<std::pair<std::uint32_t, int>, std::vector<std::string>> got;
  for_each_message(*log, [&](const assembled_message& one) {
    const std::pair<std::uint32_t, int> who{one.pgn, one.source};
    if (expected.contains(who))
      got[who].push_back(furrow::tests::hex_of(one.data));
  });
  std::size_t rows = 0;
  for (const auto& [who, sequence] : expected) {
    const auto pgn = who.first;
    CAPTURE(pgn);
    auto& ours = got[who];
    // The receivers logged only from their own start on, so our list has earlier messages at its front.
    CHECK(ours.size() >= sequence.size());
    ours.erase(ours.begin(), ours.end() - static_cast<std::ptrdiff_t>(sequence.size()));
    CHECK(ours == sequence);
    rows += sequence.size();
  }
  CHECK(rows == 157);
}

TEST_CASE("isobus: faults appear and clear as they were set") {
  const auto log = load();
  if (!log)
    return;
  CHECK(log->truth.at("dm1_set").size() == 4);
  using codes = std::set<std::pair<std::uint32_t, int>>;
  codes many{{190, 2}, {524287, 31}};
  for (std::uint32_t i = 0; i < 20; ++i) // "previous 2 + i=0..19: spn 520192+37*i, fmi i%14"
    many.insert({520192 + 37 * i, static_cast<int>(i % 14)});
  // A broadcast that was unfinished when the faults were cleared still sends them once more.
  const std::vector<codes> expected{{{190, 2}}, {{190, 2}, {524287, 31}}, many, {}, many, {}};
  fault_table table;
  std::vector<codes> got;
  std::vector<fault_change> changes;
  for_each_message(*log, [&](const assembled_message& one) {
    changes.clear();
    table.update(one, changes);
    if (changes.empty())
      return;
    codes now;
    for (const auto& fault : table.faults())
      now.insert({fault.code.spn, fault.code.fmi});
    got.push_back(now);
  });
  CHECK(got == expected);
  CHECK(table.active() == 0);
  CHECK(table.malformed() == 0);
}

TEST_CASE("isobus: the device description, and its descriptions of the sent values") {
  const auto log = load();
  if (!log)
    return;
  std::vector<std::uint8_t> bytes;
  for_each_message(*log, [&](const assembled_message& one) {
    if (one.pgn == pgn_process_data)
      if (const auto pool = object_pool_of(one.data))
        bytes.assign(pool->begin(), pool->end());
  });
  const auto& row = log->truth.at("rx_ddop").front();
  CHECK(bytes.size() == row["len"]);
  CHECK(furrow::tests::hex_of(bytes) == row["hex"]);
  const auto pool = parse_ddop(bytes);
  REQUIRE(pool);
  CHECK(pool->device.designator == "AgIsoStack++ UnitTest");
  CHECK(pool->device.software_version == "1.0.0");
  CHECK(pool->device.serial_number == "123");
  CHECK(pool->device.name.bits == 0xA00C8400AFE00002);
  CHECK(pool->elements.size() == 20);
  CHECK(pool->presentations.size() == 6);
  const auto* boom = pool->element(2);
  REQUIRE(boom != nullptr);
  CHECK(boom->designator == "Boom");
  CHECK(boom->type == element_type::function);
  CHECK(boom->objects.size() == 7);
  const auto* section = pool->element(4);
  REQUIRE(section != nullptr);
  CHECK(section->designator == "Section 0");
  CHECK(section->type == element_type::section);
  REQUIRE(pool->property(4, 67) != nullptr);
  CHECK(pool->property(4, 67)->value == 2286); // width, mm
  CHECK(pool->property(4, 134)->value == -20);
  const auto* volume = pool->find(3, 72);
  REQUIRE(volume != nullptr);
  CHECK(volume->designator == "Tank Volume");
  const auto* liters = pool->presentation(volume->presentation);
  REQUIRE(liters != nullptr);
  CHECK(liters->unit == "L");
  CHECK(liters->present(3785000) == doctest::Approx(3785));
  CHECK(pool->find(3, 1)->designator == "Target Rate");
  CHECK(pool->find(3, 999) == nullptr);
  CHECK(pool->find(999, 72) == nullptr);
  CHECK(pool->presentation(no_object) == nullptr);
}

TEST_CASE("isobus: every process data value that was sent or received") {
  const auto log = load();
  if (!log)
    return;
  using row = std::tuple<int, int, int, int, std::int64_t>; // source, command, element, DDI, value
  std::vector<row> from_controller;
  std::vector<row> values;
  std::vector<row> acknowledged;
  for_each_message(*log, [&](const assembled_message& one) {
    const auto data = one.pgn == pgn_process_data ? parse_process_data(one.data) : std::nullopt;
    if (!data)
      return;
    const row all{one.source, static_cast<int>(data->command), data->element, data->ddi,
                  data->value};
    if (data->command == process_command::acknowledge)
      acknowledged.push_back(all);
    else if (one.source == 247
             && (data->carries_value() || data->command == process_command::request_value))
      from_controller.push_back(all);
    else if (one.source == 131 && data->command == process_command::value)
      values.push_back(all);
  });
  std::vector<row> sent;
  for (const auto& one : log->truth.at("tx_process_data"))
    if (one["ok"] == 1)
      sent.push_back({one["sa"], one["cmd"], one["element"], one["ddi"],
                      one["cmd"] == 2 ? -1 : one["value"].get<std::int64_t>()});
  for (auto& one : from_controller)
    if (std::get<1>(one) == 2)
      std::get<4>(one) = -1; // a request has no value
  CHECK(from_controller == sent);
  std::vector<row> received;
  for (const auto& one : log->truth.at("rx_process_data"))
    received.push_back({one["sa"], 3, one["element"], one["ddi"], one["value"]});
  CHECK(values == received);
  const auto& answers = log->truth.at("rx_pdack");
  REQUIRE(acknowledged.size() == answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CHECK(std::get<2>(acknowledged[i]) == answers[i]["element"]);
    CHECK(std::get<3>(acknowledged[i]) == answers[i]["ddi"]);
    CHECK((std::get<4>(acknowledged[i]) & 0xFF) == answers[i]["error"]);
  }
}

namespace {

/// The messages of one PGN in the order of the truth rows of `kind`, each as a live state with only
/// this message.
template <class F>
void for_each_pair(const isobus_log& log, const std::string& kind, F each) {
  const auto& rows = log.truth.at(kind);
  const auto pgn = rows.front()["pgn"].get<std::uint32_t>();
  const auto source = rows.front()["sa"].get<int>();
  std::size_t n = 0;
  for_each_message(log, [&](const assembled_message& one) {
    if (one.pgn != pgn || one.source != source || n == rows.size())
      return;
    live_state state;
    state.update(one);
    CAPTURE(n);
    each(state, rows[n]);
    ++n;
  });
  CHECK(n == rows.size());
}

/// A J1939 value with 16 or 32 bits from its raw number in the truth row.
void check_j1939(const std::optional<observed<double>>& got,
                 const json& raw,
                 int bits,
                 double scale,
                 double offset = 0) {
  const auto number = raw.get<double>();
  const bool is_value = number <= (bits == 16 ? 0xFAFF : 0xFAFFFFFF);
  CHECK(got.has_value() == is_value);
  if (got && is_value)
    CHECK(got->value == doctest::Approx(number * scale + offset).epsilon(1e-9));
}

void check_direction(const live_state& state, const json& raw) {
  CHECK(state.direction.has_value() == (raw.get<int>() < 2));
  if (state.direction)
    CHECK(static_cast<int>(state.direction->value) == raw.get<int>());
}

} // namespace

TEST_CASE("isobus: speeds, distances and directions of all 1,440 tractor messages") {
  const auto log = load();
  if (!log)
    return;
  for_each_pair(*log, "rx_wheel_speed", [](const live_state& state, const json& row) {
    check_j1939(state.wheel_speed_mps, row["speed_mm_s"], 16, 0.001);
    check_j1939(state.wheel_distance_m, row["distance_mm"], 32, 0.001);
    check_direction(state, row["direction"]);
  });
  for_each_pair(*log, "rx_ground_speed", [](const live_state& state, const json& row) {
    check_j1939(state.ground_speed_mps, row["speed_mm_s"], 16, 0.001);
    check_j1939(state.ground_distance_m, row["distance_mm"], 32, 0.001);
    check_direction(state, row["direction"]);
  });
  for_each_pair(*log, "rx_machine_selected_speed", [](const live_state& state, const json& row) {
    check_j1939(state.selected_speed_mps, row["speed_mm_s"], 16, 0.001);
    check_direction(state, row["direction"]);
  });
}

TEST_CASE("isobus: curvatures of all 960 guidance messages") {
  const auto log = load();
  if (!log)
    return;
  const auto check = [](const std::optional<observed<double>>& got, const json& row) {
    const auto curvature = row["curvature_km-1"].get<double>();
    const bool is_value = curvature <= 0xFAFF * 0.25 - 8032;
    CHECK(got.has_value() == is_value);
    if (got && is_value)
      CHECK(got->value == curvature);
  };
  for_each_pair(*log, "rx_guidance_machine_info", [&](const live_state& state, const json& row) {
    check(state.curvature_per_km, row);
  });
  for_each_pair(*log, "rx_guidance_command", [&](const live_state& state, const json& row) {
    check(state.commanded_curvature_per_km, row);
  });
}

TEST_CASE("isobus: positions, courses, headings and fixes of all GNSS messages") {
  const auto log = load();
  if (!log)
    return;
  const auto degrees = 180 / 3.14159265358979323846;
  for_each_pair(*log, "rx_position_rapid", [](const live_state& state, const json& row) {
    const bool is_value = row["raw_lat"] < 0x7FFFFFFD && row["raw_lon"] < 0x7FFFFFFD;
    CHECK(state.position.has_value() == is_value);
    if (!state.position)
      return;
    CHECK(state.position->value.latitude_deg
          == doctest::Approx(row["lat"].get<double>()).epsilon(1e-12));
    CHECK(state.position->value.longitude_deg
          == doctest::Approx(row["lon"].get<double>()).epsilon(1e-12));
  });
  for_each_pair(*log, "rx_cog_sog", [&](const live_state& state, const json& row) {
    CHECK(state.course_deg.has_value() == (row["ref"] == 0 && row["raw_cog"] < 0xFFFD));
    if (state.course_deg)
      CHECK(state.course_deg->value == doctest::Approx(row["cog_rad"].get<double>() * degrees));
    CHECK(state.ground_speed_mps.has_value() == (row["raw_sog"] < 0xFFFD));
    if (state.ground_speed_mps)
      CHECK(state.ground_speed_mps->value == doctest::Approx(row["sog_m_s"].get<double>()));
  });
  for_each_pair(*log, "rx_heading", [&](const live_state& state, const json& row) {
    CHECK(state.heading_deg.has_value() == (row["ref"] == 0 && row["raw_heading"] < 0xFFFD));
    if (state.heading_deg)
      CHECK(state.heading_deg->value
            == doctest::Approx(row["raw_heading"].get<double>() * 1e-4 * degrees));
  });
  for_each_pair(*log, "rx_rate_of_turn", [&](const live_state& state, const json& row) {
    CHECK(state.yaw_rate_dps.has_value() == (row["raw_rot"] < 0x7FFFFFFD));
    if (state.yaw_rate_dps)
      CHECK(state.yaw_rate_dps->value
            == doctest::Approx(row["raw_rot"].get<double>() * 3.125e-8 * degrees).epsilon(1e-9));
  });
  for_each_pair(*log, "rx_gnss_position", [](const live_state& state, const json& row) {
    REQUIRE(state.position);
    CHECK(state.position->value.latitude_deg
          == doctest::Approx(row["raw_lat"].get<double>() * 1e-16).epsilon(1e-12));
    CHECK(state.position->value.longitude_deg
          == doctest::Approx(row["raw_lon"].get<double>() * 1e-16).epsilon(1e-12));
    CHECK(state.altitude_m->value
          == doctest::Approx(row["raw_alt"].get<double>() * 1e-6).epsilon(1e-12));
    REQUIRE(state.gnss);
    CHECK(state.gnss->value.method == row["method"]);
    CHECK(state.gnss->value.satellites == row["svs"].get<std::uint8_t>());
    CHECK(*state.gnss->value.hdop == doctest::Approx(row["raw_hdop"].get<double>() * 0.01));
  });
}
