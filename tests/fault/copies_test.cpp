/// Goal: two spools of one stream never overwrite each other's items. The newest session wins, a restored copy is
///   detected, and every frame of both is stored once.
#include "tests/fault/rig.hpp"
#include "tests/support/data.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

/// A log of frames with different payloads, so that each frame is recognizable.
std::filesystem::path numbered_log(const rig& where, const std::string& name, int from, int count) {
  const auto path = where.folder() / name;
  std::ofstream out{path};
  for (int i = from; i < from + count; ++i) {
    char line[80];
    std::snprintf(line, sizeof line, "(%010d.%06d) can0 18FEF100#%016X\n", 1'700'000'000 + i / 1000,
                  i % 1000 * 1000, i);
    out << line;
  }
  return path;
}

void replay(rig& where, const std::filesystem::path& log) {
  where.start_edge("T1", log);
  const auto code = where.edge_end(60s);
  CAPTURE(where.edge_output());
  REQUIRE(code == 0);
}

std::multiset<std::string> stored_lines(rig& where) {
  int code = 0;
  std::istringstream text{where.furrow({"frames", "T1", "-o", "candump"}, code)};
  CHECK(code == 0);
  std::multiset<std::string> lines;
  for (std::string line; std::getline(text, line);)
    lines.insert(line);
  return lines;
}

std::multiset<std::string> lines_in(const std::vector<std::filesystem::path>& logs) {
  std::multiset<std::string> lines;
  for (const auto& log : logs) {
    std::istringstream text{read_file(log)};
    for (std::string line; std::getline(text, line);)
      lines.insert(line);
  }
  return lines;
}

} // namespace

TEST_CASE(
  "fault: a spool restored from an old copy is detected, and its new frames go into a new stream") {
  rig where{"sqlite"};
  where.start_node();
  const auto first = numbered_log(where, "first.log", 0, 5'000);
  const auto second = numbered_log(where, "second.log", 100'000, 5'000);
  const auto third = numbered_log(where, "third.log", 200'000, 5'000);
  replay(where, first);
  const auto copy = where.folder() / "copy";
  std::filesystem::copy_file(where.spool("T1"), copy);
  replay(where, second);
  // The disk is lost. The copy from before `second` is restored and gets new frames.
  std::filesystem::remove(where.spool("T1"));
  std::filesystem::remove(where.spool("T1").string() + "-wal");
  std::filesystem::remove(where.spool("T1").string() + "-shm");
  std::filesystem::copy_file(copy, where.spool("T1"));
  replay(where, third);
  const auto ledger = where.ledger("T1");
  CHECK(ledger.streams == 2);
  CHECK(ledger.stored == 15'000);
  CHECK(ledger.lost == 0);
  CHECK(ledger.doubled == 0);
  CHECK(stored_lines(where) == lines_in({first, second, third}));
  where.kill_node(SIGTERM);
}

TEST_CASE("fault: a spool copied before its items were sent stores no item a second time") {
  rig where{"sqlite"};
  where.start_node();
  const auto first = numbered_log(where, "first.log", 0, 5'000);
  const auto second = numbered_log(where, "second.log", 100'000, 5'000);
  const auto third = numbered_log(where, "third.log", 200'000, 5'000);
  where.kill_node();
  where.start_edge("T1", first);
  const auto spooled = [&] {
    const auto output = where.folder() / "info";
    child_process info{FURROW_BIN_DIR "/furrow-edge",
                       {"spool", "info", where.spool("T1").string(), "-o", "json"},
                       output.string()};
    (void)info.wait(10s);
    const auto found = read_file(output).find("\"last\":5000,") != std::string::npos;
    std::filesystem::remove(output);
    return found;
  };
  REQUIRE(eventually(20s, spooled));
  where.kill_edge(SIGTERM); // all items are numbered, none is sent
  const auto copy = where.folder() / "copy";
  std::filesystem::copy_file(where.spool("T1"), copy);
  where.start_node();
  replay(where, second);
  std::filesystem::remove(where.spool("T1").string() + "-wal");
  std::filesystem::remove(where.spool("T1").string() + "-shm");
  std::filesystem::copy_file(copy, where.spool("T1"),
                             std::filesystem::copy_options::overwrite_existing);
  replay(where, third);
  CHECK(where.ledger("T1").stored == 15'000);
  CHECK(stored_lines(where) == lines_in({first, second, third}));
  where.kill_node(SIGTERM);
}

TEST_CASE("fault: of two gateways with one stream the newest wins, and nothing is doubled") {
  rig where{"sqlite"};
  where.start_node();
  const auto first = numbered_log(where, "first.log", 0, 5'000);
  const auto second = numbered_log(where, "second.log", 100'000, 20'000);
  const auto third = numbered_log(where, "third.log", 200'000, 20'000);
  replay(where, first);
  std::filesystem::copy_file(where.spool("T1"), where.spool("T1-copy"));
  // Both continue as the same machine and, at first, with the same stream.
  child_process other{std::string{FURROW_BIN_DIR} + "/furrow-edge",
                      {"run", "--node", where.gateway(), "--equipment", "T1", "--spool",
                       where.spool("T1-copy").string(), "--from", third.string(), "--rate", "max",
                       "--until-durable", "--timeout", "60"},
                      (where.folder() / "other.log").string()};
  replay(where, second);
  CAPTURE(other.output());
  REQUIRE(other.wait(60s) == 0);
  const auto ledger = where.ledger("T1");
  CHECK(ledger.stored == 45'000);
  CHECK(ledger.lost == 0);
  CHECK(ledger.doubled == 0);
  CHECK(stored_lines(where) == lines_in({first, second, third}));
  where.kill_node(SIGTERM);
}
