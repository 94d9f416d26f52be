// Counters, and the stall watch of a node that stores nothing.
#include "actors/ingest/aggregator.hpp"
#include "actors/live/counters.hpp"
#include "actors/live/stall_watch.hpp"
#include "tests/support/virtual_time.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

TEST_CASE("counters: every field is named once and copied") {
  counter_set<std::atomic> from;
  counter_set<plain_cell> to;
  std::set<std::string> names;
  std::size_t bytes = 0;
  for_each_counter(
    [&](const counter_label& label, auto& counted, auto& copied) {
      counted = true;
      copied = counted;
      bytes += sizeof copied;
      CHECK_MESSAGE(names.insert(label.name).second, label.name);
    },
    from, to);
  CHECK(bytes == (sizeof to / 8 - 1) * 8 + 4); // the four flags share the last eight bytes
  std::vector<std::uint64_t> words(sizeof to / 8 - 1);
  std::memcpy(words.data(), &to, words.size() * 8);
  for (const auto word : words)
    CHECK(word == 1);
}

TEST_CASE("stall watch: counts from the first waiting items until some are stored") {
  stall_watch watch;
  const stall_watch::time_point now{1h};
  CHECK(watch.since(now + 60s) == 0s);
  watch.waits(0, now);
  watch.waits(1, now + 10s);
  watch.waits(0, now + 20s);
  CHECK(watch.since(now + 31s) == 31s);
  watch.stored(0, now + 31s);
  CHECK(watch.since(now + 41s) == 10s); // lane 1 waits
  watch.stored(1, now + 41s);
  CHECK(watch.since(now + 60s) == 0s);
}

TEST_CASE("stall watch: goes on for items that are dropped and sent again soon") {
  stall_watch watch;
  const stall_watch::time_point now{1h};
  const auto kept = stall_watch::dropped_kept;
  watch.waits(0, now);
  watch.dropped(0, now + 40s);
  CHECK(watch.since(now + 41s) == 41s);
  watch.waits(0, now + 40s + kept - 1s);
  CHECK(watch.since(now + 100s) == 100s);
  watch.dropped(0, now + 100s);
  CHECK(watch.since(now + 100s + kept) == 0s);
  watch.waits(0, now + 200s); // other items
  CHECK(watch.since(now + 201s) == 1s);
  watch.moved(0);
  CHECK(watch.since(now + 202s) == 0s);
  watch.waits(0, now + 203s);
  CHECK(watch.since(now + 203s) == 0s);
}

TEST_CASE("stall watch: counts while streams are held, unless others are stored") {
  stall_watch watch;
  const stall_watch::time_point now{1h};
  watch.held(2, now);
  watch.moved(0); // a lane that did not wait
  CHECK(watch.since(now + 31s) == 31s);
  CHECK(watch.streams_held() == 2);
  watch.stored(0, now + 31s);
  CHECK(watch.since(now + 32s) == 1s);
  watch.held(0, now + 33s);
  CHECK(watch.since(now + 33s + stall_watch::dropped_kept) == 0s);
}

TEST_CASE("aggregator: items that no writer takes are a stall, until a writer has stored them") {
  tests::virtual_system system;
  const auto people = std::make_shared<census>();
  const auto stalled = [&] { return people->home(0).stall.since(system.now()); };
  auto one = system->spawn(aggregator, aggregator_config{}, people);
  system.run();
  CHECK(stalled() == 0s);
  caf::anon_send(one, append_order{{}, std::make_shared<held_append>()});
  system.advance(31s);
  CHECK(stalled() == 31s);

  auto quick = system->spawn([](writer_actor::pointer self) -> writer_actor::behavior_type {
    return {[self](append_job& job) {
              using shared = storage::result<storage::append_outcome>;
              self->send(job.from, append_reply{job.call, std::make_shared<shared>(
                                                            storage::append_outcome{})});
            },
            [](append_reply&) {}};
  });
  caf::anon_send(one, writer_changed{quick});
  system.advance(1s);
  CHECK(stalled() == 0s);
  caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(quick, caf::exit_reason::user_shutdown);
  system.run();
}
