// What the claim desk says of a machine that the database will never take.
#include "actors/log/descriptor_sink.hpp"
#include "actors/log/log.hpp"
#include "tests/actors/ingest/gateways_world.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

/// Takes the log of the test program while it lives.
struct desk_log {
  std::string text;

  desk_log() {
    log::start({log::line_format::text, {}, {}, [this](std::string_view line) {
                  text += line;
                  return true;
                }});
  }
  desk_log(const desk_log&) = delete;
  desk_log& operator=(const desk_log&) = delete;
  ~desk_log() { log::start({log::line_format::text, {}, {}, log::descriptor_sink{STDERR_FILENO}}); }
  [[nodiscard]] int lines_with(const std::string& part) const {
    int count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++count;
    return count;
  }
};

} // namespace

TEST_CASE_FIXTURE(
  tests::gateways_world,
  "claim desk: a machine whose name the database cannot hold is rejected alone, and "
  "the log says so once") {
  tables->nameless = {"T9", "T8"};
  const desk_log taken;
  for (int again = 0; again < 3; ++again) {
    const auto odd = greet("farm", "T9", 9);
    system.advance(5s);
    REQUIRE(odd.heard->rejected);
    CHECK(odd.heard->rejected->code == proto::reject_code::credentials);
    CHECK(odd.heard->rejected->reason == "the stream cannot be claimed: 22P05: no such character");
    CHECK(odd.heard->welcomes == 0);
  }
  CHECK(taken.lines_with("machine farm/T9: refused: 22P05: no such character") == 1);
  (void)greet("farm", "T8", 8);
  CHECK(taken.lines_with("farm/T8: refused") == 1); // another one is told of
  CHECK_FALSE(people->home(0).work.failing());      // it says nothing of the database
  const auto fine = greet("farm", "T1", 1);
  send_frames(fine, 1);
  CHECK(fine.heard->durable == 5);
  CHECK(people->counters.store_up);
}

TEST_CASE_FIXTURE(tests::gateways_world,
                  "claim desk: one that is rejected among many holds up none of them") {
  tables->nameless = {"T3"};
  tables->set_down(true); // all wait for one call
  std::vector<tests::visitor> all;
  for (std::uint8_t i = 1; i <= 5; ++i)
    all.push_back(greet("farm", "T" + std::to_string(i), i));
  tables->set_down(false);
  system.advance(5s);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].heard->rejected.has_value() == (i == 2));
    send_frames(all[i], 1);
    CHECK(all[i].heard->durable == (i == 2 ? 0U : 5U));
  }
}
