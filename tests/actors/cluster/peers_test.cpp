// Peers and the cluster view in virtual time: who is asked, what is gathered, and who is named as missing.
#include "actors/cluster/peers.hpp"
#include "actors/cluster/running_peers.hpp"
#include "tests/support/virtual_time.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;
namespace net = furrow::proto::link;

namespace {

/// A network of three pages a node; a node that is silent never answers.
class scripted_port final : public link_port {
public:
  void ask(const peer_info& whom, net::wish what, handler done) override {
    asked.push_back(whom.name + "/" + whom.incarnation);
    if (silent == whom.name) {
      held.push_back(std::move(done)); // as long as the port lives
      return;
    }
    if (wrong == whom.name) {
      done(net::report_answer{});
      return;
    }
    if (const auto* wish = std::get_if<net::actors_wish>(&what.what))
      done(page_after(wish->after, whom.name));
    else
      done(net::failed_answer{"not asked for in these tests"});
  }

  std::vector<std::string> asked;
  std::string silent;
  std::string wrong;
  std::vector<handler> held;

private:
  static net::reply page_after(std::uint64_t after, const std::string& node) {
    net::actors_page_answer page;
    for (auto id = after + 1; id <= after + 2 && id <= 5; ++id) {
      net::actor_row row;
      row.id = id;
      row.name = node;
      page.rows.push_back(row);
    }
    page.more = after + 2 < 5;
    return page;
  }
};

struct cluster_world {
  cluster_world() {
    supervisor = system->spawn(peers, peers_parts{port, roster, people, 1});
    view = std::make_unique<running_peers>(*system, roster,
                                           local_answers{people, [](auto, auto, auto) {}, {}, {}});
    directory->listen([this](const peer_directory::list& nodes) {
      caf::anon_send(supervisor, peers_changed{nodes});
    });
  }
  cluster_world(const cluster_world&) = delete;
  cluster_world& operator=(const cluster_world&) = delete;
  ~cluster_world() {
    directory->listen({});
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
    supervisor = nullptr;
    system.run();
    port->held.clear();
    roster->clear();
    people->clear();
    system.run();
  }

  void set(peer_directory::list nodes) {
    directory->set(std::move(nodes));
    system.run();
  }
  std::optional<peers_said> ask(const std::string& node = {}) {
    auto heard = std::make_shared<std::optional<peers_said>>();
    const auto done = [heard](peers_said said) { *heard = std::move(said); };
    if (node.empty())
      view->ask_peers({{"default", {}, false, false}, net::actors_wish{}}, done);
    else
      view->ask_peer(node, {{"default", {}, false, false}, net::actors_wish{}}, done);
    system.run();
    if (!*heard)
      system.advance(peer_limit + 10ms);
    return *heard;
  }

  tests::virtual_system system;
  std::shared_ptr<scripted_port> port = std::make_shared<scripted_port>();
  std::shared_ptr<peer_roster> roster = std::make_shared<peer_roster>();
  std::shared_ptr<census> people = std::make_shared<census>();
  std::shared_ptr<peer_directory> directory = std::make_shared<peer_directory>();
  std::unique_ptr<running_peers> view;
  peers_actor supervisor;
};

const peer_info n2{"n2", "a", "127.0.0.1:1", true};
const peer_info n3{"n3", "a", "127.0.0.1:2", true};

} // namespace

TEST_CASE_FIXTURE(cluster_world, "cluster view: every page of every living node is gathered") {
  set({n2, n3, {"n4", "a", "127.0.0.1:3", false}, {"n5", "a", "", true}});
  const auto said = ask();
  REQUIRE(said);
  CHECK(said->incomplete.empty());
  REQUIRE(said->answers.size() == 2);
  for (const auto& [node, reply] : said->answers) {
    const auto& page = std::get<net::actors_page_answer>(*reply);
    REQUIRE(page.rows.size() == 5);
    CHECK(page.rows.front().id == 1);
    CHECK(page.rows.back().id == 5);
    CHECK(page.rows.back().name == node);
  }
  CHECK(port->asked.size() == 6);
}

TEST_CASE_FIXTURE(cluster_world, "cluster view: who does not answer within a second is named") {
  set({n2, n3});
  port->silent = "n3";
  const auto said = ask();
  REQUIRE(said);
  CHECK(said->incomplete == std::vector<std::string>{"n3"});
  REQUIRE(said->answers.size() == 1);
  CHECK(said->answers[0].first == "n2");
}

TEST_CASE_FIXTURE(cluster_world, "cluster view: an answer to another question counts as none") {
  set({n2});
  port->wrong = "n2";
  const auto said = ask();
  REQUIRE(said);
  CHECK(said->incomplete == std::vector<std::string>{"n2"});
}

TEST_CASE_FIXTURE(cluster_world, "cluster view: one node is asked by name, an unknown one is not") {
  set({n2, n3});
  const auto said = ask("n3");
  REQUIRE(said);
  REQUIRE(said->answers.size() == 1);
  CHECK(said->answers[0].first == "n3");
  const auto nobody = ask("n9");
  REQUIRE(nobody);
  CHECK(nobody->unknown);
  set({});
  const auto alone = ask();
  REQUIRE(alone);
  CHECK(alone->answers.empty());
  CHECK(alone->incomplete.empty());
}

TEST_CASE_FIXTURE(cluster_world,
                  "peers: a peer ends with its node's process, and monitors get DOWN") {
  set({n2});
  REQUIRE(roster->all().size() == 1);
  const auto old = roster->all()[0].second;
  std::string why;
  old->attach_functor([&why, this](const caf::error& reason) { why = system->render(reason); });
  set({{"n2", "b", "127.0.0.1:1", true}});
  CHECK(why.find("remote_link_unreachable") != std::string::npos);
  REQUIRE(roster->all().size() == 1);
  CHECK(roster->all()[0].second != old);
  (void)ask();
  CHECK(port->asked.back() == "n2/b");
  set({{"n2", "b", "127.0.0.1:1", false}}); // dead
  CHECK(roster->all().empty());
  CHECK(people->rows().empty());
}

TEST_CASE_FIXTURE(cluster_world, "peers: a peer that dies by a fault starts again after a second") {
  set({n2});
  caf::anon_send_exit(roster->all()[0].second, caf::exit_reason::kill);
  system.run();
  CHECK(roster->all().empty());
  CHECK(people->rows()[0].state == "restarting");
  system.advance(1'010ms);
  REQUIRE(roster->all().size() == 1);
  CHECK(people->rows()[0].restarts == 1);
  CHECK(people->rows()[0].kind == "peer");
}
