/// The plain classes of the live stream, in virtual time: what changed since a cursor, what a slow client keeps, who may
/// resume, what is read from clients.
#include "tests/support/frames.hpp"
#include "tests/tools/furrowd/stream/stream_world.hpp"
#include "tools/furrowd/stream/glob.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

double rpm_in(const json& machine) {
  return machine.at("values").at("engine_speed_rpm").at("value").get<double>();
}

can::fault fault_of(std::uint32_t spn, std::uint8_t count) {
  can::fault made;
  made.code = {spn, 3, count, false};
  made.since_us = made.last_us = stream_time_us;
  return made;
}

actors::live_equipment machine_at(const std::string& name, double latitude, double longitude) {
  auto made = machine_of("default", name, 900);
  auto state = *made.state;
  state.position =
    can::observed<can::position>{{latitude, longitude}, stream_time_us, 129'025, 1, 0};
  made.state = std::make_shared<const can::live_state>(state);
  return made;
}

} // namespace

TEST_CASE("stream: patterns match with * and ?") {
  CHECK(http::glob_matches("T*", "T1"));
  CHECK(http::glob_matches("*", ""));
  CHECK(http::glob_matches("EEC1.*", "EEC1.engine_speed"));
  CHECK(http::glob_matches("*speed*", "wheel_speed_mps"));
  CHECK(http::glob_matches("T?", "T1"));
  CHECK_FALSE(http::glob_matches("T?", "T12"));
  CHECK_FALSE(http::glob_matches("T", "T1"));
  CHECK_FALSE(http::glob_matches("", "T1"));
  // Many stars cost no exponential time.
  CHECK_FALSE(http::glob_matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(5'000, 'a')));
}

TEST_CASE("stream: a query and a message give the same subscription") {
  const auto query = wish_of({{"machines", "T*,X1"},
                              {"signals", "EEC1.*,mode"},
                              {"area", "7,47,8.5,48"},
                              {"max_hz", "2.5"},
                              {"brief", "true"},
                              {"frames", "pgn:65226,id:18FEF100"}});
  const auto read = http::to_client_message(
    R"({"id":7,"subscribe":{"machines":["T*","X1"],"signals":["EEC1.*","mode"],"area":[7,47,8.5,48],)"
    R"("max_hz":2.5,"brief":true,"frames":{"pgn":[65226],"id":["18FEF100"]}}})",
    viewer_of("default"));
  const auto* message = std::get_if<http::client_message>(&read);
  REQUIRE(message != nullptr);
  CHECK(message->id == "7");
  CHECK(message->wanted.key() == query.key());
  CHECK(query.key() != wish_of({}).key());
  CHECK(query.wants_signal("EEC1.engine_speed"));
  CHECK_FALSE(query.wants_signal("ledger"));
}

TEST_CASE("stream: a subscription that cannot be carried out is refused, and names its field") {
  const std::vector<std::pair<std::string, std::string>> wrong{
    {"area", "1,2,3"},          {"area", "9,47,8,48"},
    {"area", "7,47,8,x"},       {"max_hz", "0"},
    {"max_hz", "501"},          {"max_hz", "nan"},
    {"brief", "yes"},           {"frames", "pgn:x"},
    {"frames", "18FEF100"},     {"machines", std::string(200, 'a')},
    {"frames", "id:FFFFFFFFF"}, {"resume", std::string(200, 'a')}};
  for (const auto& [name, value] : wrong) {
    const auto read = http::to_subscription({{name, value}}, viewer_of("default"));
    REQUIRE_MESSAGE(std::holds_alternative<http::problem>(read), name << "=" << value);
    CHECK(std::get<http::problem>(read).message.find(name) != std::string::npos);
  }
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += "T" + std::to_string(i) + ",";
  CHECK(std::holds_alternative<http::problem>(
    http::to_subscription({{"machines", many}}, viewer_of("default"))));
}

TEST_CASE("stream: whatever a client sends is read or refused") {
  const std::string sound =
    R"({"id":"a","subscribe":{"machines":["T*"],"area":[1,2,3,4],"frames":{"all":true},"max_hz":5}})";
  std::mt19937 random{20'261'129};
  std::size_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto text = sound;
    for (auto changes = random() % 4; changes > 0; --changes)
      switch (random() % 3) {
      case 0:
        text[random() % text.size()] = static_cast<char>(random());
        break;
      case 1:
        text.erase(random() % text.size(), 1 + random() % 8);
        break;
      default:
        text.insert(random() % text.size(), 1, "{}[],:\"0e-"[random() % 10]);
      }
    const auto read = http::to_client_message(text, viewer_of("default"));
    if (const auto* message = std::get_if<http::client_message>(&read)) {
      ++taken;
      CHECK(message->wanted.farm == "default");
      (void)message->wanted.key();
    } else {
      CHECK(std::get<http::client_mistake>(read).why.status / 100 == 4);
    }
  }
  CHECK(taken > 1'000);
  CHECK(std::holds_alternative<http::client_mistake>(
    http::to_client_message(std::string(16'384, '['), viewer_of("default"))));
  CHECK(std::holds_alternative<http::client_mistake>(
    http::to_client_message(R"({"subscribe":{"farm":"hill"}})", viewer_of("default"))));
}

TEST_CASE("stream: a client gets a snapshot, then only what changed") {
  stream_world w;
  w.show("T1", 900);
  w.show("T2", 1'000);
  const auto first = w.next();
  CHECK(first["type"] == "snapshot");
  REQUIRE(first["machines"].size() == 2);
  CHECK(rpm_in(first["machines"][0]) == 900);
  CHECK(first["machines"][0]["whole"] == true);
  CHECK(first["machines"][0]["values"]["engine_speed_rpm"]["unit"] == "rpm");
  CHECK(first["machines"][0]["connected"] == true);
  CHECK(w.next() == nullptr);
  w.show("T1", 900); // a new snapshot with the same content
  CHECK(w.next() == nullptr);
  w.show("T1", 950);
  const auto delta = w.next();
  CHECK(delta["type"] == "delta");
  CHECK(delta["from"] == first["at"]);
  REQUIRE(delta["machines"].size() == 1);
  const auto& changed = delta["machines"][0];
  CHECK(changed["name"] == "T1");
  CHECK(rpm_in(changed) == 950);
  CHECK(changed["values"].size() == 1);
  CHECK_FALSE(changed.contains("connected"));
  CHECK_FALSE(changed.contains("ledger"));
  CHECK(changed["seq"] > first["machines"][0]["seq"]);
}

TEST_CASE("stream: a slow client gets the newest value of each quantity, once") {
  stream_world w;
  w.show("T1", 900);
  (void)w.next();
  for (int i = 1; i <= 100; ++i)
    w.show("T1", 900 + i);
  w.show("T2", 5);
  const auto delta = w.next();
  REQUIRE(delta["machines"].size() == 2);
  CHECK(delta["machines"][0]["name"] == "T2");
  CHECK(rpm_in(delta["machines"][1]) == 1'000);
  CHECK(w.next() == nullptr);
}

TEST_CASE("stream: a value that stays the same is shown again after a while, for its time") {
  stream_world w;
  w.show("T1", 900);
  (void)w.next();
  auto later = machine_of("default", "T1", 900);
  const auto show_at = [&](std::chrono::seconds after) {
    auto state = *later.state;
    state.engine_speed_rpm->time_us = state.last_frame_us =
      stream_time_us + std::chrono::microseconds{after}.count();
    later.state = std::make_shared<const can::live_state>(state);
    w.now_us = state.last_frame_us;
    w.show(later);
  };
  show_at(std::chrono::seconds{5});
  const auto soon = w.next(); // the mode has become unknown to nobody: nothing changed
  CHECK(soon == nullptr);
  show_at(std::chrono::seconds{11});
  const auto again = w.next();
  REQUIRE(again["machines"].size() == 1);
  CHECK(rpm_in(again["machines"][0]) == 900);
}

TEST_CASE("stream: clients at one position share a text") {
  stream_world w;
  w.show("T1", 900);
  w.view.publish(w.fleet, w.cursor);
  http::stream_view::position other;
  const auto one = w.view.next(w.client, w.fleet, w.now_us);
  const auto two = w.view.next(other, w.fleet, w.now_us);
  CHECK(one != nullptr);
  CHECK(one == two);
}

TEST_CASE("stream: a client resumes with what it missed, or gets a snapshot") {
  stream_world w;
  w.show("T1", 900);
  w.show("T2", 900);
  const auto first = w.next();
  const auto id = first["id"].get<std::string>();
  w.show("T2", 950);
  w.view.publish(w.fleet, w.cursor);
  auto back = w.view.begin(id, w.fleet);
  const auto missed = w.next(back);
  CHECK(missed["type"] == "delta");
  CHECK(missed["from"] == first["at"]);
  REQUIRE(missed["machines"].size() == 1);
  CHECK(missed["machines"][0]["name"] == "T2");
  // Of another process, another filter, the future, or nonsense.
  for (const std::string& strange :
       {"f" + id.substr(1), id + "0000", std::string{}, std::string{"e."}, id + "x"})
    CHECK_MESSAGE(w.view.begin(strange, w.fleet).snapshot, strange);
  const http::stream_view filtered{wish_of({{"machines", "T*"}}), http::stream_form::websocket, "e",
                                   w.cursor};
  CHECK(filtered.begin(id, w.fleet).snapshot);
}

TEST_CASE("stream: a machine that ends is gone, and comes back whole") {
  stream_world w;
  w.show("T1", 900);
  (void)w.next();
  w.remove("T1");
  CHECK(w.next()["machines"][0]["gone"] == "silent");
  http::stream_view::position newcomer;
  CHECK(w.next(newcomer)["machines"].empty());
  w.show("T1", 900);
  const auto back = w.next();
  CHECK(back["machines"][0]["whole"] == true);
  CHECK(rpm_in(back["machines"][0]) == 900);
}

TEST_CASE(
  "stream: marks of machines that are gone are bounded, and who is behind them gets a snapshot") {
  stream_world w;
  w.show("T1", 900);
  (void)w.next();
  auto behind = w.client;
  for (std::size_t i = 0; i <= http::fleet_state::marks_max; ++i) {
    w.show("gone" + std::to_string(i), 1);
    w.remove("gone" + std::to_string(i));
  }
  CHECK(w.fleet.machines().size() == http::fleet_state::marks_max + 1);
  const auto answer = w.next(behind);
  CHECK(answer["type"] == "snapshot");
  CHECK(answer["machines"].size() == 1);
}

TEST_CASE("stream: filters of machines, signals and the token's machines") {
  stream_world w{{{"machines", "T*"}, {"signals", "EEC1.*"}}};
  w.show("T1", 900);
  w.show("X1", 900);
  const auto first = w.next();
  REQUIRE(first["machines"].size() == 1);
  CHECK(first["machines"][0]["values"].size() == 1); // no mode
  CHECK_FALSE(first["machines"][0].contains("ledger"));
  w.show("X1", 950);
  CHECK(w.next() == nullptr);
  auto moved = machine_of("default", "T1", 900);
  moved.received_seq = 5; // the ledger is not wanted
  w.show(moved);
  CHECK(w.next() == nullptr);
  w.show("T1", 950);
  CHECK(w.next()["from"] == first["at"]); // what was left out is no gap

  auto narrow = viewer_of("default");
  narrow.equipment = {"T1"};
  const auto wanted = std::get<http::subscription>(http::to_subscription({}, narrow));
  CHECK(wanted.covers("T1"));
  CHECK_FALSE(wanted.covers("T2"));
}

TEST_CASE("stream: a machine enters and leaves an area") {
  stream_world w{{{"area", "7,47,8,48"}}};
  w.show(machine_at("T1", 47.5, 7.5));
  w.show(machine_at("T2", 49.0, 7.5));
  const auto first = w.next();
  REQUIRE(first["machines"].size() == 1);
  CHECK(first["machines"][0]["name"] == "T1");
  w.show(machine_at("T2", 47.9, 7.5));
  const auto entered = w.next();
  REQUIRE(entered["machines"].size() == 1);
  CHECK(entered["machines"][0]["whole"] == true);
  w.show(machine_at("T1", 47.5, 8.5));
  const auto left = w.next();
  REQUIRE(left["machines"].size() == 1);
  CHECK(left["machines"][0]["name"] == "T1");
  CHECK(left["machines"][0]["gone"] == "area");
  w.show(machine_at("T1", 47.5, 8.6));
  CHECK(w.next() == nullptr);
}

TEST_CASE("stream: faults appear, count and clear") {
  stream_world w;
  w.show("T1", 900);
  w.detail("T1", {fault_of(110, 1)});
  const auto first = w.next()["machines"][0]["faults"];
  REQUIRE(first.size() == 1);
  CHECK(first[0]["event"] == "present");
  CHECK(first[0]["spn"] == 110);
  CHECK(first[0]["name"] == "ET1.engine_coolant_temperature");
  w.detail("T1", {fault_of(110, 1)});
  CHECK(w.next() == nullptr);
  w.detail("T1", {fault_of(110, 2), fault_of(190, 1)});
  const auto more = w.next()["machines"][0]["faults"];
  REQUIRE(more.size() == 2);
  CHECK(more[0]["event"] == "counted");
  CHECK(more[1]["event"] == "appeared");
  w.detail("T1", {fault_of(190, 1)});
  const auto less = w.next()["machines"][0]["faults"];
  REQUIRE(less.size() == 1);
  CHECK(less[0]["event"] == "cleared");
  CHECK(less[0]["spn"] == 110);
}

// Symptom: ...613 was sent as 1.8446744073709552e19, and a change of the last digits not at all.
TEST_CASE("stream: whole numbers of own signals keep all 64 bits, and one without a number is sent "
          "once") {
  stream_world w{{{"signals", "BIG.*"}}};
  w.show("T1", 900);
  can::own_value serial{"BIG.serial", "", "", {}, {}, stream_time_us};
  const auto say = [&](std::uint64_t number) {
    serial.value = {number, static_cast<double>(number), 0, can::signal_state::value};
    serial.whole = can::whole_number{false, number};
    w.detail("T1", {}, {serial});
    return w.next()["machines"][0]["own_signals"]["BIG.serial"]["value"].dump();
  };
  CHECK(say(18446744073709551613U) == "18446744073709551613");
  CHECK(say(18446744073709551614U) == "18446744073709551614"); // the same as a double
  serial.value = {255, std::nan(""), 0, can::signal_state::not_available};
  serial.whole.reset();
  w.detail("T1", {}, {serial});
  CHECK(w.next()["machines"][0]["own_signals"]["BIG.serial"]["state"] == "not_available");
  w.detail("T1", {}, {serial});
  CHECK(w.next() == nullptr);
}

TEST_CASE("stream: a brief client gets bare values, one time, and the number of active faults") {
  stream_world w{{{"brief", "true"}, {"signals", "engine_speed_rpm"}}};
  w.show("T1", 900);
  const auto first = w.next()["machines"][0];
  CHECK(first["values"] == json{{"engine_speed_rpm", 900}});
  CHECK(first["seen"] == "2020-05-01T05:20:00.000000Z");
  CHECK_FALSE(first.contains("active_faults")); // not known yet
  auto previous = fault_of(84, 1);
  previous.list = can::fault_list::previous;
  w.detail("T1", {fault_of(110, 1), previous});
  const auto more = w.next()["machines"][0];
  CHECK(more["active_faults"] == 1);
  CHECK_FALSE(more.contains("faults"));
  CHECK_FALSE(more.contains("values"));
  w.detail("T1", {previous});
  CHECK(w.next()["machines"][0]["active_faults"] == 0);
  // A value that is not wanted still says that the machine sends.
  auto moved = machine_at("T1", 47.5, 7.5);
  w.show(moved);
  const auto seen = w.next()["machines"][0];
  CHECK(seen.contains("seen"));
  CHECK_FALSE(seen.contains("values"));
}

TEST_CASE("stream: a connection that ends and comes back is told") {
  stream_world w;
  w.show("T1", 900);
  (void)w.next();
  auto gone = machine_of("default", "T1", 900);
  gone.connected = false;
  w.show(gone);
  CHECK(w.next()["machines"][0]["connected"] == false);
  w.show("T1", 900);
  CHECK(w.next()["machines"][0]["connected"] == true);
}

TEST_CASE("stream: a machine that a site forwards is marked until it sends by itself") {
  stream_world w{{{"brief", "true"}}};
  auto machine = machine_of("default", "T1", 900);
  machine.relayed = true;
  w.show(machine);
  CHECK(w.next()["machines"][0]["relayed"] == true);
  machine.relayed = false;
  w.show(machine);
  const auto own = w.next()["machines"][0];
  CHECK((own["connected"] == true && !own.contains("relayed")));
}

TEST_CASE("stream: of two nodes the one with the newest session shows a machine") {
  stream_world w;
  auto old = machine_of("default", "T1", 900);
  old.epoch = 1;
  w.show(old);
  auto newer = machine_of("default", "T1", 1'500);
  newer.epoch = 2;
  w.fleet.begin(++w.cursor, w.now_us);
  w.fleet.take(snapshot_of(newer), "n2");
  w.show(old);
  const auto first = w.next()["machines"][0];
  CHECK(first["node"] == "n2");
  CHECK(rpm_in(first) == 1'500);
  w.remove("T1"); // by n1
  CHECK(w.next() == nullptr);
  w.fleet.begin(++w.cursor, w.now_us);
  w.fleet.keep_only("n2", {});
  CHECK(w.next()["machines"][0]["gone"] == "silent");
}

TEST_CASE(
  "stream: a long snapshot comes in pieces, each machine once, and changes meanwhile follow") {
  stream_world w;
  constexpr int count = 5'000;
  for (int i = 0; i < count; ++i)
    w.show("T" + std::to_string(i), i);
  std::set<std::string> seen;
  int pieces = 0;
  for (bool more = true; more; ++pieces) {
    const auto piece = w.next();
    REQUIRE(piece["type"] == "snapshot");
    CHECK(piece.contains("id") == !piece["more"].get<bool>());
    for (const auto& one : piece["machines"])
      CHECK(seen.insert(one["name"]).second);
    more = piece["more"];
    if (pieces == 0)
      w.show("T0", 77'777); // shown already
  }
  CHECK(seen.size() == count);
  CHECK(pieces > 2);
  const auto delta = w.next();
  REQUIRE(delta["machines"].size() == 1);
  CHECK(rpm_in(delta["machines"][0]) == 77'777);
  CHECK(w.next() == nullptr);
  // A client that is far behind gets as many pieces.
  for (int i = 0; i < count; ++i)
    w.show("T" + std::to_string(i), -1 - i);
  seen.clear();
  for (bool more = true; more;) {
    const auto piece = w.next();
    REQUIRE(piece["type"] == "delta");
    for (const auto& one : piece["machines"])
      seen.insert(one["name"]);
    more = piece["more"];
  }
  CHECK(seen.size() == count);
}

TEST_CASE("stream: frames and faults have the names of the machine's own DBC file") {
  actors::dbc_board board;
  storage::stored_dbc file;
  file.name = "own.dbc";
  file.content = "VERSION \"\"\nBU_: E\nBO_ 2566844926 Ground_Speed: 8 E\n"
                 " SG_ coolant : 0|8@1+ (1,0) [0|250] \"C\" E\nBA_DEF_ SG_ \"SPN\" INT 0 524287;\n"
                 "BA_DEF_DEF_ \"SPN\" 0;\nBA_ \"SPN\" SG_ 2566844926 coolant 110;\n";
  REQUIRE(board.set({"1", {file}}).empty());
  http::fleet_state fleet;
  fleet.begin(2, stream_time_us);
  fleet.take(snapshot_of(machine_of("default", "T1", 900)), "n1");
  fleet.take("T1", actors::live_detail{{fault_of(110, 1)}, {}});
  http::stream_view view{wish_of({{"frames", "all"}}), http::stream_form::websocket, "e", 1,
                         [&](const std::string& machine) {
                           return http::bus_names{&board, "default", machine};
                         }};
  view.publish(fleet, 2);
  http::stream_view::position at;
  const auto text = view.next(at, fleet, stream_time_us);
  REQUIRE(text != nullptr);
  CHECK(json::parse(*text)["machines"][0]["faults"][0]["name"] == "Ground_Speed.coolant");
  actors::tapped_frames frames;
  const std::uint8_t payload[8] = {};
  REQUIRE(frames.block.push(stream_time_us,
                            can::pack({.id = 0x18FEF100, .extended = true, .length = 8}), payload));
  view.add_frames("T1", frames);
  const auto made = view.take_frames();
  REQUIRE(made.texts.size() == 1);
  CHECK(json::parse(*made.texts[0].text)["frames"][0]["name"] == "Ground_Speed");
}

TEST_CASE("stream: events carry the same JSON as messages") {
  http::fleet_state fleet;
  fleet.begin(2, stream_time_us);
  fleet.take(snapshot_of(machine_of("default", "T1", 900)), "n1");
  http::stream_view view{wish_of({}), http::stream_form::events, "e", 1};
  view.publish(fleet, 2);
  http::stream_view::position at;
  const auto text = view.next(at, fleet, stream_time_us);
  REQUIRE(text != nullptr);
  CHECK(text->starts_with("event: snapshot\nid: e."));
  CHECK(text->ends_with("\n\n"));
  const auto data = text->substr(text->find("data: ") + 6);
  CHECK(json::parse(data)["machines"].size() == 1);
}
