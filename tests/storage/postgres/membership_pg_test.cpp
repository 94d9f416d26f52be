// Leases of nodes: who is here, who is declared dead, and when nobody may be.
#include "storage/identity/identities.hpp"
#include "storage/membership.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"
#include "tests/support/eventually.hpp"

#include <libpq-fe.h>

using namespace furrow::storage;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

node_identity node_named(const std::string& name, std::uint8_t first = 1) {
  node_identity out{name, {}};
  out.incarnation = {first, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  return out;
}

const author of_north{"north/anna", "10.0.0.9"};

/// A database with a cluster whose judges may judge at once: the server is old enough in every test but one.
struct members {
  postgres_bed bed;
  std::unique_ptr<store> opened = bed.open_migrated();
  membership_store& area = *opened->membership();

  beat_outcome beat(const node_identity& who, bool joins = false, bool ends = false) {
    beat_request request{who, joins, ends, {}, {}};
    request.card = {"10.0.0.1:7400", "10.0.0.1:7480", "", "1.2.3", 1, 2};
    request.load = {7, 1'000, 250};
    return must(answer_of<beat_outcome>([&](auto done) { area.beat(request, done); }));
  }
  judgement judge(const node_identity& who) {
    return must(answer_of<judgement>([&](auto done) { area.judge(who, done); }));
  }
  result<node_status> steer(const std::string& node, node_wish wish) {
    return answer_of<node_status>([&](auto done) { area.steer(node, wish, of_north, done); });
  }
  std::vector<audit_row> notes() {
    return must(answer_of<std::vector<audit_row>>([&](auto done) {
      audit_of(*opened)->list({{}, 0, {}, {}, 10}, std::move(done));
    }));
  }
  /// Moves the clock of a lease instead of waiting for it.
  void age(const std::string& node, const std::string& lease, const std::string& unbroken) {
    bed.tamper("update furrow.node set lease_until = clock_timestamp() + interval '" + lease
               + "', unbroken_since = clock_timestamp() - interval '" + unbroken
               + "' where name = '" + node + "'");
  }
  void wait_until_old_enough() {
    REQUIRE(eventually(10s, [&] {
      return bed.value(
               "select clock_timestamp() - pg_postmaster_start_time() > interval '4.1 s' and "
               "quiet_until < clock_timestamp() from furrow.cluster")
             == "t";
    }));
  }
};

std::string names_of(const judgement& made) {
  std::string out;
  for (const auto& each : made.dead)
    out += (out.empty() ? "" : " ") + each.name;
  return out;
}

const node_row& row_of(const beat_outcome& said, const std::string& name) {
  for (const auto& one : said.nodes)
    if (one.who.name == name)
      return one;
  throw std::runtime_error{"no node " + name};
}

} // namespace

TEST_CASE("postgres, membership: a beat renews the lease and says who is here") {
  members all;
  const auto n1 = node_named("n1", 1);
  const auto n2 = node_named("n2", 2);
  const auto first = all.beat(n1, true);
  CHECK(first.mine);
  CHECK(first.known);
  CHECK(first.nodes.size() == 1);
  const auto second = all.beat(n2, true);
  CHECK(second.view > first.view);
  CHECK(second.nodes.at(0).who == n2); // the asking one first
  const auto again = all.beat(n1);
  CHECK(again.view == second.view);
  const auto& other = row_of(again, "n2");
  CHECK(other.who == n2);
  CHECK(other.status == node_status::alive);
  CHECK(other.card == node_card{"10.0.0.1:7400", "10.0.0.1:7480", "", "1.2.3", 1, 2});
  CHECK(other.load.sessions == 7);
  CHECK(other.load.frames_s == 1'000);
  CHECK(other.load.lag_ms == 250);
  CHECK(other.weight == 100);
  CHECK(other.lease_ms > 2'000);
  CHECK(other.lease_ms <= 3'000);
  CHECK(other.since_us > 1'600'000'000'000'000);
  // Nobody who has not joined has a lease.
  const auto stranger = all.beat(node_named("n3", 3));
  CHECK_FALSE(stranger.known);
  CHECK_FALSE(stranger.mine);
  CHECK(stranger.nodes.size() == 2);
}

TEST_CASE("postgres, membership: a new process takes the name at once, and the old one learns it") {
  members all;
  const auto old = node_named("n1", 1);
  const auto fresh = node_named("n1", 9);
  (void)all.beat(old, true);
  CHECK(must(all.steer("n1", {node_wish::kind::weigh, 300})) == node_status::alive);
  const auto taken = all.beat(fresh, true);
  CHECK(taken.mine);
  CHECK(row_of(taken, "n1").weight == 300); // what people set stays with the name
  const auto told = all.beat(old);
  CHECK(told.known);
  CHECK_FALSE(told.mine);
  CHECK(all.beat(fresh).mine); // the old one has renewed nothing
  CHECK_FALSE(all.beat(old).mine);
}

TEST_CASE("postgres, membership: a new process of the name ends what the old one left open") {
  members all;
  store_options options;
  options.url = all.bed.url();
  options.application_name = "furrow/n1/01020304";
  const auto frozen = must(open_store(options));
  REQUIRE(must(answer_of<store_health>([&](auto done) { frozen->health(done); })).up);
  const std::string count = "select count(*) from pg_stat_activity where datname = '"
                            + all.bed.name() + "' and application_name like 'furrow/n1/01020304/%'";
  REQUIRE(all.bed.value(count) != "0");
  (void)all.beat(node_named("n1", 1), true);
  (void)all.beat(node_named("n2", 2), true);
  CHECK(all.bed.value(count) != "0");
  (void)all.beat(node_named("n1", 9), true);
  CHECK(eventually(5s, [&] { return all.bed.value(count) == "0"; }));
}

TEST_CASE("postgres, membership: only who has a lease that did not lapse declares others dead") {
  members all;
  const auto n1 = node_named("n1", 1);
  const auto n2 = node_named("n2", 2);
  (void)all.beat(n1, true);
  (void)all.beat(n2, true);
  all.wait_until_old_enough();
  const auto view = all.beat(n1).view;
  SUBCASE("a judge without a lease") {
    CHECK(all.judge(node_named("n9", 9)).refused == "the judge has no lease");
    CHECK(all.judge(node_named("n1", 9)).refused == "the judge has no lease");
  }
  SUBCASE("a judge whose lease has lapsed") {
    all.age("n1", "-1 s", "1 h");
    all.age("n2", "-1 s", "1 h");
    CHECK(all.judge(n1).refused == "the lease of the judge has lapsed");
    (void)all.beat(n1); // renewed, but for less than four seconds
    CHECK(all.judge(n1).refused == "the lease of the judge has lapsed");
    CHECK(all.beat(n2).mine);
  }
  SUBCASE("a failover takes leases back: nobody judges for four seconds") {
    all.age("n1", "3 s", "1 h");
    all.age("n2", "-1 s", "1 h");
    all.bed.tamper("update furrow.cluster set timeline = timeline - 1");
    CHECK(all.judge(n1).refused == "the server has a new timeline");
    CHECK(all.judge(n1).refused == "a failover was a moment ago");
    CHECK(
      all.bed.value("select quiet_until - clock_timestamp() between interval '3 s' and interval "
                    "'4 s' from furrow.cluster")
      == "t");
  }
  SUBCASE("a lease that is valid") {
    all.age("n1", "3 s", "1 h");
    all.age("n2", "3 s", "1 h");
    const auto made = all.judge(n1);
    CHECK(made.refused.empty());
    CHECK(made.dead.empty());
  }
  SUBCASE("a lease that is past") {
    all.age("n1", "3 s", "1 h");
    all.age("n2", "-1 ms", "1 h");
    const auto made = all.judge(n1);
    CHECK(made.refused.empty());
    CHECK(names_of(made) == "n2");
    CHECK_FALSE(all.beat(n2).mine);
    const auto seen = all.beat(n1);
    CHECK(seen.view == view + 1);
    CHECK(row_of(seen, "n2").status == node_status::dead);
    CHECK(row_of(seen, "n2").judged_by == "n1");
    CHECK(all.judge(n1).dead.empty()); // once
    CHECK(all.beat(node_named("n2", 7), true).mine);
  }
}

TEST_CASE("postgres, membership: a judge waits for no standby") {
  // Symptom: after a failover the old primary was away. Judges waited for it, could not renew their own leases meanwhile,
  // and were declared dead.
  members all;
  const auto n1 = node_named("n1", 1);
  (void)all.beat(n1, true);
  (void)all.beat(node_named("n2", 2), true);
  all.wait_until_old_enough();
  all.age("n1", "3 s", "1 h");
  all.age("n2", "-1 s", "1 h");
  const auto standby = [](const std::string& name) {
    auto& cluster = shared_cluster();
    cluster.exec("alter system set synchronous_standby_names = '" + name + "'");
    cluster.exec("select pg_reload_conf()");
    REQUIRE(
      eventually(10s, [&] { return cluster.value("show synchronous_standby_names") == name; }));
  };
  standby("nobody");
  const auto made = answer_of<judgement>([&](auto done) { all.area.judge(n1, done); });
  standby("");
  CHECK(names_of(must(made)) == "n2");
}

TEST_CASE("postgres, membership: nobody is judged in the first seconds of a server") {
  members all;
  (void)all.beat(node_named("n1", 1), true);
  (void)all.beat(node_named("n2", 2), true);
  shared_cluster().stop_fast();
  shared_cluster().start();
  // On one new connection, so that the server is as young as can be.
  CHECK(all.bed.value(
          "update furrow.node set unbroken_since = now() - interval '1 h', lease_until = "
          "clock_timestamp() + case name when 'n1' then interval '1 min' else interval '-1 s' end; "
          "select refused from furrow.judge('n1', '01020304-0506-0708-090a-0b0c0d0e0f10')")
        == "the server has started a moment ago");
}

TEST_CASE("postgres, membership: a node that renews at this moment is not judged") {
  members all;
  const auto n1 = node_named("n1", 1);
  (void)all.beat(n1, true);
  (void)all.beat(node_named("n2", 2), true);
  all.wait_until_old_enough();
  all.age("n1", "3 s", "1 h");
  all.age("n2", "-1 s", "1 h");
  // Its row is held by a beat that has begun.
  const auto url = all.bed.url();
  auto* const held = PQconnectdb(url.c_str());
  REQUIRE(PQstatus(held) == CONNECTION_OK);
  PQclear(PQexec(held, "begin; select from furrow.node where name = 'n2' for update"));
  CHECK(all.judge(n1).dead.empty());
  PQclear(PQexec(held, "rollback"));
  PQfinish(held);
  CHECK(names_of(all.judge(n1)) == "n2");
}

TEST_CASE("postgres, membership: people drain a node, and take that back") {
  members all;
  const auto n1 = node_named("n1", 1);
  const auto view = all.beat(n1, true).view;
  CHECK(must(all.steer("n1", {node_wish::kind::drain})) == node_status::draining);
  const auto drained = all.beat(n1);
  CHECK(drained.mine);
  CHECK(drained.view == view + 1);
  CHECK(drained.nodes.at(0).drain);
  CHECK(drained.nodes.at(0).status == node_status::draining);
  CHECK(must(all.steer("n1", {node_wish::kind::undrain})) == node_status::alive);
  CHECK(all.beat(n1).nodes.at(0).status == node_status::alive);
  CHECK(all.beat(n1, false, true).nodes.at(0).status == node_status::draining); // it ends
  const auto nobody = all.steer("n9", {node_wish::kind::drain});
  REQUIRE_FALSE(nobody);
  CHECK(nobody.code() == errc::not_found);
  CHECK(must(all.steer("n1", {node_wish::kind::weigh, 30})) == node_status::draining);
  const auto notes = all.notes();
  REQUIRE(notes.size() == 3);
  CHECK(notes[2].action == "node drain");
  CHECK(notes[2].before == R"({"drain": false})");
  CHECK(notes[2].after == R"({"drain": true})");
  CHECK(notes[1].action == "node undrain");
  CHECK(notes[0].action == "node weight");
  CHECK(notes[0].object == "n1");
  CHECK(notes[0].who == of_north.who);
  CHECK(notes[0].origin == of_north.origin);
  CHECK(notes[0].before == R"({"weight": 100})");
  CHECK(notes[0].after == R"({"weight": 30})");
  // Who starts anew takes machines again.
  (void)all.steer("n1", {node_wish::kind::drain});
  CHECK_FALSE(all.beat(node_named("n1", 5), true).nodes.at(0).drain);
}

TEST_CASE("postgres, membership: who leaves is not dead, and is forgotten after a week") {
  members all;
  const auto n1 = node_named("n1", 1);
  const auto n2 = node_named("n2", 2);
  (void)all.beat(n1, true);
  (void)all.beat(n2, true);
  must(answer_of<furrow::done>([&](auto done) { all.area.leave(n2, done); }));
  CHECK(row_of(all.beat(n1), "n2").status == node_status::left);
  CHECK(all.notes().empty()); // nothing was changed
  CHECK_FALSE(all.beat(n2).mine);
  CHECK(must(all.steer("n2", {node_wish::kind::drain})) == node_status::left);
  all.wait_until_old_enough();
  all.age("n1", "3 s", "1 h");
  CHECK(all.judge(n1).dead.empty());
  all.bed.tamper("update furrow.node set since = since - interval '8 days' where name = 'n2'");
  (void)all.judge(n1);
  CHECK(all.beat(n1).nodes.size() == 1);
}

TEST_CASE("postgres, membership: homes and pins of machines") {
  members all;
  const auto n1 = node_named("n1", 1);
  (void)all.beat(n1, true);
  (void)claim(*all.opened, request_for("T1", 1));
  (void)claim(*all.opened, request_for("T2", 2));
  const auto settle = [&](const node_identity& who, machine_names names) {
    return must(
      answer_of<machine_names>([&](auto done) { all.area.settle(who, std::move(names), done); }));
  };
  const auto farm = all.bed.value("select name from furrow.farm");
  CHECK(settle(n1, {{farm, "T1"}, {farm, "T2"}, {farm, "unknown"}}).size() == 2);
  const auto rows = all.bed.value("select string_agg(xmin::text, ' ') from furrow.machine_home");
  CHECK(settle(n1, {{farm, "T1"}}) == machine_names{{farm, "T1"}});
  CHECK(all.bed.value("select string_agg(xmin::text, ' ') from furrow.machine_home")
        == rows); // nothing is written again
  CHECK(settle(node_named("n2", 2), {{farm, "T1"}}).size() == 1);
  const auto pin = [&](const std::string& machine, const std::string& node) {
    return answer_of<furrow::done>(
      [&](auto done) { all.area.pin(farm, machine, node, of_north, done); });
  };
  CHECK(pin("T2", "n1"));
  CHECK_FALSE(pin("T2", "n9"));
  CHECK_FALSE(pin("T9", "n1"));
  const auto homes =
    must(answer_of<std::vector<machine_home>>([&](auto done) { all.area.homes(farm, done); }));
  REQUIRE(homes.size() == 2);
  CHECK(homes[0].name == "T1");
  CHECK(homes[0].node == "n2");
  CHECK(homes[0].pinned_to.empty());
  CHECK(homes[1].node == "n1");
  CHECK(homes[1].incarnation == n1.incarnation);
  const auto pins = [&] {
    return must(answer_of<std::vector<machine_home>>([&](auto done) { all.area.pins(done); }));
  };
  REQUIRE(pins().size() == 1);
  CHECK(pins()[0].pinned_to == "n1");
  CHECK(pin("T2", ""));
  CHECK(pins().empty());
  const auto notes = all.notes(); // of a pin that failed there is none
  REQUIRE(notes.size() == 2);
  CHECK(notes[0].action == "equipment move");
  CHECK(notes[0].object == farm + "/T2");
  CHECK(notes[0].farm == farm);
  CHECK(notes[0].who == of_north.who);
  CHECK(notes[0].origin == of_north.origin);
  CHECK(notes[0].before == R"({"pinned_to": "n1"})");
  CHECK(notes[0].after == R"({"pinned_to": ""})");
  const auto unsettle = [&](const node_identity& who, machine_names names) {
    return must(
      answer_of<machine_names>([&](auto done) { all.area.unsettle(who, std::move(names), done); }));
  };
  const auto at = [&](const std::string& machine) {
    return all.bed.value("select coalesce(node, '') from furrow.machine_home h join "
                         "furrow.equipment e on e.id = h.equipment_id where e.name = '"
                         + machine + "'");
  };
  (void)unsettle(node_named("n1", 9), {{farm, "T2"}});
  CHECK(at("T2") == "n1");
  CHECK(unsettle(n1, {{farm, "T1"}, {farm, "T2"}}).size() == 2);
  CHECK(at("T1") == "n2");
  CHECK(at("T2").empty());
  const auto left =
    must(answer_of<std::vector<machine_home>>([&](auto done) { all.area.homes(farm, done); }));
  CHECK(left[0].node == "n2");
  CHECK(left[1].node.empty());
  CHECK(settle(n1, {{farm, "T2"}}).size() == 1);
}

TEST_CASE("postgres, membership: when the clock of the server goes back, leases begin anew") {
  members all;
  const auto n1 = node_named("n1", 1);
  const auto n2 = node_named("n2", 2);
  (void)all.beat(n1, true);
  (void)all.beat(n2, true);
  all.wait_until_old_enough();
  // As if the clock had been an hour ahead until now.
  all.age("n1", "1 h", "-1 h");
  all.age("n2", "1 h", "-1 h");
  all.bed.tamper("update furrow.cluster set quiet_until = clock_timestamp() + interval '1 h'");
  const auto seen = all.beat(n1);
  CHECK(seen.mine);
  CHECK(row_of(seen, "n2").lease_ms <= 3'000);
  CHECK(all.bed.value("select quiet_until < clock_timestamp() + interval '4 s' from furrow.cluster")
        == "t");
  CHECK_FALSE(all.judge(n1).refused.empty());
  // n2 says nothing more, and n1 has had its lease for long enough.
  REQUIRE(eventually(10s, [&] {
    (void)all.beat(n1);
    return names_of(all.judge(n1)) == "n2";
  }));
}

TEST_CASE("postgres, membership: a beat says which timeline the database has") {
  members all;
  CHECK(all.beat(node_named("n1", 1), true).timeline
        == std::stoull(all.bed.value("select furrow.wal_timeline()")));
}
