/// Goal: three nodes are upgraded one by one under load, as docs/upgrade.md says: nothing is lost or doubled, and no
///   machine waits for an ack for more than 2 s.
/// Method: the new version is the same program with another version text. Gateways that know all nodes keep a ledger of
///   their own; the tables are compared with the ledgers.
#include "tests/fault/cluster_rig.hpp"
#include "tests/fault/ledger_fleet.hpp"
#include "tests/support/data.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

/// What a program prints. Nothing when it does not end with 0.
std::optional<std::string> said_by(const std::string& program,
                                   const std::vector<std::string>& arguments,
                                   const fs::path& folder) {
  const auto output = folder / ("asked-" + fs::path{program}.filename().string());
  fs::remove(output);
  child_process one{program, arguments, output.string()};
  if (one.wait(30s) == 0)
    return one.output();
  MESSAGE(program << ": " << one.output());
  return std::nullopt;
}

/// A copy of furrowd that says another version of the same length.
std::string newer_program(const fs::path& folder, const std::string& from, const std::string& to) {
  auto bytes = read_file(fs::path{FURROW_BIN_DIR} / "furrowd");
  for (auto at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + to.size()))
    bytes.replace(at, from.size(), to);
  const auto path = folder / "furrowd-newer";
  std::ofstream{path, std::ios::binary} << bytes;
  fs::permissions(path, fs::perms::owner_all);
  return path.string();
}

/// Whether every machine is at another node than that, and is served there.
bool all_left(const ledger_fleet& fleet, const std::string& node) {
  const auto all = fleet.look();
  return std::all_of(all.begin(), all.end(), [&](const machine_look& one) {
    return one.node != node && one.streaming && one.acked_here && one.acked + 1'000 > one.made;
  });
}

} // namespace

TEST_CASE("fault, cluster: three nodes under load are upgraded one by one, nothing is lost or "
          "doubled, and each machine waits at most 2 s") {
  pg_cluster server;
  const std::string name = "upgrade";
  const auto url = server.make_database(name);
  cluster_rig nodes{url, 3};
  for (std::size_t node = 0; node < 3; ++node)
    nodes.start(node);
  const auto furrow = [&](const std::vector<std::string>& arguments) {
    return said_by(std::string{FURROW_BIN_DIR} + "/furrow", arguments, nodes.folder()).has_value();
  };
  const std::string old_version = "0.1.0";
  const std::string new_version = "0.1.1";
  const auto program = newer_program(nodes.folder(), old_version, new_version);
  REQUIRE(said_by(program, {"--version"}, nodes.folder()) == "furrowd " + new_version + "\n");
  const auto on_version = [&](const std::string& version) {
    return server.value("select count(*) from furrow.node where status = 'alive' and build like '%"
                          + version + "%'",
                        name);
  };
  ledger_fleet fleet{fleet_plan{nodes.gateways(), 12}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  REQUIRE(on_version(old_version) == "3");

  CHECK(furrow({"db", "migrate", "--dry-run", "--database", url}));
  CHECK(furrow({"db", "migrate", "--database", url}));
  std::vector<std::chrono::milliseconds> all;
  for (std::size_t node = 0; node < 3; ++node) {
    CAPTURE(node);
    fleet.mark();
    nodes.signal(node, SIGTERM);
    CHECK(eventually(15s, [&] { return all_left(fleet, nodes.gateway(node)); }));
    REQUIRE(nodes.end(node, 15s) == 0);
    nodes.run_from_now_on(node, program);
    nodes.always(node, {"--no-migrate"});
    nodes.start(node);
    const auto at = "http://" + nodes.http(node);
    CHECK(eventually(20s, [&] { return furrow({"health", "--at", at}); }));
    CHECK(eventually(20s, [&] { return furrow({"check", "--at", at}); }));
    CHECK(on_version(new_version) == std::to_string(node + 1));
    for (const auto& one : fleet.look()) {
      CAPTURE(one.name);
      CHECK(one.sent_again == 0); // a drain acks everything before it lets a machine go
      all.push_back(one.longest_gap);
    }
  }
  MESSAGE("upgraded: time without an ack: " << distribution(all));
  CHECK(quantile(all, 1) <= 2s);
  CHECK(furrow({"db", "validate", "--database", url}));
  fleet.stop_making();
  CHECK(eventually(20s, [&] { return fleet.all_acked(); }));
  CHECK(fleet.difference(server.url(name)) == "");
  CHECK(server.value("select coalesce(sum(lost + doubled), 0) from furrow.ledger", name) == "0");
}
