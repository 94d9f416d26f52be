// What a node tells another one: rows of actors and machines, and the scope that the asking node states.
#include "actors/cluster/local_answers.hpp"
#include "actors/cluster/peer_rows.hpp"
#include "actors/live/census.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
namespace net = furrow::proto::link;

namespace {

live_equipment machine_with_values() {
  live_equipment made;
  made.farm = "default";
  made.equipment = "T1";
  made.connected = true;
  made.peer = "10.0.0.7:5555";
  made.epoch = 9;
  made.frames = 12;
  made.ecus = 2;
  can::live_state state;
  state.last_frame_us = 99;
  state.engine_speed_rpm = can::observed<double>{1'450.5, 50, 61'444, 3, 1};
  state.position = can::observed<can::position>{{52.5, -1.25}, 60, 129'025, 4, 0};
  state.direction =
    can::observed<can::travel_direction>{can::travel_direction::forward, 61, 1, 2, 3};
  state.rear_hitch_in_work = can::observed<bool>{true, 62, 1, 2, 3};
  can::gnss_fix fix;
  fix.method = 4;
  fix.satellites = 17;
  state.gnss = can::observed<can::gnss_fix>{fix, 63, 1, 2, 3};
  made.state = std::make_shared<const can::live_state>(state);
  return made;
}

struct answering_world {
  std::shared_ptr<census> people = std::make_shared<census>();
  std::uint64_t writer = people->enter(1, "writer-0", nullptr);
  std::uint64_t own = people->enter(1, "equipment default/T1", nullptr);
  std::uint64_t other = people->enter(1, "equipment hill/H1", nullptr);
  local_answers answers{people,
                        [](auto farm, auto machine, auto done) {
                          if (farm == "default" && machine == "T1")
                            done(can::machine_report{});
                          else
                            done(std::nullopt);
                        },
                        [](const can::machine_report&) { return std::string{"{}"}; },
                        [this] { return lease; }};
  std::optional<std::uint32_t> lease = 250;

  template <class Answer>
  Answer ask(net::wish wish) {
    net::reply heard;
    answers.answer(wish, [&heard](net::reply said) { heard = std::move(said); });
    REQUIRE(std::holds_alternative<Answer>(heard));
    return std::get<Answer>(heard);
  }
};

} // namespace

TEST_CASE("peer rows: a machine's live state is the same on the other side") {
  const auto before = machine_with_values();
  const auto after = from_wire(to_wire(before), "default");
  CHECK(after->equipment == "T1");
  CHECK(after->farm == "default");
  CHECK(after->peer == before.peer);
  CHECK(after->epoch == 9);
  CHECK(after->ecus == 2);
  const auto& state = *after->state;
  CHECK(state.last_frame_us == 99);
  REQUIRE(state.engine_speed_rpm);
  CHECK(state.engine_speed_rpm->value == 1'450.5);
  CHECK(state.engine_speed_rpm->time_us == 50);
  CHECK(state.engine_speed_rpm->pgn == 61'444);
  CHECK(state.engine_speed_rpm->source == 3);
  CHECK(state.engine_speed_rpm->bus == 1);
  REQUIRE(state.position);
  CHECK(state.position->value.latitude_deg == 52.5);
  CHECK(state.position->value.longitude_deg == -1.25);
  REQUIRE(state.direction);
  CHECK(state.direction->value == can::travel_direction::forward);
  REQUIRE(state.rear_hitch_in_work);
  CHECK(state.rear_hitch_in_work->value);
  REQUIRE(state.gnss);
  CHECK(state.gnss->value.method == 4);
  CHECK(state.gnss->value.satellites == 17);
  CHECK_FALSE(state.gnss->value.hdop);
  CHECK_FALSE(state.fuel_level_pct);
}

TEST_CASE("peer rows: values are read in any order, and unknown ones are left out") {
  auto row = to_wire(machine_with_values());
  std::reverse(row.values.begin(), row.values.end());
  row.values.insert(row.values.begin() + 1, {"of_a_later_version", 1, 2, 3, 4, 5});
  const auto after = from_wire(row, "default");
  const auto& state = *after->state;
  REQUIRE(state.engine_speed_rpm);
  CHECK(state.engine_speed_rpm->value == 1'450.5);
  REQUIRE(state.position);
  CHECK(state.position->value.latitude_deg == 52.5);
  CHECK(state.position->value.longitude_deg == -1.25);
  REQUIRE(state.gnss);
  CHECK(state.gnss->value.method == 4);
  CHECK(state.gnss->value.satellites == 17);
  CHECK(state.rear_hitch_in_work);
  CHECK_FALSE(state.front_hitch_in_work);
  row.values.clear();
  CHECK_FALSE(from_wire(row, "default")->state->engine_speed_rpm);
}

TEST_CASE("peer rows: a machine is where it is connected, else where its newest claim is") {
  const auto with = [](bool connected, std::int64_t epoch, std::int64_t heard) {
    live_equipment made;
    made.connected = connected;
    made.epoch = epoch;
    can::live_state state;
    state.last_frame_us = heard;
    made.state = std::make_shared<const can::live_state>(state);
    return made;
  };
  CHECK(is_newer(with(true, 1, 1), with(false, 2, 2)));
  CHECK(is_newer(with(true, 2, 1), with(true, 1, 2)));
  CHECK(is_newer(with(false, 2, 2), with(false, 2, 1)));
  CHECK_FALSE(is_newer(with(false, 2, 1), with(false, 2, 1)));
}

TEST_CASE_FIXTURE(answering_world,
                  "local answers: a farm sees its own machines' actors and the shared ones") {
  people->set_state(writer, "running", "restarted after a batch of hill/H1");
  const auto names = [this](const net::scope& who) {
    std::string all;
    for (const auto& row : ask<net::actors_page_answer>({who, net::actors_wish{}}).rows)
      all += row.name + "(" + row.detail + ") ";
    return all;
  };
  CHECK(names({"default", {}, false, false}) == "writer-0() equipment default/T1() ");
  CHECK(names({"default", {"T2"}, false, false}) == "writer-0() ");
  CHECK(names({"hill", {}, true, false})
        == "writer-0(restarted after a batch of hill/H1) equipment hill/H1() ");
}

TEST_CASE_FIXTURE(answering_world,
                  "local answers: nobody ends an actor outside of the stated scope") {
  using kind = net::ended_answer::kind;
  const auto outcome = [this](const net::scope& who, std::uint64_t id) {
    return ask<net::ended_answer>({who, net::end_wish{id, false}}).outcome;
  };
  CHECK(outcome({"default", {}, true, false}, other) == kind::no_such_actor);
  CHECK(outcome({"default", {"T2"}, true, false}, own) == kind::no_such_actor);
  CHECK(outcome({"default", {}, true, false}, writer) == kind::not_permitted);
  CHECK(outcome({"default", {}, true, true}, writer)
        == kind::no_such_actor); // it has no handle here
  CHECK(outcome({"default", {}, true, true}, 99) == kind::no_such_actor);
}

TEST_CASE_FIXTURE(answering_world,
                  "local answers: machines and reports of the stated farm only, in pages") {
  std::vector<std::shared_ptr<live_board::place>> places;
  for (std::size_t i = 0; i < net::machines_page + 5; ++i) {
    auto machine = machine_with_values();
    machine.equipment = "M" + std::to_string(1'000 + i);
    places.push_back(people->board.open("default", machine.equipment, {}));
    places.back()->publish(std::make_shared<const live_equipment>(machine));
  }
  const net::scope all{"default", {}, false, false};
  const auto first = ask<net::machines_page_answer>({all, net::machines_wish{}});
  REQUIRE(first.rows.size() == net::machines_page);
  CHECK(first.more);
  const auto second =
    ask<net::machines_page_answer>({all, net::machines_wish{first.rows.back().equipment}});
  CHECK(second.rows.size() == 5);
  CHECK_FALSE(second.more);
  CHECK(ask<net::machines_page_answer>({{"hill", {}, false, false}, net::machines_wish{}})
          .rows.empty());
  CHECK(ask<net::report_answer>({all, net::report_wish{"T1"}}).known);
  CHECK_FALSE(ask<net::report_answer>({{"hill", {}, false, false}, net::report_wish{"T1"}}).known);
  CHECK_FALSE(
    ask<net::report_answer>({{"default", {"T2"}, false, false}, net::report_wish{"T1"}}).known);
}

TEST_CASE_FIXTURE(answering_world,
                  "local answers: named machines in order, each as its newest actor shows it") {
  std::vector<std::shared_ptr<live_board::place>> places;
  const auto open = [&](const std::string& farm, const std::string& name, std::int64_t epoch) {
    auto machine = machine_with_values();
    machine.farm = farm;
    machine.equipment = name;
    machine.epoch = epoch;
    places.push_back(people->board.open(farm, name, {}));
    places.back()->publish(std::make_shared<const live_equipment>(machine));
  };
  for (const auto* name : {"M3", "M2", "M1"})
    open("default", name, 5);
  open("default", "M2", 4); // the older one stops last
  open("hill", "M4", 5);
  const auto silent = people->board.open("default", "M5", {});
  const auto names = [this](std::vector<std::string> equipment, const std::string& after) {
    std::string out;
    const net::scope who{"default", std::move(equipment), false, false};
    for (const auto& row : ask<net::machines_page_answer>({who, net::machines_wish{after}}).rows)
      out += row.equipment + ':' + std::to_string(row.epoch) + ' ';
    return out;
  };
  CHECK(names({"M3", "M2", "M2", "M4", "M5", "M9"}, "") == "M2:5 M3:5 ");
  CHECK(names({"M3", "M2"}, "M2") == "M3:5 ");
  CHECK(names({"M9"}, "") == "");
  CHECK(names({}, "") == "M1:5 M2:5 M3:5 ");
  CHECK(names({}, "M1") == "M2:5 M3:5 ");
}

TEST_CASE_FIXTURE(answering_world,
                  "local answers: faults are told to who asks for them, as the actor knows them") {
  const auto place = people->board.open("default", "M1", {});
  auto machine = machine_with_values();
  machine.equipment = "M1";
  place->publish(std::make_shared<const live_equipment>(machine));
  const net::scope all{"default", {}, false, false};
  const net::machines_wish with_faults{{}, {}, true};
  const auto row = [&](const net::machines_wish& wish) {
    return ask<net::machines_page_answer>({all, wish}).rows.at(0);
  };
  CHECK_FALSE(row({}).faults);
  CHECK(place->take_detail_wish() == 0); // it costs the actor nothing
  CHECK_FALSE(row(with_faults).faults);  // its actor is asked for them now
  CHECK(place->take_detail_wish() == live_place::wish_faults);
  live_detail detail;
  for (std::uint32_t spn = 1; spn <= net::faults_max; ++spn) {
    auto& one = detail.faults.emplace_back();
    one.list = can::fault_list::previous;
    one.code.spn = spn;
  }
  can::fault active;
  active.bus = 1;
  active.source = 0x26;
  active.code = {110, 3, 5, true};
  active.lamps.red_stop = {can::lamp_state::on, can::lamp_flash::fast};
  active.since_us = 7;
  active.last_us = 9;
  detail.faults.push_back(active);
  place->publish_detail(std::make_shared<const live_detail>(detail));
  CHECK_FALSE(row({}).faults);
  const auto told = row(with_faults).faults;
  REQUIRE(told);
  CHECK(told->size() == net::faults_max);
  const auto back = from_wire(*told); // the active one first
  CHECK(back[0].list == can::fault_list::active);
  CHECK(back[0].bus == 1);
  CHECK(back[0].source == 0x26);
  CHECK(back[0].code == active.code);
  CHECK(back[0].lamps == active.lamps);
  CHECK(back[0].since_us == 7);
  CHECK(back[0].last_us == 9);
  CHECK(back[1].list == can::fault_list::previous);
  CHECK_FALSE(back[1].code.occurrences);
}

TEST_CASE_FIXTURE(answering_world, "local answers: the age of the lease, or that there is none") {
  CHECK(ask<net::lease_age_answer>({{}, net::lease_wish{}}).age_ms == 250);
  lease.reset();
  CHECK_FALSE(ask<net::lease_age_answer>({{}, net::lease_wish{}}).age_ms);
}

TEST_CASE("peer answers: machines that people watch at the asking node are wanted here") {
  answering_world w;
  const auto interest = w.people->board.interest_in("default", "T1");
  const auto interval = [&] { return interest->interval(machine_interest::clock::now()); };
  const net::machines_wish watched{{}, {{"T1", 200}, {"unknown", 20}}};
  (void)w.ask<net::machines_page_answer>({{"hill", {}, false, false}, watched});
  (void)w.ask<net::machines_page_answer>({{"default", {"T2"}, false, false}, watched});
  CHECK(interval() == machine_interest::idle); // outside of the scope
  (void)w.ask<net::machines_page_answer>({{"default", {}, false, false}, watched});
  CHECK(interval() == std::chrono::milliseconds{200});
  CHECK(w.people->board.interest_of("default", "unknown") == nullptr);
}
