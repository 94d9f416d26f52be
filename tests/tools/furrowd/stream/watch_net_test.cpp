/// `furrow watch` on a real node with a simulated fleet: values and frames come from the machines' actors.
#include "tests/support/program.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
using nlohmann::json;

namespace {

struct watch_world {
  /// A fleet that loses its connections and sends some batches twice.
  watch_world()
    : fleet{FURROW_BIN_DIR "/furrow-sim",
            {"run", "--node", "127.0.0.1:" + std::to_string(node.gateway_port()), "--machines", "2",
             "--rate", "200", "--seconds", "120", "--duplicate", "--disconnect-every", "2"},
            folder.file("fleet")} {}

  [[nodiscard]] std::vector<std::string> words(std::vector<std::string> more) const {
    std::vector<std::string> all{FURROW_BIN_DIR "/furrow", "--at",
                                 "http://" + value_after(node.output(), " http="), "watch"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] program_result watch(const std::vector<std::string>& more) const {
    program made{words(more), {}};
    return made.wait();
  }
  [[nodiscard]] bool has_machines() const {
    return eventually(node_patience, [&] {
      return node.get("/api/v1/equipment/SIM-0002").body.find("\"engine_speed_rpm\":{")
             != std::string::npos;
    });
  }

  scratch_folder folder;
  node_program node;
  child_process fleet;
};

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> all;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    all.push_back(json::parse(line));
  return all;
}

} // namespace

TEST_CASE(
  "watch: values, connections and the ledger of a fleet, then frames, each once and in order") {
  watch_world w;
  REQUIRE(w.has_machines());
  const auto shown = w.watch({"SIM*", "--for", "3s", "-o", "jsonl"});
  CHECK_MESSAGE(shown.exit_code == 0, shown.errors);
  const auto messages = lines_of(shown.out);
  REQUIRE(messages.size() > 3);
  CHECK(messages[0]["type"] == "hello");
  REQUIRE(messages[1]["type"] == "snapshot");
  CHECK(messages[1]["machines"].size() == 2);
  json at = messages[1]["at"];
  bool durable = false;
  for (std::size_t i = 2; i < messages.size(); ++i) {
    if (messages[i]["type"] != "delta")
      continue;
    CHECK(messages[i]["from"] == at);
    at = messages[i]["at"];
    for (const auto& machine : messages[i]["machines"])
      durable = durable || (machine.contains("ledger") && machine["ledger"]["durable_seq"] > 0);
  }
  CHECK(durable);

  const auto frames = w.watch({"SIM-0001", "--frames", "--for", "5s", "-o", "jsonl"});
  CHECK_MESSAGE(frames.exit_code == 0, frames.errors);
  std::uint64_t last = 0;
  std::size_t count = 0;
  bool ordered = true;
  for (const auto& message : lines_of(frames.out)) {
    if (message["type"] != "frames")
      continue;
    for (const auto& frame : message["frames"]) {
      ordered = ordered && frame["seq"] > last;
      last = frame["seq"];
      ++count;
    }
  }
  CHECK(ordered);
  CHECK(count > 100);

  const auto table = w.watch({"SIM-0001", "--signals", "EEC1.*", "--for", "2s"});
  CHECK(table.exit_code == 0);
  CHECK(table.out.find("engine_speed_rpm=") != std::string::npos);
  CHECK(table.out.find("SIM-0002") == std::string::npos);
  CHECK(table.out.find("ledger") == std::string::npos);
}

TEST_CASE("watch: ends with Ctrl-C and exit code 0, and says what is wrong with its words") {
  watch_world w;
  REQUIRE(w.has_machines());
  auto words = w.words({"-o", "json"});
  const auto file = w.folder.file("watched");
  words.erase(words.begin());
  child_process watching{FURROW_BIN_DIR "/furrow", words, file};
  REQUIRE(eventually(node_patience,
                     [&] { return watching.output().find("\"delta\"") != std::string::npos; }));
  watching.signal(SIGINT);
  CHECK(watching.wait(node_patience) == 0);
  CHECK(json::parse(watching.output()).is_array());
  CHECK(w.watch({"--area", "1,2,3"}).exit_code == 2);
  CHECK(w.watch({"--frames-of", "x"}).exit_code == 2);
  CHECK(w.watch({"--field", "nowhere"}).exit_code == 4);
  CHECK(w.watch({"--for", "soon"}).exit_code == 2);
}
