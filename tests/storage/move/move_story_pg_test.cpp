// A gateway does not notice that its node has moved from SQLite to PostgreSQL.
#include "can/frame/frame_block.hpp"
#include "can/logs/candump.hpp"
#include "tests/storage/move/move_cluster.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <csignal>
#include <fstream>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
namespace can = furrow::can;

namespace {

/// A furrowd on this database, from ready to its end.
class node_on {
public:
  node_on(const std::string& database, const std::string& output)
    : process_{FURROW_BIN_DIR "/furrowd",
               {"--database", database, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                "--flush-ms", "10", "--digest-interval", "1"},
               output} {
    const auto up = eventually(std::chrono::seconds{30}, [&] {
      const auto said = process_.output();
      const auto at = said.find("ready gateway=");
      return at != std::string::npos && said.find('\n', at) != std::string::npos;
    });
    REQUIRE_MESSAGE(up, "not ready: " << process_.output());
  }
  [[nodiscard]] std::string address() const {
    return value_after(process_.output(), "ready gateway=");
  }
  void kill() {
    process_.signal(SIGKILL);
    REQUIRE(process_.wait());
  }
  void end() {
    process_.signal(SIGTERM);
    CHECK(process_.wait() == 0);
  }

private:
  child_process process_;
};

void append_log(const std::string& path, unsigned first, unsigned count) {
  std::string text;
  can::frame_block block;
  bool made = true;
  for (unsigned i = first; i < first + count; ++i) {
    const std::uint8_t data[8]{
      static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U), 3, 4, 5, 6, 7, 8};
    block.clear();
    made =
      block.push(1'777'617'000'000'000 + i * std::int64_t{500},
                 can::pack({.id = 0x0CF00400 + i % 8 * 0x100, .extended = true, .length = 8}), data)
      && made;
    can::append_candump(text, block[0], "can0");
  }
  REQUIRE(made);
  std::ofstream{path, std::ios::app} << text;
}

} // namespace

TEST_CASE(
  "furrow db copy: a gateway continues on the new database, and nothing is lost or doubled") {
  const scratch_folder folder;
  const auto log = folder.file("t1.log");
  const auto from = "sqlite:" + folder.file("node.db");
  const auto url = copy_cluster().make_database("story");
  const auto send = [&](const std::string& address) {
    const auto ran = run_program({FURROW_BIN_DIR "/furrow-edge", "run", "--node", address,
                                  "--equipment", "T1", "--spool", folder.file("t1.spool"), "--from",
                                  log, "--until-durable", "--timeout", "50"});
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.errors);
    return ran.out;
  };
  append_log(log, 0, 30'000);
  {
    node_on old{from, folder.file("old")};
    CHECK(has(send(old.address()), "durable 30000"));
    // While the node runs, the copy is refused.
    const auto early = run({"db", "copy", "--from", from, "--to", url, "--migrate"});
    CHECK(early.exit_code == 1);
    CHECK(has(early.errors, "stop it first (a node?)"));
    CHECK(copy_cluster().value("select to_regnamespace('furrow') is null", "story") == "t");
    old.kill(); // its commits are in the write-ahead log
  }
  const auto moved = nlohmann::json::parse(
    good({"db", "copy", "--from", from, "--to", url, "--migrate", "-o", "json"}));
  CHECK(moved.at("frames") == 30'000);
  append_log(log, 30'000, 20'000);
  node_on fresh{url, folder.file("new")};
  CHECK(has(send(fresh.address()), "durable 50000"));
  CHECK(
    copy_cluster().exec("select sent, durable, stored, lost, doubled from furrow.ledger", "story")
    == pg_rows{{"50000", "50000", "50000", "0", "0"}});
  CHECK(copy_cluster().value(
          "select count(distinct (seq, get_byte(payload, 0), get_byte(payload, 1))) from "
          "furrow.frames('T1', '-infinity', 'infinity') where seq - 1 = (seq - 1) / 65536 * "
          "65536 + get_byte(payload, 1) * 256 + get_byte(payload, 0)",
          "story")
        == "50000");
  // The digest continues too: each minute's values are counted once.
  CHECK(eventually(std::chrono::seconds{30}, [] {
    return copy_cluster().value("select count(*) from furrow.digest where seq = 50000", "story")
           == "1";
  }));
  fresh.end();
  good({"db", "validate", "--database", url});
}
