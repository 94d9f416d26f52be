// A log that is read while another program writes it.
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/source/log_source.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;

namespace {

std::vector<std::uint32_t> ids_of(frame_source& source) {
  std::vector<std::uint32_t> ids;
  source_frame frame;
  while (source.next(frame, std::chrono::milliseconds{0}) == source_status::frame) {
    ids.push_back(frame.header.id());
    source.taken();
  }
  return ids;
}

std::unique_ptr<log_source> open_growing(const std::string& path,
                                         std::vector<std::string>* told = nullptr) {
  auto source = log_source::open(path, [told](const std::string& line) {
    if (told != nullptr)
      told->push_back(line);
  });
  REQUIRE(source);
  return std::move(*source);
}

} // namespace

TEST_CASE("log source: half a line at the end of a file waits for its end, also over a restart") {
  // Goal: whatever pieces a log is written in, and whenever the gateway is killed, each whole line is read once.
  // Method: cut the log after each byte of its last two lines; read it, complete it, read on from the saved place.
  scratch_folder folder;
  const std::string text =
    "(1.000000) can0 123#AA\n(2.000000) can0 123#AABBCC\n(3.000000) can0 124#\n";
  for (std::size_t cut = 23; cut <= text.size(); ++cut) {
    CAPTURE(cut);
    const auto path = folder.write("a.log", text.substr(0, cut));
    std::vector<std::string> told;
    const auto first = open_growing(path, &told);
    auto all = ids_of(*first);
    const auto lines = static_cast<std::size_t>(
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(cut), '\n'));
    CHECK(all.size() == lines);
    const bool half = text[cut - 1] != '\n';
    REQUIRE(told.size() == (half ? 1 : 0));
    if (half)
      CHECK(told[0].rfind(
              path + ":" + std::to_string(lines + 1) + ":1: the last line has no line end", 0)
            == 0);
    CHECK(first->progress().bad_lines == 0);
    (void)folder.write("a.log", text);
    const auto second = open_growing(path);
    const auto start = second->find_in({first->progress()});
    CHECK(start.known);
    REQUIRE(second->start_at(start.row));
    const auto rest = ids_of(*second);
    all.insert(all.end(), rest.begin(), rest.end());
    CHECK(all == std::vector<std::uint32_t>{0x123, 0x123, 0x124});
    CHECK(second->progress().bad_lines == 0);
    CHECK(second->progress().line == 3);
  }
}
