/// Goal: farms of one database do not notice that another database hangs or dies, and nothing of any farm is lost, doubled
///   or stored in the wrong place.
/// Method: one node in this process, three servers, farms of each. Acks are timed before and while one server is frozen.
#include "actors/live/node_meter.hpp"
#include "actors/node.hpp"
#include "storage/homes/home_stores.hpp"
#include "storage/store.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_gateway.hpp"
#include "tests/support/pg_cluster.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
using std::chrono::microseconds;

namespace {

const std::string names[] = {"main", "east", "west"};

struct servers {
  pg_cluster main;
  pg_cluster east;
  pg_cluster west;
  pg_cluster& of(const std::string& name) {
    return name == "main" ? main : name == "east" ? east : west;
  }
};

servers& all_servers() {
  static servers one;
  return one;
}

std::unique_ptr<storage::store> open(const std::string& url) {
  storage::store_options options;
  options.url = url;
  options.application_name = "furrow/homes/00000000";
  auto opened = storage::open_store(options);
  if (!opened)
    throw std::runtime_error{opened.error().detail};
  return std::move(*opened);
}

void migrate(storage::store& store) {
  std::promise<bool> done;
  store.migrate([&](const auto& outcome) { done.set_value(static_cast<bool>(outcome)); });
  if (!done.get_future().get())
    throw std::runtime_error{"the main database cannot be migrated"};
}

void open_home_of(storage::home_stores& homes, const std::string& farm) {
  std::promise<bool> done;
  homes.resolve(farm, [&](const auto& home) { done.set_value(static_cast<bool>(home)); });
  if (!done.get_future().get())
    throw std::runtime_error{"the database of " + farm + " cannot be opened"};
}

/// A node whose farms live in three databases, with two machines of a farm in each.
struct rig_of_homes {
  rig_of_homes() {
    auto& on = all_servers();
    for (const auto& name : names)
      on.of(name).exec("drop database if exists homes with (force)", "postgres");
    std::string urls[3];
    for (int i = 0; i < 3; ++i)
      urls[i] = on.of(names[i]).make_database("homes");
    auto main = open(urls[0]);
    migrate(*main);
    on.main.exec("insert into furrow.database (name, url) values ('east', '" + urls[1]
                   + "'), ('west', '" + urls[2]
                   + "'); insert into furrow.farm_home (farm, database, version) values "
                     "('main farm', 'main', 1), ('east farm', 'east', 1), ('west farm', 'west', 1)",
                 "homes");
    auto homes = storage::make_home_stores(
      std::move(main),
      [](const storage::database_row& row) -> storage::result<std::unique_ptr<storage::store>> {
        return open(row.url);
      },
      true);
    actors::node_config config;
    config.flush_interval = config.flush_longest = 5ms;
    config.claim_retry = 50ms;
    running = actors::start_node(config, std::move(homes));
    for (const auto& name :
         names) // a gateway of this test does not come again when it waits for migrations
      open_home_of(running->parts().homes, name + " farm");
    std::uint8_t number = 0;
    for (const auto& name : names)
      for (int machine = 1; machine <= 2; ++machine)
        gateways.emplace_back(running->parts().gateways, "T" + std::to_string(machine),
                              can::stream_id{++number}, 100, name + " farm");
  }

  fake_gateway& first_of(const std::string& name) {
    return gateways[static_cast<std::size_t>(2 * (std::find(names, names + 3, name) - names))];
  }
  bool all_acked() {
    bool acked = true;
    for (auto& one : gateways)
      acked = one.pump(50) && acked;
    return acked;
  }
  /// How long the acks of one machine take, the slowest hundredth left out; the other machines send, too.
  microseconds ack_p99(const std::string& name, int rounds) {
    auto& measured = first_of(name);
    std::vector<microseconds> took;
    for (int i = 0; i < rounds; ++i) {
      measured.extend(20);
      for (auto& one : gateways)
        if (&one != &measured)
          one.extend(2);
      const auto sent = std::chrono::steady_clock::now();
      while (!measured.pump(50) && std::chrono::steady_clock::now() < sent + 20s) {
        for (auto& one : gateways)
          if (&one != &measured)
            (void)one.pump(50);
        std::this_thread::sleep_for(200us);
      }
      took.push_back(
        std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - sent));
    }
    std::sort(took.begin(), took.end());
    return took[took.size() * 99 / 100];
  }
  /// The farms of a database; each has all its items, once.
  static std::string farms_in(const std::string& name, std::uint64_t& items) {
    const auto rows = all_servers().of(name).exec(
      "select farm, sum(durable), sum(stored), sum(lost), sum(doubled) from furrow.ledger "
      "group by farm",
      "homes");
    std::string out;
    for (const auto& row : rows) {
      out += (out.empty() ? "" : ", ") + row.at(0);
      CHECK(row.at(1) == row.at(2));
      CHECK(row.at(3) == "0");
      CHECK(row.at(4) == "0");
      items += std::stoull(row.at(1));
    }
    return out;
  }

  std::unique_ptr<actors::node> running;
  std::deque<fake_gateway> gateways;
};

} // namespace

TEST_CASE("homes, postgresql: while a server stands still, the acks of the other databases come as "
          "before") {
  rig_of_homes where;
  REQUIRE(eventually(30s, [&] { return where.all_acked(); }));
  (void)where.ack_p99("main", 50); // everything is open and warm
  microseconds before[2] = {where.ack_p99("main", 200), where.ack_p99("west", 200)};

  auto& east = all_servers().east;
  east.freeze();
  microseconds during[2] = {where.ack_p99("main", 200), where.ack_p99("west", 200)};
  std::uint64_t behind = where.first_of("east").count() - where.first_of("east").acked();
  CHECK(behind > 0);
  CHECK(where.running->parts().meter.stats().store_up);
  for (int i = 0; i < 2; ++i) {
    MESSAGE((i == 0 ? "main" : "west"), ": ack p99 ", before[i].count(), " us, and ",
            during[i].count(), " us while the server of another database stands still");
    // A busy machine varies by more than what is to be shown; a wait for the frozen server takes seconds.
    CHECK(during[i] < before[i] + before[i] / 5 + 100ms);
  }

  east.thaw();
  REQUIRE(eventually(60s, [&] { return where.all_acked(); }));
  std::uint64_t items = 0;
  for (const auto& name : names)
    CHECK(where.farms_in(name, items) == name + " farm");
  std::uint64_t sent = 0;
  for (const auto& one : where.gateways)
    sent += one.count();
  CHECK(items == sent);
}

TEST_CASE("homes, postgresql: a claim that names another database moves a farm's machines there "
          "within two seconds") {
  rig_of_homes where;
  REQUIRE(eventually(30s, [&] { return where.all_acked(); }));
  // What a move writes at the source: nobody can append there any more. Its items stay there in this test.
  all_servers().east.exec("update furrow.farm set home = 'west', home_version = 2, home_state = "
                          "'gone' where name = 'east "
                          "farm'; update furrow.stream_watermark set epoch = epoch + 1",
                          "homes");
  const auto items_in_west = [] {
    return all_servers().west.value(
      "select coalesce(sum(durable), 0) from furrow.ledger where farm = 'east farm'", "homes");
  };
  const auto began = std::chrono::steady_clock::now();
  for (auto& one : where.gateways)
    one.extend(20);
  while (!where.all_acked()
         || items_in_west() != "240") { // `eventually` would send and look less often
    REQUIRE(std::chrono::steady_clock::now() - began < 30s);
    pause_a_little();
  }
  const auto took =
    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  MESSAGE("after ", took.count(), " ms everything was in the new home");
  CHECK(took < 2s);
  CHECK(all_servers().east.value("select sum(w.seq) from furrow.stream_watermark w", "homes")
        == "200");
  CHECK(all_servers().east.value("select count(*) from furrow.ledger", "homes") == "0");
  for (const auto& one : where.gateways)
    CHECK_FALSE(one.rejected());
}

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Of this process without the thread that plays the gateways.
double node_cpu_s() {
  double out = 0;
  for (const auto& [whose, sign] : {std::pair{RUSAGE_SELF, 1.0}, std::pair{RUSAGE_THREAD, -1.0}}) {
    rusage used{};
    ::getrusage(whose, &used);
    out += sign * (seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
  }
  return out;
}

/// Of a server and its sessions, also of those that have ended.
double server_cpu_s(const pg_cluster& server) {
  std::ifstream file{server.folder() / "data" / "postmaster.pid"};
  pid_t postmaster = 0;
  file >> postmaster;
  REQUIRE(postmaster > 0);
  auto pids = children_of(postmaster);
  pids.push_back(postmaster);
  double ticks = 0;
  for (const auto pid : pids) {
    std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
    std::string text{std::istreambuf_iterator<char>{stat}, {}};
    std::istringstream fields{text.substr(text.rfind(')') + 2)};
    std::string field;
    for (int i = 3; fields >> field && i <= 17; ++i)
      if (i >= 14)
        ticks += std::stod(field);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct cost {
  double node_s = 0;
  double server_s = 0;
};

/// Frames that each of 40 machines sends.
struct load {
  std::string name;
  std::uint64_t frames = 0;
  std::uint64_t batch = 0;
  std::chrono::milliseconds pace{0}; // from batch to batch; 0: as fast as the node takes them
};

/// Two farms with 20 machines each send the same frames, to one database or to two of one server.
cost cost_of(int databases, int round, const load& sent) {
  auto& server = all_servers().main;
  const auto name = sent.name + std::to_string(databases) + "_" + std::to_string(round);
  auto main = open(server.make_database(name));
  migrate(*main);
  if (databases == 2)
    server.exec("insert into furrow.database (name, url) values ('b', '"
                  + server.make_database(name + "b")
                  + "'); insert into furrow.farm_home (farm, database, version) values "
                    "('f1', 'main', 1), ('f2', 'b', 1)",
                name);
  actors::node_config config;
  config.lanes = 2; // as furrowd
  config.digest.on = false;
  config.seal_after = 0min;
  config.care_interval = 0min;
  const auto running = actors::start_node(
    config,
    storage::make_home_stores(
      std::move(main),
      [](const storage::database_row& row) -> storage::result<std::unique_ptr<storage::store>> {
        return open(row.url);
      },
      true));
  for (const auto* farm : {"f1", "f2"})
    open_home_of(running->parts().homes, farm);
  std::deque<fake_gateway> gateways;
  for (std::uint8_t i = 0; i < 40; ++i)
    gateways.emplace_back(running->parts().gateways, "T" + std::to_string(i), can::stream_id{i, 7},
                          100, i % 2 == 0 ? "f1" : "f2");
  const auto pump_all = [&] {
    bool acked = true;
    for (auto& one : gateways)
      acked = one.pump(sent.batch) && acked;
    return acked;
  };
  REQUIRE(eventually(60s, pump_all)); // all is open
  std::this_thread::sleep_for(3s);
  const cost before{node_cpu_s(), server_cpu_s(server)};
  // A steady pace, so that transactions are of one size however busy the machine is.
  for (std::uint64_t done = 0; done < sent.frames; done += sent.batch) {
    for (auto& one : gateways)
      one.extend(sent.batch);
    const auto next = std::chrono::steady_clock::now() + sent.pace;
    do
      (void)pump_all();
    while (std::chrono::steady_clock::now() < next && (std::this_thread::sleep_for(5ms), true));
  }
  REQUIRE(eventually(60s, pump_all));
  return {node_cpu_s() - before.node_s, server_cpu_s(server) - before.server_s};
}

} // namespace

// By hand: databases_pg_tests -ns -tc='*what two databases cost*'
TEST_CASE("homes, postgresql: what two databases cost" * doctest::skip()) {
  const load loads[] = {{"slow", 20'000, 250, 250ms},   // 40,000 frames/s
                        {"steady", 50'000, 625, 250ms}, // 100,000 frames/s
                        {"fast", 300'000, 5'000, 0ms}};
  for (const auto& sent : loads)
    for (int round = 0; round < 3; ++round)
      for (const int databases : {1, 2}) {
        const auto used = cost_of(databases, round, sent);
        MESSAGE(sent.name, ", ", databases, " databases: node ", used.node_s, " s, server ",
                used.server_s, " s");
      }
}
