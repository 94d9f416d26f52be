// What furrow-edge says of input that it cannot read, and what it reads although it is packed or has other times.
#include "tests/support/data.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tests/tools/furrow/scripted_node.hpp"
#include "tests/tools/packed.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace furrow;
using namespace furrow::tests;

namespace {

struct input_story {
  scratch_folder folder;
  scripted_node node;

  struct ending {
    int code;
    std::string output;
  };
  ending send(std::vector<std::string> input, const std::string& standard_input = "/dev/null") {
    std::vector<std::string> arguments{
      "run",       "--node",  node.address(),          "--equipment",
      "T1",        "--spool", folder.file("t1.spool"), "--until-durable",
      "--timeout", "30"};
    arguments.insert(arguments.end(), input.begin(), input.end());
    const auto file = folder.file("output");
    std::filesystem::remove(file);
    child_process edge{FURROW_BIN_DIR "/furrow-edge", arguments, file, standard_input, {}};
    const auto code = edge.wait();
    CHECK_MESSAGE(code, "still running: " << edge.output());
    return {code.value_or(-1), edge.output()};
  }
  /// The frames that the node has.
  [[nodiscard]] std::size_t durable() {
    const auto streams = node.streams();
    return streams.empty() ? 0 : streams.begin()->second.ids.size();
  }
};

bool holds(const std::string& output, const std::string& what) {
  return output.find(what) != std::string::npos;
}

/// Times of the first and the last frame in the spool.
std::pair<std::int64_t, std::int64_t> spooled_times(const std::string& path) {
  auto opened = edge::spool::open({.path = path, .equipment = "T1"}, {});
  REQUIRE(opened);
  std::pair<std::int64_t, std::int64_t> times{0, 0};
  for (auto next = std::uint64_t{1}; next <= (*opened)->last_seq();)
    for (const auto& block : blocks_from(**opened, next)) {
      const auto frames = std::get<can::frame_block>(decoded(block));
      if (next == 1)
        times.first = frames[0].time_us;
      times.second = frames[frames.size() - 1].time_us;
      next = block.seq_last() + 1;
    }
  return times;
}

} // namespace

TEST_CASE("furrow-edge: input of which nothing, or more than 1 % of the lines, could not be read "
          "is a failure") {
  input_story s;
  std::string noise;
  std::mt19937 random{7};
  while (noise.size() < 20'000)
    noise += static_cast<char>(random() % 255 + 1);
  const auto failed = s.send({"--from", s.folder.write("noise", noise)});
  CHECK(failed.code == 1);
  CHECK(holds(failed.output, "lines could not be read"));
  CHECK(s.send({"--from", "/etc/passwd"}).code == 1);
  CHECK(s.send({"--from", "-"}, "/etc/passwd").code == 1);
  CHECK(s.durable() == 0);

  const auto two_of_102 = s.folder.write("two.log", numbered_log(1, 100) + "x\ny\n");
  const auto some = s.send({"--from", two_of_102});
  CHECK(some.code == 1);
  CHECK(holds(some.output, two_of_102 + ": 2 of 102 lines could not be read"));
  CHECK(s.durable() == 100);                       // what could be read is sent
  CHECK(s.send({"--from", two_of_102}).code == 1); // also when nothing in it is new
  CHECK(s.send({"--from", s.folder.write("one.log", numbered_log(101, 100) + "x\n")}).code == 0);
  CHECK(s.send({"--from", s.folder.write("empty.log", "")}).code == 0);

  std::string records;
  for (int i = 0; i < 7; ++i)
    records += R"({"kind":"fault","time":1,"source":)" + std::to_string(i == 0 ? 3 : 300)
               + R"(,"spn":1,"fmi":2,"active":true})" + "\n";
  const auto lost = s.send({"--records", s.folder.write("f.jsonl", records)});
  CHECK(lost.code == 1);
  CHECK(holds(lost.output, "6 of 7 lines could not be read"));
  CHECK(s.durable() == 201 + 6); // lines that are no records travel to quarantine
}

TEST_CASE("furrow-edge: a file that is nothing but half a line, or begins as packed data that is "
          "damaged, is a failure") {
  const std::string zstd_mark = "\x28\xB5\x2F\xFD";
  for (const auto& content :
       {std::string{"\x1F\x8B junk"}, std::string{"\x1F\x8B"}, std::string{"\x1F\x8B\x08"},
        std::string{"\x1F"}, zstd_mark, zstd_mark + "junk", zstd_mark.substr(0, 3),
        std::string(300, '\xA5')}) {
    input_story s;
    const auto file = s.folder.write("x.gz", content);
    for (const auto* input : {"--from", "--records"}) {
      const auto end = s.send({input, file});
      CHECK_MESSAGE(end.code == 1, end.output);
      CHECK_MESSAGE(holds(end.output, file), end.output);
    }
  }
  input_story s; // half a line after whole ones waits for its end
  const auto grown = s.folder.write("grown.log", numbered_log(1, 10) + "(1.5) can0 12");
  CHECK(s.send({"--from", grown}).code == 0);
  CHECK(s.send({"--from", grown}).code == 0); // nothing but half a line is new
}

TEST_CASE(
  "furrow-edge: reads gzip and zstd, from a file and from a pipe, once whether packed or not") {
  const auto log = numbered_log(1, 50'000);
  for (const auto& packed : {gzipped(log), zstd_packed(log),
                             gzipped(log.substr(0, 700'000)) + gzipped(log.substr(700'000))}) {
    input_story s;
    const auto file = s.folder.write("a.log.packed", packed);
    CHECK(s.send({"--from", file}).code == 0);
    CHECK(s.durable() == 50'000);
    const auto again = s.send({"--from", file});
    CHECK(again.code == 0);
    CHECK(holds(again.output, "is in the spool already"));
    CHECK(s.send({"--from", s.folder.write("a.log", log)}).code == 0); // the same log, unpacked
    CHECK(s.durable() == 50'000);
    CHECK(s.send({"--from", "-"}, file).code == 0);
    CHECK(s.durable() == 100'000);
    const auto more = s.folder.write("more.packed", gzipped(log + numbered_log(50'001, 10)));
    CHECK(s.send({"--from", more}).code == 0); // the log has grown before it was packed
    CHECK(s.durable() == 100'010);
  }
  input_story s;
  const auto cut = s.send({"--from", s.folder.write("cut.gz", gzipped(log).substr(0, 50'000))});
  CHECK(cut.code == 1);
  CHECK(holds(cut.output, "it ends in the middle of its packed data"));
  auto harmed = zstd_packed(log);
  harmed[harmed.size() / 2] = static_cast<char>(harmed[harmed.size() / 2] ^ 0x55);
  const auto bad = s.send({"--from", s.folder.write("bad.zst", harmed)});
  CHECK(bad.code == 1);
  CHECK(holds(bad.output, "damaged zstd data"));
}

TEST_CASE("furrow-edge: local times have a zone, relative times a start, and times without a date "
          "a warning") {
  const std::string asc = "date Tue Jun 2 13:14:48.000 2026\nbase hex timestamps absolute\n"
                          "   0.500000 1  123  Rx d 1 AA\n   1.500000 1  123  Rx d 1 AB\n";
  constexpr std::int64_t local = 1'780'406'088'500'000; // as if it were UTC
  const auto times = [&](const std::string& text, const std::vector<std::string>& more) {
    input_story s;
    std::vector<std::string> input{"--from", s.folder.write("t.log", text)};
    input.insert(input.end(), more.begin(), more.end());
    const auto end = s.send(input);
    CHECK(end.code == 0);
    return std::pair{spooled_times(s.folder.file("t1.spool")), end.output};
  };
  CHECK(times(asc, {}).first == std::pair{local, local + 1'000'000});
  CHECK(times(asc, {"--time-zone", "+02:00"}).first.first == local - 7'200'000'000);
  CHECK(times(asc, {"--time-zone", "-03:30"}).first.first == local + 12'600'000'000);
  if (std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin"))
    CHECK(times(asc, {"--time-zone", "Europe/Berlin"}).first.first == local - 7'200'000'000);
  const std::string dated = "(1780406088.500000) can0 123#AA\n";
  const auto unused = times(dated, {"--time-zone", "+02:00"});
  CHECK(unused.first.first == local);
  CHECK(holds(unused.second, "--time-zone has no use"));

  const std::string relative =
    " (000.500000)  can0  123   [1]  AA\n (001.500000)  can0  123   [1]  AB\n";
  const auto early = times(relative, {});
  CHECK(early.first.first == 500'000);
  CHECK(holds(early.second, "before the year 2000"));
  const auto started = times(relative, {"--start", "2026-06-02T13:14:48Z"});
  CHECK(started.first == std::pair{local, local + 1'000'000});
  CHECK_FALSE(holds(started.second, "2000"));

  input_story s;
  CHECK(s.send({"--time-zone", "Nowhere/Town"}).code == 2);
  CHECK(s.send({"--time-zone", "../../etc/passwd"}).code == 2);
  CHECK(s.send({"--start", "yesterday"}).code == 2);
}
