// The log of a running furrowd: its formats, and what strangers can do to it.
#include "tests/tools/furrowd/gateway_client.hpp"

#include <doctest/doctest.h>

#include <regex>
#include <sstream>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// The lines on standard error: node_program gathers the `ready` line of standard output with them.
std::vector<std::string> log_of(const node_program& node) {
  std::vector<std::string> out;
  std::istringstream lines{node.output()};
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("ready gateway=", 0) != 0)
      out.push_back(line);
  return out;
}

std::size_t count_of(const node_program& node, const std::string& text) {
  std::size_t count = 0;
  for (const auto& line : log_of(node))
    count += line.find(text) != std::string::npos ? 1 : 0;
  return count;
}

/// A gateway that is greeted, and one whose name would forge a line.
void visit(const node_program& node) {
  {
    gateway one{node};
    (void)one.greet(hello_of("T1", 1));
    REQUIRE(one.next_of<proto::ack>()); // unread, it would reset the connection
  }
  gateway bad{node};
  bad.say(wire_of(hello_of("T1\nlevel=critical msg=forged", 0xBA)));
  CHECK(bad.socket().closes_within(node_patience));
}

} // namespace

TEST_CASE("furrowd: every line of the JSON log has its fields, and names no forged line") {
  node_program node{{"--log-format", "json", "--node", "east"}};
  visit(node);
  REQUIRE(eventually(node_patience,
                     [&] { return count_of(node, "\"event\":\"gateway_rejected\"") > 0; }));
  CHECK(node.end() == 0);
  std::size_t connected = 0;
  for (const auto& line : log_of(node)) {
    const auto parsed = json::parse(line, nullptr, false);
    REQUIRE_MESSAGE(parsed.is_object(), line);
    for (const auto* field : {"time", "level", "module", "event", "node", "msg"})
      CHECK_MESSAGE(parsed.contains(field), line);
    CHECK(parsed.value("node", "") == "east");
    CHECK(parsed.value("level", "") != "critical");
    if (parsed.value("event", "") == "gateway_connected") {
      ++connected;
      CHECK(parsed.value("farm", "") == "default");
      CHECK(parsed.value("equipment", "") == "T1");
      CHECK(parsed.value("peer", "").rfind("127.0.0.1:", 0) == 0);
    }
  }
  CHECK(connected == 1);
  CHECK(count_of(node, "\"event\":\"node_ready\"") == 1);
}

TEST_CASE("furrowd: the logfmt log has one key=value list a line") {
  node_program node{{"--log-format", "logfmt"}};
  visit(node);
  REQUIRE(
    eventually(node_patience, [&] { return count_of(node, " event=gateway_rejected ") > 0; }));
  CHECK(node.end() == 0);
  const std::regex whole{
    R"re(time=\S+ level=\w+ module=\w+ event=\w+ node=n1( \w+=("([^"\\]|\\.)*"|[^" ]+))+)re"};
  for (const auto& line : log_of(node))
    CHECK_MESSAGE(std::regex_match(line, whole), line);
}

TEST_CASE("furrowd: a start that fails says so in the format of the log") {
  const scratch_folder folder;
  child_process node{FURROW_BIN_DIR "/furrowd",
                     {"--database", "sqlite:" + folder.file("no/folder/node.db"), "--listen",
                      "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-format", "json"},
                     folder.file("output")};
  CHECK(node.wait(node_patience) == 1);
  const auto said = json::parse(node.output(), nullptr, false);
  CHECK(said.value("event", "") == "failed");
  CHECK(said.value("level", "") == "critical");
}

TEST_CASE("furrowd: the levels of the log change while it runs") {
  const node_program node;
  const auto strangers = [&](int count) {
    for (int i = 0; i < count; ++i) {
      raw_socket socket{node.gateway_port()};
      socket.send(std::string(64, 'x'));
      CHECK(socket.closes_within(node_patience));
    }
  };
  const auto set = [&](const std::string& levels) {
    const auto body = json{{"levels", levels}}.dump();
    return node_program::http_ask(node.http_port(), "PUT", "/api/v1/log-levels",
                                  "Content-Length: " + std::to_string(body.size()) + "\r\n", body)
      .status;
  };
  strangers(1);
  CHECK(eventually(node_patience, [&] { return count_of(node, "rejected (limit)") == 1; }));
  REQUIRE(set("info,gateway=error") == 200);
  strangers(3);
  REQUIRE(set("info") == 200);
  strangers(1);
  CHECK(eventually(node_patience, [&] { return count_of(node, "rejected (limit)") == 2; }));
}

TEST_CASE("furrowd: strangers do not fill the log, and their number is told") {
  const node_program node;
  constexpr int strangers = 400; // many more than 5 a second
  for (int i = 0; i < strangers; ++i) {
    raw_socket socket{node.gateway_port()};
    socket.send(std::string(64, 'x'));
    CHECK(socket.closes_within(node_patience));
  }
  CHECK(eventually(node_patience, [&] {
    return count_of(node, "lines like gateway_rejected were left out") > 0;
  }));
  CHECK(count_of(node, "rejected (limit)") >= 50);
}

TEST_CASE("furrowd: in the journal, text lines have a priority and no time") {
  const scratch_folder folder;
  const auto script = folder.write(
    "run.sh", "export JOURNAL_STREAM=$(stat -L -c '%d:%i' /dev/stderr); exec " FURROW_BIN_DIR
              "/furrowd --listen 127.0.0.1:0 --http 127.0.0.1:0 --database sqlite:"
                + folder.file("node.db") + "\n");
  child_process node{"/bin/sh", {script}, folder.file("output")};
  REQUIRE(eventually(node_patience, [&] {
    return node.output().find("\n<6>info serving gateways at ") != std::string::npos;
  }));
  node.signal(SIGTERM);
  CHECK(node.wait(node_patience) == 0);
  CHECK(node.output().find("\n<6>info signal 15: draining") != std::string::npos);
}
