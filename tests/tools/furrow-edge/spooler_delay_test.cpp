// How long a frame waits in the gateway before it is saved and can be sent.
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/source/spooler.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;
using namespace std::chrono_literals;

TEST_CASE("spooler: saves frames that arrive steadily after `delay`, not when the source pauses") {
  struct steady final : frame_source { // a frame each millisecond, for ever
    std::atomic<std::uint32_t> given = 0;
    std::atomic<bool> over = false;
    source_row row;
    std::string none;
    source_status next(source_frame& out, std::chrono::milliseconds /*patience*/) override {
      if (over)
        return source_status::end;
      std::this_thread::sleep_for(1ms);
      out = {1, can::pack({.id = ++given, .extended = true}), "can0", nullptr};
      return source_status::frame;
    }
    void taken() override {}
    source_row& progress() override { return row; }
    bool live() const override { return true; }
    void refuse(const char* /*why*/) override {}
    const std::string& trouble() const override { return none; }
  };
  scratch_folder folder;
  auto opened = spool::open({.path = folder.file("t1.spool"), .equipment = "T1"}, {});
  REQUIRE(opened);
  const auto spool = std::move(*opened);
  steady bus;
  std::vector<std::uint32_t> given_at; // frames when they were saved
  std::mutex mutex;
  std::condition_variable saved;
  spooler moves{*spool,
                bus,
                0,
                {.appended =
                   [&] {
                     const std::lock_guard lock{mutex};
                     given_at.push_back(bus.given);
                     saved.notify_all();
                   },
                 .warn = {},
                 .ended = {}},
                5ms};
  moves.start();
  {
    std::unique_lock lock{mutex};
    REQUIRE(saved.wait_for(lock, 20s, [&] { return given_at.size() >= 10; }));
  }
  bus.over = true;
  moves.stop();
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(given_at[i] - before <= 6); // a frame takes at least 1 ms
    before = given_at[i];
  }
}
