// Which node has a machine that is not connected here, and who asks the database for it.
#include "storage/identity/audit.hpp"
#include "tools/furrowd/cache/homes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

using namespace furrow;
using storage::node_status;
using namespace std::chrono_literals;

namespace {

storage::node_row home_node(const std::string& name, node_status status, std::int64_t since_us) {
  storage::node_row out;
  out.who = {name, {7}};
  out.status = status;
  out.since_us = since_us;
  return out;
}

/// Keeps who asks for homes until the test answers.
class held_members final : public storage::membership_store {
public:
  using homes_handler = storage::handler<std::vector<storage::machine_home>>;
  void beat(storage::beat_request, storage::handler<storage::beat_outcome>) override {}
  void judge(storage::node_identity, storage::handler<storage::judgement>) override {}
  void leave(storage::node_identity, storage::handler<furrow::done>) override {}
  void steer(std::string,
             storage::node_wish,
             storage::author,
             storage::handler<storage::node_status>) override {}
  void settle(storage::node_identity,
              storage::machine_names,
              storage::handler<storage::machine_names>) override {}
  void unsettle(storage::node_identity,
                storage::machine_names,
                storage::handler<storage::machine_names>) override {}
  void homes(std::string, homes_handler done) override { asked.push_back(std::move(done)); }
  void pins(homes_handler) override {}
  void pin(std::string,
           std::string,
           std::string,
           storage::author,
           storage::handler<furrow::done>) override {}
  std::vector<homes_handler> asked;
};

/// People who ask where the machine T1 is.
struct home_askers {
  void ask() { spawn(homes.of_farm(&board, &members, "hill", 10s)); }
  void ask_soon() { spawn(homes.of_farm_soon(&board, &members, "hill", 10s)); }
  void answer(std::size_t which, const std::string& node) {
    std::exchange(members.asked.at(which),
                  {})(std::vector<storage::machine_home>{{"hill", "T1", node, {7}, 0, ""}});
    work();
  }
  void spawn(boost::asio::awaitable<http::home_cache::shared_places> asking) {
    boost::asio::co_spawn(
      io, std::move(asking),
      [this](const std::exception_ptr&, const http::home_cache::shared_places& places) {
        const auto found = places->find("T1");
        heard.push_back(found == places->end() ? "" : found->second.node);
      });
    work();
  }
  void work() {
    io.restart();
    io.poll();
  }
  void publish() {
    auto view = std::make_shared<actors::cluster_view>();
    view->nodes = {home_node("n1", node_status::alive, 0), home_node("n2", node_status::alive, 0)};
    board.publish(view);
  }

  boost::asio::io_context io;
  http::home_cache::clock::time_point now{1h};
  http::home_cache homes{[this] { return now; }};
  held_members members;
  actors::cluster_board board{{"n1", {7}}};
  std::vector<std::string> heard;
};

} // namespace

TEST_CASE_FIXTURE(home_askers, "homes: many who ask at once cause one query") {
  publish();
  for (int i = 0; i < 50; ++i)
    ask();
  REQUIRE(members.asked.size() == 1);
  CHECK(heard.empty());
  answer(0, "n1");
  CHECK(heard == std::vector<std::string>(50, "n1"));
  now += 1s; // too old: one reads, and the others take what was read before
  for (int i = 0; i < 50; ++i)
    ask();
  CHECK(members.asked.size() == 2);
  CHECK(heard.size() == 99);
  answer(1, "n2");
  CHECK(heard.back() == "n2");
  now += 2s; // far too old: all wait
  ask();
  ask();
  CHECK(members.asked.size() == 3);
  CHECK(heard.size() == 100);
  answer(2, "n1");
  CHECK(heard.size() == 102);
  CHECK(heard.back() == "n1");
}

TEST_CASE_FIXTURE(home_askers, "homes: older ones are given up to a limit of their own") {
  publish();
  ask();
  answer(0, "n1");
  now += 4'999ms;
  ask_soon();
  CHECK(members.asked.size() == 1);
  now += 1ms; // read anew for the next caller
  ask_soon();
  CHECK(members.asked.size() == 2);
  CHECK(heard == std::vector<std::string>(3, "n1"));
  now += 9'999ms;
  ask_soon();
  CHECK(heard.size() == 4);
  now += 1ms; // too old for anybody
  ask_soon();
  CHECK(heard.size() == 4);
  answer(members.asked.size() - 1, "n2");
  CHECK(heard.back() == "n2");
  CHECK(heard.size() == 5);
}

TEST_CASE_FIXTURE(home_askers, "homes: after a change nobody gets what was read before it") {
  publish();
  ask();
  homes.forget("hill");
  ask();
  REQUIRE(members.asked.size() == 2);
  answer(0, "n1"); // for who asked before the change
  answer(1, "n2");
  CHECK(heard == std::vector<std::string>{"n1", "n2"});
  homes.forget("hill");
  ask();
  homes.forget("hill");
  ask();
  answer(3, "n2");
  answer(2, "n1"); // late: it must not replace what is newer
  ask();
  CHECK(heard.back() == "n2");
  CHECK(members.asked.size() == 4);
  homes.forget("hill");
  ask_soon();
  REQUIRE(members.asked.size() == 5);
  answer(4, "n1");
  CHECK(heard.back() == "n1");
}

TEST_CASE_FIXTURE(home_askers,
                  "homes: a beat of the database alone does not make the places again") {
  publish();
  ask();
  answer(0, "n1");
  const auto places = [this] {
    http::home_cache::shared_places got;
    boost::asio::co_spawn(
      io, homes.of_farm_soon(&board, &members, "hill", 10s),
      [&got](const std::exception_ptr&, http::home_cache::shared_places said) { got = said; });
    work();
    return got;
  };
  const auto first = places();
  publish(); // another view with the same numbers
  CHECK(places() == first);
  auto changed = std::make_shared<actors::cluster_view>(*board.latest());
  changed->view = 1;
  changed->nodes.clear();
  board.publish(changed);
  CHECK(places() != first);
  CHECK(places()->at("T1").node.empty());
}

TEST_CASE("homes: a machine is at the process that served it last, or awaits its gateway") {
  constexpr std::int64_t minute_us = 60'000'000;
  constexpr std::int64_t now_us = 1'000 * minute_us;
  actors::cluster_view view;
  view.nodes = {home_node("n1", node_status::alive, 0),
                home_node("n2", node_status::dead, now_us - minute_us),
                home_node("n3", node_status::left, now_us - 11 * minute_us),
                home_node("n4", node_status::draining, 0)};
  const auto places = http::places_of({{"f", "here", "n1", {7}, 0, ""},
                                       {"f", "orphan", "n2", {7}, 0, "n1"},
                                       {"f", "long_ago", "n3", {7}, 0, ""},
                                       {"f", "drains", "n4", {7}, 0, ""},
                                       {"f", "older", "n1", {6}, 0, ""},
                                       {"f", "unknown", "n9", {7}, 0, ""},
                                       {"f", "pinned", "", {}, 0, "n2"}},
                                      view, now_us);
  CHECK(places.at("here").node == "n1");
  CHECK_FALSE(places.at("here").awaiting);
  CHECK(places.at("orphan").node.empty());
  CHECK(places.at("orphan").awaiting);
  CHECK(places.at("orphan").pinned_to == "n1");
  CHECK_FALSE(places.at("long_ago").awaiting);
  CHECK(places.at("drains").node == "n4");
  CHECK(places.at("older").node.empty());
  CHECK_FALSE(places.at("older").awaiting); // n1 started long ago
  CHECK(places.at("unknown").node.empty());
  CHECK_FALSE(places.at("unknown").awaiting);
  CHECK(places.at("pinned").pinned_to == "n2");
}
