/// Goal: the background work of a node that is lost is done by another one: rollups and telemetry are made, frames are
///   sealed, retention is carried out.
/// Method: a node freezes in the middle of sealing, with locks in the database and with a backlog of the digest. Another
///   node starts, declares it dead, and goes on.
#include "tests/fault/cluster_rig.hpp"
#include "tests/support/data.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace furrow::tests;
using namespace std::chrono_literals;

TEST_CASE("fault, cluster: a node freezes in the middle of sealing, and another one takes over the "
          "digest, the sealing and the retention") {
  pg_cluster server;
  const std::string name = "takeover";
  cluster_rig nodes{server.make_database(name),
                    2,
                    {"--digest-interval", "1", "--digest-duty", "100", "--care-interval", "1"}};
  nodes.always(0, {}, {"FURROW_FAILPOINT=seal.read:1:stop"});
  nodes.start(0);
  const child_process gateway{std::string{FURROW_BIN_DIR} + "/furrow-sim",
                              {"run", "--node", nodes.gateway(0), "--machines", "1", "--frames",
                               "200000", "--rate", "max", "-q"},
                              (nodes.folder() / "sim.log").string()};
  const auto value = [&](const std::string& sql) { return server.value(sql, name); };
  REQUIRE(eventually(90s, [&] { return nodes.stands_still(0); }));
  REQUIRE(value("select coalesce(max(sealed_to), 0) from furrow.seal") == "0");
  server.exec("insert into furrow.telemetry (equipment_id, stream, time, seq) select "
              "s.equipment_id, s.id, now() - interval '400 days', 0 from furrow.stream s; insert "
              "into furrow.retention (kind, keep_days) values ('telemetry', 30)",
              name);

  nodes.start(1);
  CHECK(eventually(
    20s, [&] { return value("select status from furrow.node where name = 'n1'") == "dead"; }));
  CHECK(eventually(60s, [&] {
    return value("select bool_and(d.seq = w.seq and w.seq > 0) from furrow.stream_watermark w left "
                 "join furrow.digest d using (stream)")
           == "t";
  }));
  CHECK(eventually(
    60s, [&] { return value("select max(sealed_to) >= 131072 from furrow.seal") == "t"; }));
  CHECK(eventually(90s, [&] {
    return value("select count(*) from furrow.telemetry where time < now() - interval '100 days'")
           == "0";
  }));
  CHECK(value("select coalesce(sum(lost + doubled), 0) from furrow.ledger") == "0");
  nodes.wake(0);
  const auto code = nodes.end(0, 20s);
  CHECK_MESSAGE(code == 75, nodes.output(0));
}
