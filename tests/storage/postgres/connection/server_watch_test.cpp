// When a lane asks whether its server is still there, in virtual time.
#include "storage/postgres/connection/server_watch.hpp"

#include <doctest/doctest.h>

using furrow::storage::server_watch;
using namespace std::chrono_literals;

namespace {

constexpr server_watch::clock::time_point watch_start{1h};

} // namespace

TEST_CASE("server watch: asks for an operation that takes long, and again only after as long") {
  server_watch watch{5s, 60s};
  CHECK_FALSE(watch.must_ask(watch_start, watch_start + 4'999ms));
  CHECK(watch.must_ask(watch_start, watch_start + 5s));
  watch.lives(watch_start + 6s); // slow, not gone
  CHECK_FALSE(watch.gone_since(watch_start));
  CHECK_FALSE(watch.must_ask(watch_start, watch_start + 10s));
  CHECK(watch.must_ask(watch_start, watch_start + 11s));
}

TEST_CASE("server watch: a server that is gone takes every connection from before with it") {
  server_watch watch{5s, 60s};
  CHECK_FALSE(watch.gone_host());
  watch.gone(1, watch_start + 7s);
  CHECK(watch.gone_since(watch_start));
  CHECK_FALSE(watch.gone_since(watch_start + 7s + 1ms));
  CHECK(watch.gone_host() == 1U);
}

TEST_CASE("server watch: a host that was given up gets little time to connect, and its full share "
          "when no standby has taken over") {
  server_watch watch{5s, 40s};
  CHECK(watch.connect_within(0, 2'500ms, watch_start) == 2'500ms);
  watch.gone(0, watch_start);
  CHECK(watch.connect_within(0, 2'500ms, watch_start + 1s) == 500ms);
  CHECK(watch.connect_within(0, 300ms, watch_start + 1s) == 300ms);
  CHECK(watch.connect_within(1, 2'500ms, watch_start + 1s) == 2'500ms);
  CHECK(watch.connect_within(0, 2'500ms, watch_start + 30s) == 2'500ms);
}

TEST_CASE("server watch: a server that is given up again and again is given more time, up to the "
          "statement time-out") {
  server_watch watch{5s, 60s};
  auto now = watch_start;
  for (const auto patience : {10s, 20s, 40s, 60s, 60s}) {
    watch.gone(0, now);
    CHECK(watch.patience(now) == patience);
    now += 1min;
  }
  CHECK(watch.patience(now + 4min) == 5s); // that was long ago
  watch.gone(0, now + 5min);
  CHECK(watch.patience(now + 5min) == 10s);
}
