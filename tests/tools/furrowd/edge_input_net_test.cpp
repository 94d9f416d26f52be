// Files that furrow-edge sends to a node: lines that are no records, and the same file twice.
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow::tests;

namespace {

constexpr int closed_port = 1;

struct input_story {
  node_program node;
  scratch_folder folder;

  struct ending {
    int code;
    std::string output;
  };
  /// Runs the gateway until everything is durable.
  ending send(const std::string& spool, const std::vector<std::string>& input) {
    return run(spool, node.gateway_port(), "30", input);
  }
  /// Fills the spool while no node answers.
  ending fill(const std::string& spool, const std::vector<std::string>& input) {
    return run(spool, closed_port, "3", input);
  }
  ending run(const std::string& spool,
             int port,
             const std::string& timeout_s,
             const std::vector<std::string>& input) {
    std::vector<std::string> flags{"run",
                                   "--node",
                                   "127.0.0.1:" + std::to_string(port),
                                   "--equipment",
                                   "T1",
                                   "--spool",
                                   folder.file(spool),
                                   "--until-durable",
                                   "--timeout",
                                   timeout_s};
    flags.insert(flags.end(), input.begin(), input.end());
    const auto output = folder.file("output");
    std::filesystem::remove(output);
    child_process edge{FURROW_BIN_DIR "/furrow-edge", flags, output};
    const auto code = edge.wait(node_patience);
    return {code.value_or(-1), edge.output()};
  }
  [[nodiscard]] nlohmann::json get(const std::string& target) const {
    const auto answer = node.get(target);
    REQUIRE(answer.status == 200);
    return nlohmann::json::parse(answer.body);
  }
  /// The items of the machine that are stored, over all of its streams.
  [[nodiscard]] std::uint64_t stored() const {
    std::uint64_t sum = 0;
    const auto ledger = get("/api/v1/ledger?equipment=T1");
    for (const auto& row : ledger.at("ledger")) {
      CHECK(row.at("lost") == 0);
      sum += row.at("stored").get<std::uint64_t>();
    }
    return sum;
  }
};

bool says(const std::string& output, const std::string& what) {
  return output.find(what) != std::string::npos;
}

const std::string good_record =
  R"({"kind":"fault","time":1777617000,"source":3,"spn":190,"fmi":2,"active":true})";

std::string log_of(int frames) {
  std::string text;
  for (int i = 0; i < frames; ++i)
    text += "(1777617000." + std::to_string(100'000 + i) + ") can0 18FEF100#"
            + std::to_string(10'000'000 + i) + "00000000\n";
  return text;
}

} // namespace

TEST_CASE("furrow-edge: a line that is no record is in quarantine, with its bytes, place and "
          "reason") {
  input_story s;
  const std::string bad = R"({"kind":"fault","time":1777617001,"source":300,"spn":1})";
  const std::string torn = "{\"kind\":\"fault\xFF";
  std::string text = good_record + "\n" + bad + "\n" + torn + "\n";
  for (int i = 0; i < 300; ++i)
    text += good_record + "\n";
  const auto file = s.folder.write("day.jsonl", text);
  const auto end = s.send("t1.spool", {"--records", file});
  CHECK_MESSAGE(end.code == 0, end.output); // fewer than 1 % of the lines
  CHECK(says(end.output, "spooled 303  durable 303"));
  CHECK(s.stored() == 303);

  const auto kept = s.get("/api/v1/quarantine").at("quarantine");
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].at("seq") == 2);
  CHECK(kept[0].at("reason") == file + ":2:44: source: 300 is not within 0 to 253");
  CHECK(kept[1].at("reason") == file + ":3:1: the line must be UTF-8 text without NUL");
  const auto first = s.get("/api/v1/quarantine/" + kept[0].at("id").get<std::string>());
  CHECK(first.at("body") == bad);
  const auto second = s.get("/api/v1/quarantine/" + kept[1].at("id").get<std::string>());
  CHECK(second.at("bytes") == "7B226B696E64223A226661756C74FF");

  // The line is what it was: a retry cannot make a record of it.
  const auto retried =
    s.node.post("/api/v1/quarantine/" + kept[0].at("id").get<std::string>() + "/retry");
  CHECK(retried.status == 200);
  CHECK(nlohmann::json::parse(retried.body).at("stored") == false);
  CHECK(s.get("/api/v1/quarantine").at("quarantine").size() == 2);

  const auto worse = s.send("t1.spool", {"--records", s.folder.write("bad.jsonl", bad + "\n")});
  CHECK(worse.code == 1);
  CHECK(says(worse.output, "1 of 1 lines could not be read"));
  CHECK(s.get("/api/v1/quarantine").at("quarantine").size() == 3);
}

TEST_CASE("furrow-edge: the same file from a new spool is stored again only on purpose") {
  input_story s;
  const auto file = s.folder.write("tractor.log", log_of(500));
  CHECK(s.send("a.spool", {"--from", file}).code == 0);
  CHECK(s.stored() == 500);
  CHECK(s.send("a.spool", {"--from", file}).code == 0); // this spool has sent it

  const auto copy = s.folder.write("copy.log", log_of(500));
  const auto refused = s.send("b.spool", {"--from", copy});
  CHECK(refused.code == 1);
  CHECK(says(refused.output, "T1 has " + copy + " already: it was stored at 20"));
  CHECK(says(refused.output, ", from " + file + "; nothing was sent, --again stores it once more"));
  CHECK(s.stored() == 500);
  CHECK(s.send("b.spool", {"--from", copy}).code == 1); // still

  const auto again = s.send("b.spool", {"--from", copy, "--again"});
  CHECK_MESSAGE(again.code == 0, again.output);
  CHECK(s.stored() == 1'000);
  // Another file, and the same one when it has grown within its spool, are new.
  CHECK(s.send("c.spool", {"--from", s.folder.write("other.log", log_of(499))}).code == 0);
  CHECK(s.send("a.spool", {"--from", s.folder.write("tractor.log", log_of(510))}).code == 0);
  CHECK(s.stored() == 1'000 + 499 + 10);

  const auto records = s.folder.write("day.jsonl", good_record + "\n");
  CHECK(s.send("d.spool", {"--records", records}).code == 0);
  CHECK(s.send("e.spool", {"--records", records}).code == 1);
  CHECK(s.stored() == 1'000 + 499 + 10 + 1);
}

TEST_CASE("furrow-edge: a file that was spooled while no node answered is not sent if it is stored "
          "already") {
  input_story s;
  const auto file = s.folder.write("tractor.log", log_of(500));
  CHECK(s.send("a.spool", {"--from", file}).code == 0);
  const scratch_folder away;
  child_process edge{FURROW_BIN_DIR "/furrow-edge",
                     {"run", "--node", "127.0.0.1:1", "--equipment", "T1", "--spool",
                      s.folder.file("b.spool"), "--from", file, "--until-durable", "--timeout",
                      "1"},
                     away.file("output")};
  CHECK(edge.wait(node_patience) == 3);
  const auto refused = s.send("b.spool", {"--from", file});
  CHECK(refused.code == 1);
  CHECK(says(refused.output, s.folder.file("b.spool") + " holds its items: remove that file"));
  CHECK(s.stored() == 500);
}

// Symptom: two spools read one file while no node answered, and were sent later without naming it: it was stored twice.
TEST_CASE("furrow-edge: the same file from a spool that was filled offline is noticed later") {
  input_story s;
  const auto file = s.folder.write("tractor.log", log_of(500));
  for (const auto* spool : {"a.spool", "b.spool"}) {
    const auto offline = s.fill(spool, {"--from", file});
    CHECK_MESSAGE(offline.code == 3, offline.output); // no node was ever reached
    CHECK(says(offline.output, "spooled 500"));
  }
  CHECK(s.send("a.spool", {}).code == 0);
  CHECK(s.stored() == 500);
  const auto refused = s.send("b.spool", {});
  CHECK(refused.code == 1);
  CHECK(says(refused.output, "T1 has " + file + " already: it was stored at 20"));
  CHECK(says(refused.output, "nothing was sent. "));
  CHECK(s.send("b.spool", {}).code == 1); // still
  CHECK(s.stored() == 500);
  // What the first spool has sent is its own, also when it gets more.
  CHECK(s.send("a.spool", {"--from", s.folder.write("other.log", log_of(100))}).code == 0);
  const auto again = s.send("b.spool", {"--again"});
  CHECK_MESSAGE(again.code == 0, again.output);
  CHECK(s.stored() == 1'100);
  CHECK(s.send("b.spool", {}).code == 0);
}
