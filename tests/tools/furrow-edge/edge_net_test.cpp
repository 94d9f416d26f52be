// The program furrow-edge as a user runs it, against a node over real sockets.
#include "can/logs/candump.hpp"
#include "tests/support/data.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tests/tools/furrow/scripted_node.hpp"

#include <doctest/doctest.h>

#include <pty.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

const std::string edge_program = FURROW_BIN_DIR "/furrow-edge";

struct edge_story {
  scratch_folder folder;

  [[nodiscard]] std::string log(std::uint64_t count) const {
    return folder.write("tractor.log", numbered_log(1, count));
  }

  [[nodiscard]] std::vector<std::string> run(const std::string& nodes,
                                             std::vector<std::string> more = {}) const {
    std::vector<std::string> all{
      "run", "--node", nodes, "--equipment", "T1", "--spool", folder.file("t1.spool")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  struct ending {
    int code;
    std::string output;
  };
  ending finish(const std::vector<std::string>& arguments,
                const std::vector<std::string>& environment = {},
                const std::string& input = "/dev/null") const {
    const auto file = folder.file("output");
    std::filesystem::remove(file);
    child_process edge{edge_program, arguments, file, input, environment};
    const auto code = edge.wait();
    CHECK_MESSAGE(code, "still running: " << edge.output());
    return {code.value_or(-1), edge.output()};
  }
};

/// All numbers 1 ... count, once, in order.
void check_exactly(const scripted_node::stream& stream, std::uint64_t count) {
  REQUIRE(stream.ids.size() == count);
  for (std::uint64_t i = 0; i < count; ++i)
    REQUIRE(stream.ids[i] == i + 1);
}

bool says(const std::string& output, const std::string& what) {
  return output.find(what) != std::string::npos;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

TEST_CASE(
  "furrow-edge: a node that closes every connection without a word may have stopped or may want "
  "TLS, and the gateway says both") {
  edge_story s;
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor broken{io, {boost::asio::ip::address_v4::loopback(), 0}};
  std::thread closing{[&] {
    boost::system::error_code ended;
    while (!ended)
      broken.accept(ended); // the socket is closed at once
  }};
  const auto end = s.finish(s.run("127.0.0.1:" + std::to_string(broken.local_endpoint().port()),
                                  {"--from", s.log(10), "--until-durable", "--timeout", "2"}));
  ::shutdown(broken.native_handle(), SHUT_RDWR);
  closing.join();
  CHECK(end.code == 5);
  CHECK_MESSAGE(says(end.output, "closed without a message: the node has stopped, or it wants TLS"),
                end.output);
}

TEST_CASE("furrow-edge: sends a log whole and in order, reports it and ends") {
  edge_story s;
  scripted_node node;
  const auto end = s.finish(
    s.run(node.address(), {"--from", s.log(30'000), "--until-durable", "--timeout", "30"}));
  CHECK(end.code == 0);
  CHECK(says(end.output, "spooled 30000  durable 30000\n"));
  REQUIRE(node.streams().size() == 1);
  const auto stream = node.streams().begin()->second;
  check_exactly(stream, 30'000);
  CHECK(stream.buses == std::vector<can::bus_name>{{0, "can0"}});

  const auto info = s.finish({"spool", "info", s.folder.file("t1.spool"), "-o", "json"});
  CHECK(info.code == 0);
  const auto spool = nlohmann::json::parse(info.output);
  CHECK(spool["equipment"] == "T1");
  CHECK(spool["last"] == 30'000);
  CHECK(spool["acked"] == 30'000);
  CHECK(spool["stream_id"] == can::to_string(node.streams().begin()->first));

  const auto again =
    s.finish(s.run(node.address(), {"--from", s.folder.file("tractor.log"), "--until-durable"}));
  CHECK(again.code == 0);
  CHECK(says(again.output, "in the spool already"));
  CHECK(node.streams().begin()->second.durable == 30'000);
  const auto replayed = s.finish(
    s.run(node.address(), {"--from", s.folder.file("tractor.log"), "--until-durable", "--again"}));
  CHECK(replayed.code == 0);
  CHECK(node.streams().begin()->second.durable == 60'000);
}

TEST_CASE("furrow-edge: delivers every frame once after repeated kill -9 in the middle of a log") {
  // Goal: nothing lost, doubled or out of order. Method: kill at random moments, restart with the
  // same command, let the last one finish. The log is read at a pace that leaves time for all
  // kills, however fast the machine is: 200 s of it in 5 s.
  edge_story s;
  scripted_node node;
  const auto command = s.run(node.address(), {"--from", s.log(200'000), "--until-durable"});
  auto paced = command;
  paced.insert(paced.end(), {"--rate", "40x"});
  std::mt19937 random{3};
  for (int round = 0; round < 20; ++round) {
    child_process edge{edge_program, paced, s.folder.file("output")};
    REQUIRE_FALSE(edge.wait(std::chrono::milliseconds{random() % 200 + 50}));
    edge.signal(SIGKILL);
    CHECK(edge.wait() == 128 + SIGKILL);
  }
  REQUIRE(node.streams().size() == 1);
  CHECK(node.streams().begin()->second.durable > 0);
  const auto end = s.finish(command);
  CHECK(end.code == 0);
  CHECK(says(end.output, "spooled 200000  durable 200000\n"));
  REQUIRE(node.streams().size() == 1);
  check_exactly(node.streams().begin()->second, 200'000);
}

TEST_CASE(
  "furrow-edge: delivers every frame once when the node disconnects after every third batch") {
  edge_story s;
  scripted_node node;
  node.change([](auto& script) { script.cut_every_batches = 3; });
  const auto end =
    s.finish(s.run(node.address(), {"--from", s.log(100'000), "--until-durable", "-q"}));
  CHECK(end.code == 0);
  check_exactly(node.streams().begin()->second, 100'000);
  CHECK(node.streams().begin()->second.hellos > 1);
}

TEST_CASE("furrow-edge: every connection brings the backlog on, also when a line breaks within "
          "each block") {
  edge_story s;
  scripted_node node;
  node.change([](auto& script) { script.cut_after_bytes = 30'000; }); // a block has some 80,000
  const auto end =
    s.finish(s.run(node.address(), {"--from", s.log(8'000), "--until-durable", "--timeout", "60"}));
  CHECK(end.code == 0);
  check_exactly(node.streams().begin()->second, 8'000);
  CHECK(node.streams().begin()->second.hellos < 30);
}

TEST_CASE("furrow-edge: goes to the next node when one is away, and follows a redirect") {
  edge_story s;
  scripted_node elsewhere;
  scripted_node node;
  node.change(
    [&](auto& script) { script.instead_of_welcome = proto::redirect{elsewhere.address()}; });
  const auto end = s.finish(s.run("127.0.0.1:1," + node.address(),
                                  {"--from", s.log(1'000), "--until-durable", "--timeout", "30"}));
  CHECK(end.code == 0);
  CHECK(node.streams().empty());
  check_exactly(elsewhere.streams().begin()->second, 1'000);
}

TEST_CASE("furrow-edge: waits for a node that is away; SIGTERM ends it with success and the rest "
          "in the spool") {
  edge_story s;
  const auto log = s.log(5'000);
  {
    child_process edge{edge_program, s.run("127.0.0.1:1", {"--from", log, "--until-durable"}),
                       s.folder.file("output")};
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto seen = edge::spool::inspect(s.folder.file("t1.spool"));
      if (seen && seen->state.last_seq == 5'000)
        break;
    }
    edge.signal(SIGTERM);
    CHECK(edge.wait() == 0);
    CHECK(says(edge.output(), "spooled 5000  durable 0\n"));
  }
  scripted_node node;
  const auto rest =
    s.finish(s.run(node.address(), {"--until-durable"})); // no source: only the spool
  CHECK(rest.code == 0);
  check_exactly(node.streams().begin()->second, 5'000);
}

TEST_CASE(
  "furrow-edge: a spool restored from an old copy moves to a new stream and renumbers nothing") {
  edge_story s;
  scripted_node node;
  const auto log = s.log(1'000);
  CHECK(s.finish(s.run(node.address(), {"--from", log, "--until-durable"})).code == 0);
  std::filesystem::copy_file(s.folder.file("t1.spool"), s.folder.file("old.spool"));
  const auto second = s.folder.write("second.log", numbered_log(5'001, 300));
  CHECK(s.finish(s.run(node.address(), {"--from", second, "--until-durable"})).code == 0);
  std::filesystem::rename(s.folder.file("old.spool"), s.folder.file("t1.spool"));
  const auto third = s.folder.write("third.log", numbered_log(1, 70, "can1"));
  const auto end = s.finish(s.run(node.address(), {"--from", third, "--until-durable"}));
  CHECK(end.code == 0);
  CHECK(says(end.output, "is a copy of stream"));
  CHECK(says(end.output, "spooled 70  durable 70\n"));
  const auto streams = node.streams();
  REQUIRE(streams.size() == 2);
  std::vector<std::uint64_t> sizes;
  for (const auto& [id, stream] : streams) {
    sizes.push_back(stream.durable);
    if (stream.durable == 70)
      check_exactly(stream, 70);
  }
  std::sort(sizes.begin(), sizes.end());
  CHECK(sizes == std::vector<std::uint64_t>{70, 1'300});
}

TEST_CASE("furrow-edge: stops in good order when its terminal closes; without a terminal "
          "SIGHUP does not end it") {
  edge_story s;
  scripted_node node;
  const auto arguments = s.run(node.address(), {"--from", s.log(100)});
  const auto is_durable = [&] {
    return node.wait_for([](const auto& streams) {
      return !streams.empty() && streams.begin()->second.durable == 100;
    });
  };
  {
    auto service = arguments;
    service.insert(service.begin(), edge_program);
    child_process edge{"/usr/bin/setsid", service, s.folder.file("output")};
    REQUIRE(is_durable());
    edge.signal(SIGHUP);
    edge.signal(SIGTERM);
    CHECK(edge.wait() == 0); // ended by the second signal
  }
  int terminal = -1;
  const auto child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    std::vector<char*> argv{const_cast<char*>(edge_program.c_str())};
    for (const auto& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  std::string said;
  std::array<char, 256> bytes{};
  while (said.find("durable 100") == std::string::npos) {
    const auto count = ::read(terminal, bytes.data(), bytes.size());
    if (count <= 0)
      break;
    said.append(bytes.data(), static_cast<std::size_t>(count));
  }
  CHECK(says(said, "durable 100"));
  ::close(terminal);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("furrow-edge: reads standard input and reports its bad lines") {
  edge_story s;
  scripted_node node;
  const auto log = s.log(100);
  { std::ofstream{log, std::ios::app} << "nonsense\n"; }
  const auto end = s.finish(s.run(node.address(), {"--from", "-", "--until-durable"}), {}, log);
  CHECK(end.code == 0);
  CHECK(says(end.output, "stdin:101:"));
  check_exactly(node.streams().begin()->second, 100);
}

TEST_CASE("furrow-edge: each error has its exit code and one clear line") {
  edge_story s;
  scripted_node node;
  const auto log = s.log(10);
  const auto run = [&](std::vector<std::string> more, const std::string& nodes) {
    return s.finish(s.run(nodes, std::move(more)));
  };
  CHECK(s.finish({}).code == 2);
  CHECK(s.finish({"run"}).code == 2);
  CHECK(s.finish({"--help"}).code == 0);
  CHECK(says(s.finish({"run", "--help"}).output, "examples:"));
  for (const auto& wrong : std::vector<std::vector<std::string>>{{"--rate", "fast"},
                                                                 {"--rate", "-1x"},
                                                                 {"--rate", "nanx"},
                                                                 {"--name", "12"},
                                                                 {"--timeout", "0"},
                                                                 {"--cert", "x.pem"},
                                                                 {"--log-format", "xml"},
                                                                 {"--unknown"},
                                                                 {"--token-file", "/nowhere/token"},
                                                                 {"--spool-max", "0"}}) {
    const auto end = run(wrong, node.address());
    CAPTURE(wrong[0]);
    CHECK(end.code == 2);
  }
  const auto no_port = run({}, "nowhere");
  CHECK(no_port.code == 2);
  CHECK(lines_of(no_port.output) == 1);
  for (const auto& wrong : std::vector<std::vector<std::string>>{
         {"--from", "/nowhere/x.log"}, {"--from", "can:nocan7"}, {"--ca", "/nowhere/ca.pem"}}) {
    const auto end = run(wrong, node.address());
    CAPTURE(end.output);
    CHECK(end.code == 1);
    CHECK(lines_of(end.output) == 1);
  }
  const auto nobody = run({"--from", log, "--until-durable", "--timeout", "0.3"}, "127.0.0.1:1");
  CHECK(nobody.code == 3);
  node.change([](auto& script) { script.ack = false; });
  CHECK(run({"--until-durable", "--timeout", "0.3"}, node.address()).code == 5);
  node.change([](auto& script) { script.token = "right"; });
  const auto refused = run({"--until-durable", "--token", "wrong"}, node.address());
  CHECK(refused.code == 1);
  CHECK(says(refused.output, "wrong token"));
  node.change([](auto& script) { script.ack = true; });
  CHECK(s.finish(s.run(node.address(), {"--until-durable"}), {"FURROW_TOKEN=right"}).code == 0);
  const auto file = s.folder.write("token", "right\n");
  CHECK(run({"--until-durable", "--token-file", file}, node.address()).code == 0);
  CHECK(s.finish({"spool", "info", s.folder.file("none")}).code == 1);
}

TEST_CASE("furrow-edge: a second process on the same spool is rejected, and the first continues") {
  edge_story s;
  scripted_node node;
  const auto log = s.log(100);
  child_process first{edge_program, s.run(node.address(), {"--from", log}), s.folder.file("first")};
  REQUIRE(node.wait_for([](const auto& streams) {
    return !streams.empty() && streams.begin()->second.durable == 100;
  }));
  const auto second = s.finish(s.run(node.address(), {"--from", log}));
  CHECK(second.code == 1);
  CHECK(lines_of(second.output) == 1);
  CHECK(says(second.output, "in use"));
  first.signal(SIGINT);
  CHECK(first.wait() == 0);
}

TEST_CASE("furrow-edge: JSON log lines are valid JSON for any text of peers and files") {
  edge_story s;
  scripted_node node;
  node.change([](auto& script) {
    script.instead_of_welcome =
      proto::reject{proto::reject_code::unavailable, "a \"quote\" \x1b[31m and\na line", 0};
  });
  const auto end =
    s.finish(s.run(node.address(), {"--from", s.folder.write("bad.log", "\x1b[2J\xFF\n"),
                                    "--until-durable", "--log-format", "json"}));
  CHECK(end.code == 1); // no line of the log could be read
  std::istringstream lines{end.output};
  unsigned seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("spooled ", 0) == 0)
      continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    CHECK_FALSE(json.is_discarded());
    for (const auto* field : {"time", "level", "module", "event", "msg"})
      CHECK_MESSAGE(json.contains(field), line);
    CHECK(json.value("equipment", "") == "T1");
    ++seen;
  }
  CHECK(seen >= 1);
}

TEST_CASE("furrow-edge: checks the node's name over TLS and rejects a foreign certificate") {
  edge_story s;
  const auto sh = [&](const std::string& command) {
    const auto quiet = "cd " + s.folder.file(".") + " && (" + command + ") >/dev/null 2>&1";
    REQUIRE(std::system(quiet.c_str()) == 0);
  };
  const auto authority = [&](const std::string& name) {
    sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "
       + name + ".key -out " + name + ".pem -subj /CN=" + name);
  };
  const auto certificate = [&](const std::string& name, const std::string& alternative) {
    sh("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name
       + ".key -out " + name + ".csr -subj /CN=" + name);
    sh("printf 'subjectAltName=" + alternative + "' > " + name + ".ext; openssl x509 -req -in "
       + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile " + name
       + ".ext -out " + name + ".pem");
  };
  authority("ca");
  authority("stranger");
  certificate("node", "IP:127.0.0.1");
  certificate("other", "DNS:elsewhere.example");
  const auto context = [&](const std::string& name) {
    boost::asio::ssl::context tls{boost::asio::ssl::context::tls_server};
    tls.use_certificate_chain_file(s.folder.file(name + ".pem"));
    tls.use_private_key_file(s.folder.file(name + ".key"), boost::asio::ssl::context::pem);
    return tls;
  };
  const auto log = s.log(1'000);
  auto good = context("node");
  scripted_node node{&good};
  const auto stranger =
    s.finish(s.run(node.address(), {"--from", log, "--until-durable", "--timeout", "0.5", "--ca",
                                    s.folder.file("stranger.pem")}));
  CHECK(stranger.code == 3);
  CHECK(says(stranger.output, "certificate verify failed"));
  auto misnamed = context("other");
  scripted_node other{&misnamed};
  CHECK(s.finish(s.run(other.address(),
                       {"--until-durable", "--timeout", "0.5", "--ca", s.folder.file("ca.pem")}))
          .code
        == 3);
  CHECK(other.streams().empty());
  const auto end = s.finish(
    s.run(node.address(), {"--until-durable", "--timeout", "20", "--ca", s.folder.file("ca.pem")}));
  CHECK(end.code == 0);
  check_exactly(node.streams().begin()->second, 1'000);
}

TEST_CASE("furrow-edge: sends records and frames in one stream and reports bad lines") {
  edge_story s;
  scripted_node node;
  std::string csv = "time,source,spn,fmi,active\n";
  for (int i = 0; i < 20'000; ++i)
    csv += std::to_string(i) + (i == 7 ? ",300" : ",3") + ",1,2,true\n";
  const auto records = s.folder.write("faults.csv", csv);
  const auto end =
    s.finish(s.run(node.address(), {"--from", s.log(5'000), "--records", records, "--kind", "fault",
                                    "--until-durable", "--timeout", "30"}));
  CHECK(end.code == 0);
  CHECK(says(end.output, records + ":9:3: source: 300 is not within 0 to 253"));
  CHECK(says(end.output, "spooled 25000  durable 25000\n"));
  REQUIRE(node.streams().size() == 1);
  const auto stream = node.streams().begin()->second;
  std::vector<std::uint32_t> frames;
  std::copy_if(stream.ids.begin(), stream.ids.end(), std::back_inserter(frames),
               [](std::uint32_t id) { return id != 0; });
  REQUIRE(frames.size() == 5'000);
  CHECK(std::is_sorted(frames.begin(), frames.end()));
  CHECK(stream.ids.size() - frames.size() == 20'000);

  const auto bad = s.finish(s.run(node.address(), {"--records", records, "--kind", "harvest"}));
  CHECK(bad.code == 2);
  CHECK(says(bad.output, "--kind harvest is not one of sensor, yield, tokens, fault"));
  const auto header = s.folder.write("wrong.csv", "time,spn\n1,2\n");
  const auto wrong =
    s.finish(s.run(node.address(), {"--records", header, "--until-durable", "--timeout", "30"}));
  CHECK(wrong.code == 1);
  CHECK(says(wrong.output, header + ":1:1: there is no column \"kind\": add it, or give --kind"));
}
