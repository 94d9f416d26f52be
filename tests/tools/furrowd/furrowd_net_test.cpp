// How furrowd starts, refuses to start, and ends: exit codes and the one line that says why.
#include "tests/tools/furrowd/node_program.hpp"
#include "tests/tools/process/wakes.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

const std::string furrowd = FURROW_BIN_DIR "/furrowd";

struct ending {
  int code = -1; // -1: it did not end
  std::string output;
};

/// Runs it with a database and ports of its own unless the flags say otherwise.
ending run(const scratch_folder& folder, std::vector<std::string> flags) {
  const auto add = [&](const char* flag, const std::string& value) {
    if (std::find(flags.begin(), flags.end(), flag) == flags.end())
      flags.insert(flags.end(), {flag, value});
  };
  add("--database", "sqlite:" + folder.file("node.db"));
  add("--listen", "127.0.0.1:0");
  add("--http", "127.0.0.1:0");
  child_process node{furrowd, flags, folder.file("output")};
  const auto code = node.wait(node_patience);
  return {code.value_or(-1), node.output()};
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Ended with that code, saying all of that in one line.
void check_ends(const std::vector<std::string>& flags,
                int code,
                const std::vector<std::string>& says) {
  const scratch_folder folder;
  const auto end = run(folder, flags);
  CHECK_MESSAGE(end.code == code, end.output);
  CHECK_MESSAGE(lines_of(end.output) == 1, end.output);
  CHECK(end.output.rfind("furrowd: ", 0) == 0);
  for (const auto& word : says)
    CHECK_MESSAGE(end.output.find(word) != std::string::npos, word << " in " << end.output);
}

/// A port that nobody listens on, now.
std::uint16_t free_port() {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(handle, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  socklen_t size = sizeof at;
  REQUIRE(::getsockname(handle, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  ::close(handle);
  return ntohs(at.sin_port);
}

bool listens(std::uint16_t port) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool open = ::connect(handle, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(handle);
  return open;
}

std::size_t times(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

} // namespace

TEST_CASE("furrowd: prints ready once on stdout and exits with 0 on SIGTERM") {
  node_program node;
  CHECK(times(node.output(), "ready gateway=127.0.0.1:") == 1);
  CHECK(node.get("/health").status == 200);
  CHECK(eventually(node_patience, [&] { return node.get("/ready").status == 200; }));
  CHECK(node.end() == 0);
}

TEST_CASE("furrowd: without a terminal it is a service, and SIGHUP does not end it") {
  const scratch_folder folder;
  child_process node{"/usr/bin/setsid",
                     {furrowd, "--database", "sqlite:" + folder.file("node.db"), "--listen",
                      "127.0.0.1:0", "--http", "127.0.0.1:0"},
                     folder.file("output")};
  REQUIRE(
    eventually(node_patience, [&] { return node.output().find("ready ") != std::string::npos; }));
  node.signal(SIGHUP);
  node.signal(SIGTERM);
  CHECK(node.wait(node_patience) == 0); // ended by the second signal
}

TEST_CASE("furrowd: ends with 70 and one critical line when its root actor is killed") {
  node_program node;
  REQUIRE(eventually(node_patience, [&] { return node.get("/ready").status == 200; }));
  CHECK(node.post("/api/v1/actors/1/kill").status == 200);
  CHECK(node.wait(10s) == 70);
  CHECK_MESSAGE(times(node.output(), " critical ") == 1, node.output());
}

namespace {

/// Kills the running actor of that name, as often as told.
void kill(const node_program& node, const std::string& name, int count) {
  const auto actors = node.get("/api/v1/actors").body;
  const auto at = actors.find("\"name\":\"" + name + "\"");
  const auto id = actors.rfind("\"id\":", at);
  REQUIRE(at != std::string::npos);
  REQUIRE(id != std::string::npos);
  const auto target =
    "/api/v1/actors/" + std::to_string(std::stoi(actors.substr(id + 5))) + "/kill";
  int kills = 0;
  CHECK(eventually(10s, [&] {
    kills += node.post(target).status == 200 ? 1 : 0;
    return kills == count;
  }));
}

} // namespace

TEST_CASE("furrowd: an actor on the way of a frame that keeps dying makes the node not ready, with "
          "a metric, an alarm and a "
          "line for each death") {
  for (const std::string name : {"claim-desk", "writer-0", "aggregator-0"}) {
    CAPTURE(name);
    node_program node;
    REQUIRE(eventually(node_patience, [&] { return node.get("/ready").status == 200; }));
    kill(node, name, 3);
    CHECK(eventually(5s, [&] { return node.get("/ready").status == 503; }));
    CHECK(node.get("/ready").body.find(name + " died 3 times within 60 s") != std::string::npos);
    CHECK(node.get("/metrics").body.find("furrow_actors_failing 1") != std::string::npos);
    CHECK(eventually(10s, [&] { return times(node.output(), "alarm failing: ") == 1; }));
    CHECK(times(node.output(), name + " died (") == 3);
    CHECK(times(node.output(), "; restarting it in ") == 3);
    CHECK(eventually(5s, [&] {
      return node.get("/metrics").body.find("\nfurrow_actor_restarts_total 3\n")
             != std::string::npos;
    }));
  }
}

TEST_CASE("furrowd: when storage or fleet keeps dying, the node drains and ends with 70") {
  for (const std::string name : {"storage", "fleet"}) {
    CAPTURE(name);
    node_program node;
    REQUIRE(eventually(node_patience, [&] { return node.get("/ready").status == 200; }));
    kill(node, name, 3);
    CHECK(node.wait(10s) == 70);
    CHECK_MESSAGE(times(node.output(), " critical ") == 1, node.output());
    CHECK(
      times(node.output(), "this node drains and ends with exit code 70: " + name + " died 3 times")
      == 1);
  }
}

TEST_CASE("furrowd: an unknown flag is a usage error that names the flag") {
  const scratch_folder folder;
  const auto end = run(folder, {"--nope"});
  CHECK(end.code == 2);
  CHECK(end.output.find("--nope") != std::string::npos);
  CHECK(end.output.find("--help") != std::string::npos);
}

TEST_CASE("furrowd: contradicting pool settings are rejected with both names and values") {
  check_ends({"--pool-min", "11"}, 2, {"--pool-min 11", "--pool-max 10"});
  check_ends({"--profile", "development", "--pool-min", "5"}, 2, {"--pool-min 5", "--pool-max 4"});
  check_ends({"--pool-max", "190", "--pool-overflow", "20"}, 2, {"--pool-overflow 20", "200"});
  check_ends({"--pool-backoff-min", "6000"}, 2, {"--pool-backoff-min 6000"});
}

TEST_CASE("furrowd: an invalid address is rejected with its value, for both listeners") {
  for (const auto* flag : {"--listen", "--http"}) {
    CAPTURE(flag);
    check_ends({flag, "nowhere"}, 2, {"nowhere", "HOST:PORT"});
    check_ends({flag, "127.0.0.1:-1"}, 2, {"127.0.0.1:-1"});
    check_ends({flag, "127.0.0.1:http!"}, 2, {"127.0.0.1:http!"});
    check_ends({flag, "127.0.0.1:"}, 2, {"127.0.0.1:"});
    // glibc would take it for port 34463
    check_ends({flag, "127.0.0.1:99999"}, 2, {"127.0.0.1:99999"});
  }
}

TEST_CASE("furrowd: an invalid address to advertise is a usage error that names it") {
  check_ends({"--advertise", "nonsense"}, 2, {"--advertise", "nonsense", "HOST:PORT"});
  check_ends({"--advertise", "a:7400,b:99999"}, 2, {"b:99999"});
  check_ends({"--advertise", "a:0"}, 2, {"a:0", "from 1 on"});
}

TEST_CASE("furrowd: the help shows what everybody needs first and the connection pool last") {
  const scratch_folder folder;
  const auto help = run(folder, {"--help"}).output;
  CHECK(help.find("--listen") < help.find("--lanes"));
  CHECK(help.find("--tokens") < help.find("--digest"));
  CHECK(help.find("--digest") < help.find("--redis"));
  CHECK(help.find("--redis") < help.find("--pool-min"));
}

TEST_CASE("furrowd: a port in use is reported, and the program exits") {
  const node_program first;
  const auto taken = "127.0.0.1:" + std::to_string(first.gateway_port());
  check_ends({"--listen", taken}, 1, {taken, "in use"});
  // also while the database is away
  check_ends({"--listen", taken, "--database", "postgresql://127.0.0.1:1/none"}, 1,
             {taken, "in use"});
}

TEST_CASE("furrowd: a second node on the same SQLite file exits with 1 and one line; commands work "
          "beside the first") {
  node_program first;
  const auto url = first.database_url();
  const auto path = url.substr(std::string{"sqlite:"}.size());
  check_ends({"--database", url}, 1, {path, "another node serves this file"});
  const scratch_folder folder;
  std::filesystem::create_symlink(path, folder.file("other.db"));
  check_ends({"--database", "sqlite:" + folder.file("other.db")}, 1, {"another node serves"});
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"db", "status"}, {"db", "migrate"}, {"retention", "list"}}) {
    auto words = command;
    words.insert(words.end(), {"--database", url});
    child_process beside{FURROW_BIN_DIR "/furrow", words, folder.file("output")};
    CHECK_MESSAGE(beside.wait(node_patience) == 0, beside.output());
  }
  CHECK(first.end() == 0);
  child_process next{furrowd,
                     {"--database", url, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"},
                     folder.file("next")};
  CHECK(eventually(node_patience, [&] { return times(next.output(), "ready gateway=") == 1; }));
}

TEST_CASE("furrowd: a reachable listener without TLS is a usage error that names the flags") {
  const std::vector<std::string> missing{"--tls-cert", "--tls-key", "--tokens"};
  check_ends({"--listen", "0.0.0.0:0"}, 2, missing);
  check_ends({"--http", "0.0.0.0:0"}, 2, missing);
  check_ends({"--listen", "[::]:0"}, 2, missing);
  check_ends({"--listen", "0.0.0.0:0", "--tokens", "tokens.toml"}, 2, missing);
  // Whether somebody has access is known when the database was read.
  check_ends({"--listen", "0.0.0.0:0", "--tls-cert", "a", "--tls-key", "b"}, 2,
             {"a: TLS certificate"});
}

TEST_CASE("furrowd: a certificate without its key, and a key without its certificate, are usage "
          "errors") {
  check_ends({"--tls-cert", "node.pem"}, 2, {"--tls-cert", "--tls-key"});
  check_ends({"--tls-key", "node.key"}, 2, {"--tls-cert", "--tls-key"});
}

TEST_CASE("furrowd: decodes with a DBC file that is loaded while it runs, live and in rollups") {
  node_program node{{"--digest-interval", "1"}};
  const scratch_folder folder;
  const auto dbc =
    folder.write("tank.dbc", "BO_ 256 TANK: 2 X\n SG_ level : 0|8@1+ (0.5,0) [0|0] \"l\" X\n");
  child_process load{FURROW_BIN_DIR "/furrow",
                     {"dbc", "load", dbc, "--for", "all", "--database", node.database_url()},
                     folder.file("load")};
  REQUIRE_MESSAGE(load.wait(node_patience) == 0, load.output());
  REQUIRE(eventually(node_patience, [&] { return times(node.output(), "1 DBC files") == 1; }));
  const auto log = folder.write("t.log", "(1588310400.000000) can0 100#0A00\n"
                                         "(1588310401.000000) can0 100#1400\n");
  child_process gateway{FURROW_BIN_DIR "/furrow-edge",
                        {"run", "--node", "127.0.0.1:" + std::to_string(node.gateway_port()),
                         "--equipment", "T1", "--spool", folder.file("t.spool"), "--from", log,
                         "--until-durable"},
                        folder.file("gateway")};
  REQUIRE_MESSAGE(gateway.wait(node_patience) == 0, gateway.output());
  const auto live = node.get("/api/v1/equipment/T1").body;
  CHECK_MESSAGE(times(live, R"("name":"TANK.level","value":10.0,"unit":"l")") == 1, live);
  CHECK(eventually(node_patience, [&] {
    return times(node.get("/api/v1/equipment/T1/signals").body, "TANK.level") == 1;
  }));
  CHECK(node.end() == 0);
}

TEST_CASE("furrow dbc apply: history gets the rollups of a file that was loaded later") {
  node_program node{{"--digest-interval", "1"}};
  const scratch_folder folder;
  const auto log = folder.write("t.log", "(1588310400.000000) can0 100#0A00\n"
                                         "(1588310401.000000) can0 100#1400\n"
                                         "(1588310461.000000) can0 100#1E00\n"
                                         "(1588310462.000000) can0 0CF00400#FFFFFF6813FFFFFF\n");
  int programs = 0;
  const auto ends = [&](const char* program, std::vector<std::string> arguments) {
    child_process one{std::string{FURROW_BIN_DIR "/"} + program, std::move(arguments),
                      folder.file("out" + std::to_string(++programs))};
    const auto code = one.wait(node_patience);
    return std::pair{code, one.output()};
  };
  const auto sent =
    ends("furrow-edge",
         {"run", "--node", "127.0.0.1:" + std::to_string(node.gateway_port()), "--equipment", "T1",
          "--spool", folder.file("t.spool"), "--from", log, "--until-durable"});
  REQUIRE_MESSAGE(sent.first == 0, sent.second);
  const auto signals = [&] { return node.get("/api/v1/equipment/T1/signals").body; };
  REQUIRE(eventually(node_patience, [&] { return times(signals(), "EEC1.") > 0; }));
  const auto apply = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"dbc", "apply", "T1", "--database", node.database_url()};
    all.insert(all.end(), more.begin(), more.end());
    return ends("furrow", std::move(all));
  };
  const auto none = apply({"--from", "2020-05-01T00:00:00Z", "--to", "2020-05-02T00:00:00Z"});
  CHECK_MESSAGE(none.first == 4, none.second); // no file is for the machine
  CHECK(none.second.find("no active DBC file") != std::string::npos);
  const auto dbc =
    folder.write("tank.dbc", "BO_ 256 TANK: 2 X\n SG_ level : 0|8@1+ (0.5,0) [0|0] \"l\" X\n");
  const auto loaded =
    ends("furrow", {"dbc", "load", dbc, "--for", "all", "--database", node.database_url()});
  REQUIRE_MESSAGE(loaded.first == 0, loaded.second);
  CHECK(times(signals(), "TANK.level") == 0); // nodes use it for what comes from now on
  CHECK(apply({"--from", "2020-05-02T00:00:00Z", "--to", "2020-05-01T00:00:00Z"}).first == 2);
  for (int round = 0; round < 2; ++round) { // once more is the same
    const auto made =
      apply({"--from", "2020-05-01T00:00:00Z", "--to", "2020-05-02T00:00:00Z", "-o", "json"});
    REQUIRE_MESSAGE(made.first == 0, made.second);
    CHECK_MESSAGE(times(made.second, "\"rollups\":2") == 1, made.second);
    CHECK(times(made.second, "\"frames\":4") == 1);
  }
  CHECK(times(signals(), "TANK.level") == 1);
  const auto body = node.get("/api/v1/equipment/T1/rollup?signal=TANK.level&bucket=minute").body;
  CHECK_MESSAGE(times(body, "\"count\":2") == 1, body);
  CHECK_MESSAGE(times(body, "\"count\":1") == 1, body);
  CHECK_MESSAGE(times(body, "\"max\":15") == 1, body);
  CHECK(node.end() == 0);
}

TEST_CASE("furrowd: missing TLS, token and map files are named, and the program ends with 2") {
  check_ends({"--tls-cert", "/nonexistent/a.pem", "--tls-key", "/nonexistent/b.pem"}, 2,
             {"--tls-cert: /nonexistent/a.pem", "No such file"});
  check_ends({"--tokens", "/nonexistent/tokens.toml"}, 2,
             {"--tokens: /nonexistent/tokens.toml", "No such file"});
  check_ends({"--map", "/nonexistent/a.mbtiles"}, 2, {"--map: ", "/nonexistent/a.mbtiles"});
}

TEST_CASE("furrowd: a SQLite file that cannot be created is reported once, and the program exits") {
  const scratch_folder folder;
  const auto below_a_file = folder.write("plain", "not a folder") + "/node.db";
  check_ends({"--database", "sqlite:" + below_a_file}, 1, {below_a_file});
  check_ends({"--database", "sqlite:/proc/node.db"}, 1, {"/proc/node.db"});
}

TEST_CASE("furrowd: a file that is not a database is reported once, and the program exits") {
  const scratch_folder folder;
  const auto text = folder.write("text.db", std::string(5'000, 'x'));
  check_ends({"--database", "sqlite:" + text}, 1, {text});
}

TEST_CASE("furrowd: an invalid database URL is rejected with the expected forms") {
  check_ends({"--database", "mysql://db/furrow"}, 2, {"postgresql://", "sqlite:"});
}

TEST_CASE(
  "furrowd: without PostgreSQL the node stays up, logs once, is not ready, and exits on SIGTERM") {
  const scratch_folder folder;
  const auto port = free_port();
  const auto nobody = free_port();
  child_process node{furrowd,
                     {"--database",
                      "postgresql://me:hush@127.0.0.1:" + std::to_string(nobody) + "/furrow",
                      "--listen", "127.0.0.1:0", "--http", "127.0.0.1:" + std::to_string(port)},
                     folder.file("output")};
  REQUIRE(eventually(node_patience, [&] { return listens(port); }));
  REQUIRE(eventually(node_patience, [&] { return times(node.output(), "does not answer") > 0; }));
  // Two more attempts, a second apart, are not logged.
  CHECK_FALSE(node.wait(2'500ms));
  const auto ready = node_program::http_get(port, "/ready");
  CHECK(ready.status == 503);
  CHECK(ready.body.find("database") != std::string::npos);
  CHECK(ready.body.find("refused") != std::string::npos);   // why
  CHECK(ready.body.find("127.0.0.1") == std::string::npos); // not where: anybody may ask
  CHECK(node_program::http_get(port, "/health").status == 200);
  CHECK_MESSAGE(times(node.output(), "does not answer") == 1, node.output());
  CHECK(node.output().find("hush") == std::string::npos);
  CHECK(node.output().find("ready gateway=") == std::string::npos);
  node.signal(SIGTERM);
  CHECK(node.wait(5s) == 0);
}

TEST_CASE("furrowd: raises its limit of open files, and says when that is too little") {
  const scratch_folder folder;
  const auto script = folder.write("run.sh", "ulimit -Sn 300; ulimit -Hn 2000; exec " + furrowd
                                               + " --listen 127.0.0.1:0 --http 127.0.0.1:0 "
                                                 "--database sqlite:"
                                               + folder.file("node.db") + "\n");
  child_process node{"/bin/sh", {script}, folder.file("output")};
  REQUIRE(eventually(node_patience,
                     [&] { return node.output().find("ready gateway=") != std::string::npos; }));
  CHECK_MESSAGE(node.output().find("limit of open files raised from 300 to 2000")
                  != std::string::npos,
                node.output());
  CHECK(node.output().find("the limit of 2000 open files is enough for about ")
        != std::string::npos);
  node.signal(SIGTERM);
  CHECK(node.wait(node_patience) == 0);
}

TEST_CASE(
  "furrowd: goes on, and says what was lost, when nobody reads standard error for a while") {
  const scratch_folder folder;
  const auto pipe = folder.file("output");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  std::string read;
  const auto read_on = [&] {
    char some[4'096];
    for (auto got = ::read(reader, some, sizeof some); got > 0;
         got = ::read(reader, some, sizeof some))
      read.append(some, static_cast<std::size_t>(got));
  };
  const auto reads = [&](const char* text) {
    return eventually(node_patience, [&] {
      read_on();
      return read.find(text) != std::string::npos;
    });
  };
  child_process node{furrowd,
                     {"--database", "sqlite:" + folder.file("node.db"), "--listen", "127.0.0.1:0",
                      "--http", "127.0.0.1:0"},
                     pipe};
  REQUIRE(reads("http="));
  const auto gateway = node_program::port_of(value_after(read, "ready gateway="));
  const auto http = node_program::port_of(value_after(read, " http="));
  const std::string filler(4'096, 'x');
  while (::write(reader, filler.data(), filler.size()) > 0) {
  }
  const auto stranger = [&] { // each is told of in the log
    raw_socket socket{gateway};
    socket.send(std::string(64, 'x'));
    CHECK(socket.closes_within(node_patience));
  };
  for (int i = 0; i < 10; ++i)
    stranger();
  CHECK(node_program::http_get(http, "/health").status == 200);
  read_on();
  read.clear();
  stranger();
  CHECK(reads("10 lines of the log were lost"));
  CHECK(reads("rejected (limit)"));
  node.signal(SIGTERM);
  CHECK(node.wait(node_patience) == 0);
  ::close(reader);
}

TEST_CASE("furrowd: an idle node sleeps") {
  const scratch_folder folder;
  child_process node{furrowd,
                     {"--database", "sqlite:" + folder.file("node.db"), "--listen", "127.0.0.1:0",
                      "--http", "127.0.0.1:0"},
                     folder.file("output")};
  REQUIRE(eventually(node_patience, [&] { return times(node.output(), "ready gateway=") > 0; }));
  // Workers that look for work every 10 ms would wake 200 times a second. A machine that is busy with other things
  // does not change this count.
  const auto a_second = [&] { return wakes_within(node.pid(), 1s); };
  CHECK(
    eventually(node_patience, [&] { return a_second() < 30; })); // what begins at the start is over
  CHECK(a_second() < 30);
  node.signal(SIGTERM);
  CHECK(node.wait(node_patience) == 0);
}
