/// Goal: a node that dies, stands still or drains costs its machines a moment, and no frame is lost, doubled or sent
///   twice without need. A node that wakes commits nothing and takes no stream back.
/// Method: two nodes on one PostgreSQL, and gateways that know both and keep a ledger of their own. The tables are
///   compared with the ledgers.
#include "tests/fault/cluster_rig.hpp"
#include "tests/fault/ledger_fleet.hpp"
#include "tests/support/pg_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <string>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

pg_cluster& cluster_server() {
  static pg_cluster one;
  return one;
}

/// Whether so many items that were made after `before` are acked, of every machine.
bool all_past(const std::vector<machine_look>& now,
              const std::vector<machine_look>& before,
              std::uint64_t items) {
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i].acked < before[i].made + items)
      return false;
  return true;
}

/// Two nodes and a fleet on a database of their own.
struct two_node_story {
  explicit two_node_story(const std::string& name, std::size_t machines = 12)
    : database{name}, nodes{cluster_server().make_database(name), 2} {
    nodes.start(0);
    nodes.start(1);
    fleet = std::make_unique<ledger_fleet>(fleet_plan{nodes.gateways(), machines});
    REQUIRE(eventually(20s, [&] { return fleet->all_served(); }));
  }

  [[nodiscard]] std::string value(const std::string& sql) const {
    return cluster_server().value(sql, database);
  }
  /// The machines at that node now.
  [[nodiscard]] std::vector<std::string> machines_at(std::size_t node) const {
    std::vector<std::string> out;
    for (const auto& one : fleet->look())
      if (one.node == nodes.gateway(node))
        out.push_back(one.name);
    return out;
  }
  [[nodiscard]] std::vector<machine_look> look_at(const std::vector<std::string>& names) const {
    auto all = fleet->look();
    std::erase_if(all, [&](const machine_look& one) {
      return std::find(names.begin(), names.end(), one.name) == names.end();
    });
    return all;
  }
  /// Whether all of them are at that node, and have acks of it.
  [[nodiscard]] bool served_by(std::size_t node, const std::vector<std::string>& names) const {
    const auto all = look_at(names);
    return std::all_of(all.begin(), all.end(), [&](const machine_look& one) {
      return one.node == nodes.gateway(node) && one.streaming && one.acked_here && one.sessions > 0
             && one.acked + 1'000 > one.made;
    });
  }
  /// The first part of the incarnation of a node's process: its sessions in the database carry it.
  [[nodiscard]] std::string incarnation(std::size_t node) const {
    return value("select split_part(application_name, '/', 3) from pg_stat_activity where "
                 "datname = current_database() and application_name like 'furrow/n"
                 + std::to_string(node + 1) + "/%/w0' limit 1");
  }
  [[nodiscard]] std::string streams_of(const std::string& incarnation) const {
    return value("select count(*) from furrow.stream_watermark where owner::text like '"
                 + incarnation + "%'");
  }
  void finish() const {
    fleet->stop_making();
    CHECK(eventually(20s, [&] { return fleet->all_acked(); }));
    CHECK(fleet->difference(cluster_server().url(database)) == "");
    CHECK(value("select coalesce(sum(lost + doubled), 0) from furrow.ledger") == "0");
  }

  std::string database;
  cluster_rig nodes;
  std::unique_ptr<ledger_fleet> fleet;
};

} // namespace

TEST_CASE("fault, cluster: a node is killed, and the acks of its machines resume within a second") {
  two_node_story story{"cluster_kill"};
  std::vector<std::chrono::milliseconds> all;
  for (std::size_t round = 0; round < 4; ++round) {
    const auto node = round % 2;
    const auto names = story.machines_at(node);
    story.fleet->mark();
    story.nodes.kill(node);
    REQUIRE(eventually(15s, [&] { return story.served_by(1 - node, names); }));
    const auto times = gaps(story.look_at(names));
    all.insert(all.end(), times.begin(), times.end());
    story.nodes.start(node);
  }
  MESSAGE("killed: time without an ack: " << distribution(all));
  REQUIRE(all.size() >= 12);
  CHECK(quantile(all, 0.99) <= 1s);
  story.finish();
}

TEST_CASE("fault, cluster: a node stands still, its machines are served again within 5 s, and when "
          "it wakes it commits nothing and takes no stream back") {
  two_node_story story{"cluster_freeze"};
  const auto names = story.machines_at(0);
  REQUIRE_FALSE(names.empty());
  const auto frozen = story.incarnation(0);
  REQUIRE(frozen.size() == 8);
  CHECK(story.streams_of(frozen) == std::to_string(names.size()));
  story.fleet->mark();
  story.nodes.freeze(0);
  REQUIRE(eventually(15s, [&] { return story.served_by(1, names); }));
  const auto times = gaps(story.look_at(names));
  MESSAGE("frozen: time without an ack: " << distribution(times));
  CHECK(quantile(times, 1) <= 5s);
  CHECK(story.streams_of(frozen) == "0");

  story.fleet->mark();
  const auto epochs = story.value("select sum(epoch) from furrow.stream_watermark");
  story.nodes.wake(0);
  const bool answers = eventually(10s, [&] { return story.nodes.answers(0); });
  REQUIRE_MESSAGE(answers, story.nodes.output(0));
  // Every append and claim that it had under way has been answered, and each machine has new acks.
  const auto before = story.fleet->look();
  REQUIRE(eventually(10s, [&] { return all_past(story.fleet->look(), before, 1'000); }));
  CHECK(story.streams_of(frozen) == "0");
  CHECK(story.value("select sum(epoch) from furrow.stream_watermark") == epochs);
  for (const auto& one : story.fleet->look()) {
    CAPTURE(one.name);
    CHECK(one.sessions == 0);
    CHECK(one.sent_again == 0);
    CHECK(one.longest_gap <= 2s);
  }
  story.finish();
}

TEST_CASE(
  "fault, cluster: a node drains under load, no item is sent twice, and no machine waits for "
  "long") {
  two_node_story story{"cluster_drain"};
  std::vector<std::chrono::milliseconds> all;
  for (std::size_t round = 0; round < 2; ++round) {
    const auto node = round % 2;
    const auto names = story.machines_at(node);
    REQUIRE_FALSE(names.empty());
    story.fleet->mark();
    story.nodes.signal(node, SIGTERM);
    REQUIRE(eventually(15s, [&] { return story.served_by(1 - node, names); }));
    CHECK(story.nodes.end(node, 10s) == 0);
    for (const auto& one : story.look_at(names)) {
      CAPTURE(one.name);
      CHECK(one.sent_again == 0);
      all.push_back(one.longest_gap);
    }
    story.nodes.start(node);
  }
  MESSAGE("drained: time without an ack: " << distribution(all));
  CHECK(quantile(all, 1) <= 500ms);
  story.finish();
}

TEST_CASE(
  "fault, cluster: the primary database stands still, its standby is promoted, and the lanes "
  "are free within 12 s") {
  pg_cluster primary;
  pg_cluster standby{pg_cluster::standby_of{primary}};
  primary.exec("alter system set synchronous_standby_names = '*'");
  primary.exec("select pg_reload_conf()");
  REQUIRE(eventually(30s, [&] {
    return primary.value("select count(*) from pg_stat_replication where sync_state = 'sync'")
           == "1";
  }));
  cluster_rig nodes{"postgresql://postgres@127.0.0.1:" + std::to_string(primary.port())
                      + ",127.0.0.1:" + std::to_string(standby.port()) + "/furrow",
                    1};
  nodes.start(0);
  ledger_fleet fleet{fleet_plan{nodes.gateways(), 6}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  fleet.mark();
  primary.freeze();
  const auto before = fleet.look();
  standby.promote();
  REQUIRE(eventually(30s, [&] { return all_past(fleet.look(), before, 1); }));
  const auto all = fleet.look();
  MESSAGE("frozen primary: time without an ack: " << distribution(gaps(all)));
  CHECK(quantile(gaps(all), 1) <= 12s);
  for (const auto& one : all)
    CHECK(one.node == nodes.gateway(0)); // gateways stay where they are
  fleet.stop_making();
  CHECK(eventually(20s, [&] { return fleet.all_acked(); }));
  CHECK(fleet.difference(standby.url()) == "");
  primary.thaw(); // nobody is left there
}

TEST_CASE("fault, cluster: an asynchronous standby that lacks items is promoted, and gateways that "
          "have nothing new send them again") {
  pg_cluster primary;
  pg_cluster standby{pg_cluster::standby_of{primary}};
  cluster_rig nodes{"postgresql://postgres@127.0.0.1:" + std::to_string(primary.port())
                      + ",127.0.0.1:" + std::to_string(standby.port()) + "/furrow",
                    1};
  nodes.start(0);
  ledger_fleet fleet{fleet_plan{nodes.gateways(), 6}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  const std::string streams = "select count(*) from furrow.stream_watermark where seq > 0";
  REQUIRE(eventually(20s, [&] {
    return standby.value("select to_regclass('furrow.stream_watermark') is not null") == "t"
           && standby.value(streams) == "6";
  }));
  standby.stop_fast();
  const auto before = fleet.look();
  REQUIRE(eventually(20s, [&] { return all_past(fleet.look(), before, 100); }));
  fleet.stop_making();
  REQUIRE(eventually(20s, [&] { return fleet.all_acked(); }));
  fleet.mark();
  primary.stop_immediate();
  standby.start();
  CHECK(fleet.difference(standby.url()) != ""); // acked items are missing
  standby.promote();
  std::uint64_t made = 0;
  for (const auto& one : fleet.look())
    made += one.made;
  CHECK(eventually(40s, [&] {
    return standby.value("select sum(seq) from furrow.stream_watermark") == std::to_string(made);
  }));
  CHECK(fleet.difference(standby.url()) == "");
  for (const auto& one : fleet.look())
    CHECK(one.sent_again > 0);
}

TEST_CASE("fault, cluster: a database that is slow but alive is not left") {
  const auto url = cluster_server().make_database("cluster_slow");
  cluster_rig nodes{url, 1, {"--append-timeout", "500"}};
  nodes.start(0);
  // The first two appends after `slow` is true take 3 s each; the server answers everything else.
  cluster_server().exec(
    "create sequence public.calls; create table public.state (slow boolean); insert into "
    "public.state values (false); create function public.wait() returns trigger language plpgsql "
    "as $$ begin if (select s.slow from public.state s) and nextval('public.calls') <= 2 then "
    "perform pg_sleep(3); end if; return null; end $$; create trigger slow before insert on "
    "furrow.can_block execute function public.wait()",
    "cluster_slow");
  ledger_fleet fleet{fleet_plan{nodes.gateways(), 8}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  const auto lanes = [] {
    return cluster_server().value(
      "select string_agg(pid::text, ' ' order by pid) from pg_stat_activity where datname = "
      "'cluster_slow' and application_name like 'furrow/n1/%/w%' and application_name not like "
      "'%/watch'");
  };
  const auto before = lanes();
  fleet.mark();
  cluster_server().exec("update public.state set slow = true", "cluster_slow");
  REQUIRE(eventually(20s, [&] {
    return cluster_server().value("select last_value from public.calls", "cluster_slow") > "2"
           && fleet.all_served();
  }));
  CHECK(lanes() == before);
  for (const auto& one : fleet.look()) {
    CAPTURE(one.name);
    CHECK(one.longest_gap >= 2s);
    CHECK(one.sent_again == 0);
  }
  fleet.stop_making();
  CHECK(eventually(20s, [&] { return fleet.all_acked(); }));
  CHECK(fleet.difference(cluster_server().url("cluster_slow")) == "");
}
