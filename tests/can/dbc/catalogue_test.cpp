/// The shipped catalogue: sound, and in agreement with independent readings of the same standards.
#include "can/dbc/catalogue.hpp"
#include "can/dbc/decode.hpp"
#include "can/dbc/file.hpp"
#include "can/frame/identifier.hpp"
#include "can/logs/candump.hpp"
#include "tests/support/data.hpp"
#include "tests/support/dbc_data.hpp"
#include "tests/support/jsonl.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

using namespace furrow::can;
using furrow::tests::data_file;
using furrow::tests::load_dbc;
using nlohmann::json;

namespace {

dbc_file catalogue() {
  auto file = parse_dbc(catalogue_dbc(), "catalogue", dbc_mode::strict);
  INFO((file ? "" : file.error().detail));
  REQUIRE(file);
  return std::move(*file);
}

const dbc_message* with_pgn(const dbc_file& file, std::uint32_t pgn) {
  for (const auto& message : file.messages)
    if (message.extended && pgn_of(message.id) == pgn)
      return &message;
  return nullptr;
}

bool near(double a, double b) {
  return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

} // namespace

TEST_CASE("catalogue: reads in strict mode without a warning, and every signal has a comment") {
  const auto file = catalogue();
  CHECK(file.warning_count == 0);
  CHECK(file.messages.size() == 48);
  std::set<std::string> names;
  std::size_t signals = 0;
  for (const auto& message : file.messages) {
    CAPTURE(message.name);
    CHECK(message.extended);
    CHECK(message.format == dbc_frame_format::j1939);
    CHECK(message.comment.find("Source: ") != std::string::npos);
    CHECK(message.comment.find("PGN " + std::to_string(pgn_of(message.id)) + ".") == 0);
    CHECK(names.insert(message.name).second);
    for (const auto& signal : message.signals) {
      CAPTURE(signal.name);
      ++signals;
      CHECK_FALSE(signal.comment.empty());
      CHECK(names.insert(signal.name).second); // a signal's name is enough to ask for it
      CHECK(signal.min.has_value());
      CHECK(*signal.min < *signal.max);
      if (pgn_of(message.id) < 126'976)
        CHECK(signal.spn.value_or(0) != 0);
    }
  }
  CHECK(signals == 228);
}

TEST_CASE("catalogue: is the file in deploy/") {
  const auto path =
    std::filesystem::path{FURROW_SOURCE_DIR} / "deploy/catalogue/furrow-agricultural.dbc";
  CHECK(furrow::tests::read_file(path) == catalogue_dbc());
}

TEST_CASE(
  "catalogue: every J1939 and ISO 11783 signal has the position and scale of the reference") {
  const auto path = data_file("dbc/ref_j1939_iso11783.dbc");
  if (!path)
    return;
  const auto reference = load_dbc(*path);
  const auto ours = catalogue();
  // Not in the reference: transport, network management, process data and faults.
  const std::set<std::uint32_t> elsewhere{51'968, 59'904, 60'928, 65'226};
  std::size_t compared = 0;
  for (const auto& message : ours.messages) {
    const auto pgn = pgn_of(message.id);
    if (pgn >= 126'976 || elsewhere.count(pgn) == 1)
      continue;
    CAPTURE(message.name);
    const auto* theirs = with_pgn(reference, pgn);
    REQUIRE(theirs != nullptr);
    if (priority_of(theirs->id) != 6) // the reference gives 6 where its source says nothing
      CHECK(priority_of(theirs->id) == priority_of(message.id));
    for (const auto& signal : message.signals) {
      CAPTURE(signal.name);
      const auto found =
        std::find_if(theirs->signals.begin(), theirs->signals.end(),
                     [&](const dbc_signal& other) { return other.spn == signal.spn; });
      REQUIRE(found != theirs->signals.end());
      ++compared;
      CHECK(found->start == signal.start);
      CHECK(found->length == signal.length);
      CHECK(near(found->scale, signal.scale));
      CHECK(near(found->offset, signal.offset));
      CHECK_FALSE(signal.is_signed);
    }
  }
  CHECK(compared > 130);
}

TEST_CASE("catalogue: every NMEA 2000 signal has the position and scale of canboat") {
  const auto path = data_file("n2k/canboat.json");
  if (!path)
    return;
  const auto definitions = json::parse(furrow::tests::read_file(*path));
  std::size_t compared = 0;
  for (const auto& message : catalogue().messages) {
    const auto pgn = pgn_of(message.id);
    if (pgn < 126'976)
      continue;
    const auto definition = std::find_if(definitions["PGNs"].begin(), definitions["PGNs"].end(),
                                         [&](const json& entry) { return entry["PGN"] == pgn; });
    REQUIRE(definition != definitions["PGNs"].end());
    for (const auto& signal : message.signals) {
      CAPTURE(signal.name);
      const auto& fields = (*definition)["Fields"];
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const json& f) {
        return f.contains("BitOffset") && f["BitOffset"] == signal.start;
      });
      REQUIRE(field != fields.end());
      ++compared;
      CHECK((*field)["BitLength"] == signal.length);
      CHECK(field->value("Signed", false) == signal.is_signed);
      CHECK(std::abs(field->value("Resolution", 1.0) - signal.scale) <= 1e-9 * signal.scale);
    }
  }
  CHECK(compared > 60);
}

namespace {

/// The n-th message of a PGN and source beside the n-th row of a kind and source.
struct comparison {
  std::string kind;
  std::uint32_t pgn;
  std::vector<std::pair<std::string, std::string>> fields; // of the row, of the catalogue
};

} // namespace

TEST_CASE("catalogue: decodes the values that an independent ISOBUS stack received") {
  const auto log = data_file("isobus/agisostack-1.candump.log");
  const auto truth = data_file("isobus/agisostack-1.truth.jsonl.gz");
  if (!log || !truth)
    return;
  const std::vector<comparison> comparisons{
    {"rx_wheel_speed",
     65'096,
     {{"speed_mm_s", "wheel_based_speed"},
      {"distance_mm", "wheel_based_distance"},
      {"max_time_of_tractor_power_min", "tractor_power_time_max"},
      {"direction", "wheel_based_direction"},
      {"key_switch", "key_switch"},
      {"start_stop", "implement_start_stop"},
      {"op_dir_reversed", "operator_direction_reversed"}}},
    {"rx_ground_speed",
     65'097,
     {{"speed_mm_s", "ground_based_speed"},
      {"distance_mm", "ground_based_distance"},
      {"direction", "ground_based_direction"}}},
    {"rx_machine_selected_speed",
     61'474,
     {{"speed_mm_s", "machine_selected_speed"},
      {"distance_mm", "machine_selected_distance"},
      {"exit_reason", "machine_selected_exit_reason"},
      {"source", "machine_selected_speed_source"},
      {"limit_status", "machine_selected_speed_limit"},
      {"direction", "machine_selected_direction"}}},
    {"rx_machine_selected_speed_command",
     64'835,
     {{"setpoint_mm_s", "speed_setpoint_command"},
      {"limit_mm_s", "speed_setpoint_limit"},
      {"direction", "direction_command"}}},
    {"rx_guidance_machine_info",
     44'032,
     {{"lockout", "steering_lockout"},
      {"readiness", "steering_ready"},
      {"input_pos", "steering_input_position"},
      {"reset", "guidance_reset_request"},
      {"limit", "guidance_limit"},
      {"exit", "guidance_exit_reason"},
      {"remote_engage", "guidance_remote_engage"}}},
    {"rx_guidance_command", 44'288, {{"status", "curvature_command_status"}}},
    {"rx_cog_sog",
     129'026,
     {{"sid", "course_sid"},
      {"ref", "course_reference"},
      {"raw_cog", "course_over_ground"},
      {"raw_sog", "speed_over_ground"}}},
    {"rx_position_rapid",
     129'025,
     {{"raw_lat", "position_latitude"}, {"raw_lon", "position_longitude"}}},
    {"rx_position_delta",
     129'027,
     {{"raw_dt", "delta_time"}, {"raw_dlat", "delta_latitude"}, {"raw_dlon", "delta_longitude"}}},
    {"rx_rate_of_turn", 127'251, {{"sid", "rate_of_turn_sid"}, {"raw_rot", "rate_of_turn"}}},
    {"rx_heading",
     127'250,
     {{"ref", "heading_reference"},
      {"raw_heading", "heading"},
      {"raw_deviation", "heading_deviation"},
      {"raw_variation", "heading_variation"}}},
  };
  const auto file = catalogue();
  const dbc_file* files[] = {&file};
  const auto plan = decode_plan::compile(files);
  REQUIRE(plan);
  std::map<std::pair<std::uint32_t, unsigned>, std::vector<std::map<std::string, std::int64_t>>>
    received;
  std::vector<decoded_signal> out(plan->signals_max());
  const auto text = furrow::tests::read_file(*log);
  candump_reader reader{text};
  log_line line;
  log_payload payload;
  while (reader.next(line, payload)) {
    if (line.kind != line_kind::frame)
      continue;
    const auto id = line.header.id();
    const auto count = plan->decode(frame_view{line.time_us, line.header, payload.data()}, out);
    auto& values = received[{pgn_of(id), source_of(id)}].emplace_back();
    for (std::size_t i = 0; i < count; ++i)
      values[plan->signal_of(out[i]).name] = static_cast<std::int64_t>(out[i].raw);
  }
  std::map<std::pair<std::string, unsigned>, std::size_t> seen;
  std::map<std::string, std::size_t> compared;
  furrow::tests::for_each_json_line(*truth, [&](const json& row) {
    const auto kind = row["kind"].get<std::string>();
    const auto of = std::find_if(comparisons.begin(), comparisons.end(),
                                 [&](const auto& c) { return c.kind == kind; });
    if (of == comparisons.end())
      return;
    const auto source = row["sa"].get<unsigned>();
    const auto n = seen[{kind, source}]++;
    const auto& messages = received[{of->pgn, source}];
    CAPTURE(row.dump());
    REQUIRE(n < messages.size());
    for (const auto& pair : of->fields) {
      const auto& field = pair.first;
      const auto& signal = pair.second;
      CAPTURE(field);
      REQUIRE(messages[n].count(signal) == 1);
      // AgIsoStack gives the 24-bit deltas without their sign (canboat: signed).
      const auto bits = kind == "rx_position_delta" ? 0xFFFFFF : ~std::int64_t{0};
      CHECK((messages[n].at(signal) & bits) == (row[field].get<std::int64_t>() & bits));
      ++compared[kind];
    }
  });
  for (const auto& c : comparisons)
    CHECK(compared[c.kind] >= 185 * c.fields.size());
}
