// Lists of other nodes that are kept for a moment.
#include "actors/cluster/cached_peers.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;
namespace net = furrow::proto::link;

namespace {

/// Keeps what it is asked until the test answers.
class held_peers final : public peer_nodes {
public:
  void ask_peers(net::wish, heard done) override { asked.push_back(std::move(done)); }
  void ask_peer(const std::string&, net::wish, heard done) override { done({}); }
  void answer(const net::wish&, link_port::handler) override {}
  std::vector<heard> asked;
};

struct cached_world {
  held_peers* const peers = new held_peers; // the cache owns it
  cached_peers::clock::time_point now{};
  cached_peers cache{std::unique_ptr<peer_nodes>{peers}, [this] { return now; }};
  std::vector<std::string> heard;

  void ask(decltype(net::wish::what) what,
           const std::string& farm = "default",
           std::vector<std::string> names = {}) {
    cache.ask_peers({{farm, std::move(names), false, false}, std::move(what)},
                    [this](const peers_said& said) { heard.push_back(said.incomplete.at(0)); });
  }
  void answer(std::size_t which, const std::string& text) {
    peers_said said;
    said.incomplete = {text};
    peers->asked.at(which)(std::move(said));
  }
};

} // namespace

TEST_CASE_FIXTURE(cached_world,
                  "cached peers: who asks for a list that is on its way waits for it") {
  ask(net::machines_wish{});
  ask(net::machines_wish{});
  ask(net::actors_wish{}); // another list
  ask(net::machines_wish{}, "hill");
  REQUIRE(peers->asked.size() == 3);
  CHECK(heard.empty());
  answer(0, "one");
  CHECK(heard == std::vector<std::string>{"one", "one"});
  answer(2, "hill");
  CHECK(heard.back() == "hill");
}

TEST_CASE_FIXTURE(cached_world, "cached peers: a list is kept for half a second") {
  ask(net::machines_wish{});
  answer(0, "one");
  now += 499ms;
  ask(net::machines_wish{});
  CHECK(heard == std::vector<std::string>{"one", "one"});
  CHECK(peers->asked.size() == 1);
  now += 1ms;
  ask(net::machines_wish{});
  REQUIRE(peers->asked.size() == 2);
  answer(1, "two");
  CHECK(heard.back() == "two");
}

TEST_CASE_FIXTURE(cached_world, "cached peers: who only asks one node leaves what is kept") {
  ask(net::machines_wish{});
  answer(0, "one");
  const net::scope who{"default", {}, false, false};
  cache.ask_peer("n2", {who, net::report_wish{"T1"}}, [](peers_said) {});
  cache.ask_peer("n2", {who, net::actors_wish{}}, [](peers_said) {});
  ask(net::machines_wish{});
  CHECK(peers->asked.size() == 1);
  CHECK(heard == std::vector<std::string>{"one", "one"});
}

TEST_CASE_FIXTURE(cached_world, "cached peers: single machines do not push out the list of all") {
  ask(net::machines_wish{});
  answer(0, "all");
  for (int i = 0; i < 2'000; ++i) {
    ask(net::machines_wish{}, "default", {"T" + std::to_string(i)});
    answer(peers->asked.size() - 1, "single");
  }
  ask(net::machines_wish{});
  ask(net::machines_wish{}, "default", {"T7"});
  CHECK(peers->asked.size() == 2'001);
  CHECK(heard.at(heard.size() - 2) == "all");
}

TEST_CASE_FIXTURE(cached_world, "cached peers: an actor that is ended drops what is kept") {
  ask(net::actors_wish{});
  answer(0, "one");
  cache.ask_peer("n2", {{"default", {}, false, false}, net::end_wish{1, false}}, [](peers_said) {});
  ask(net::actors_wish{});
  CHECK(peers->asked.size() == 2);
  ask(net::machines_wish{"T5"}); // a page of a list is no list
  ask(net::machines_wish{"T5"});
  CHECK(peers->asked.size() == 4);
  ask(net::machines_wish{{}, {{"T1", 20}}}); // the node must hear of the watched machine
  ask(net::machines_wish{{}, {{"T1", 20}}});
  CHECK(peers->asked.size() == 6);
  ask(net::machines_wish{{}, {}, true}); // so that the faults are as of the ask before
  ask(net::machines_wish{{}, {}, true});
  CHECK(peers->asked.size() == 8);
}
