// What the node says of its work with the database.
#include "actors/live/store_standing.hpp"

#include <doctest/doctest.h>

using namespace furrow::actors;
using namespace std::chrono_literals;
using change = store_standing::change;

namespace {
const store_standing::time_point begin{1h};
} // namespace

TEST_CASE("store standing: nothing is known before the first success") {
  store_standing store;
  CHECK_FALSE(store.up());
  CHECK(store.fault() == "the database has not answered yet");
  CHECK(store.succeeded(store_work::check, begin) == change::came_up);
  CHECK(store.up());
  CHECK(store.fault().empty());
}

TEST_CASE("store standing: a database that answers does not clear a failed append") {
  store_standing store;
  CHECK(store.succeeded(store_work::append, begin) == change::came_up);
  CHECK(store.failed(store_work::append, "53100: no space left", begin) == change::went_down);
  CHECK(store.fault() == "the last append failed: 53100: no space left");
  // Appends are tried all the time, and each fails.
  for (auto now = begin; now < begin + 5min; now += 1s) {
    CHECK(store.failed(store_work::append, "53100: no space left", now) == change::none);
    CHECK(store.succeeded(store_work::check, now + 200ms) == change::none);
    CHECK(store.succeeded(store_work::claim, now + 400ms) == change::none);
    CHECK_FALSE(store.up());
  }
  CHECK(store.succeeded(store_work::append, begin + 6min) == change::came_up);
}

TEST_CASE("store standing: an append or a claim that nobody repeats is forgotten once the database "
          "answers") {
  for (const auto work : {store_work::append, store_work::claim}) {
    store_standing store;
    (void)store.failed(work, "57P01: terminated", begin);
    CHECK(store.succeeded(store_work::check, begin + store_standing::forgotten_after - 1s)
          == change::none);
    CHECK(store.succeeded(store_work::check, begin + store_standing::forgotten_after)
          == change::came_up);
  }
}

TEST_CASE("store standing: a failed claim stands until a claim succeeds") {
  store_standing store;
  (void)store.succeeded(store_work::check, begin);
  CHECK(store.failed(store_work::claim, "55P03: locked", begin) == change::went_down);
  CHECK(store.succeeded(store_work::append, begin + 1s) == change::none);
  CHECK(store.succeeded(store_work::check, begin + 1s) == change::none);
  CHECK(store.succeeded(store_work::claim, begin + 1s) == change::came_up);
}

TEST_CASE("store standing: work that succeeds knows better than a check that failed") {
  store_standing store;
  (void)store.succeeded(store_work::check, begin);
  CHECK(store.failed(store_work::check, "no answer within 5 s", begin) == change::went_down);
  CHECK(store.succeeded(store_work::append, begin + 1s) == change::came_up);
}

TEST_CASE("store standing: the address of the server is not for everybody") {
  CHECK(in_public("connect: connection to server at \"10.0.0.7\", port 5432 failed: FATAL:  53300: "
                  "too many connections for role \"u\"")
        == "connect: FATAL:  53300: too many connections for role \"u\"");
  CHECK(in_public("connect: connection to server at \"10.0.0.7\", port 5432") == "connect: ");
  CHECK(in_public("append: disk is full") == "append: disk is full");
  CHECK(
    in_public("connection to server at \"db2\" (::1), port 5432 failed: Connection refused\n"
              "connection to server at \"db2\" (10.0.0.7), port 5432 failed: Connection refused")
    == "Connection refused\nConnection refused");
  CHECK(
    in_public("could not translate host name \"db2.farm\" to address: Name or service not known")
    == "could not translate host name to address: Name or service not known");
  CHECK(in_public("server certificate for \"db2.farm\" does not match host name \"10.0.0.7\"")
        == "server certificate does not match host name");
  CHECK(in_public("FATAL:  no pg_hba.conf entry for host \"10.0.0.8\", user \"u\", database \"d\"")
        == "FATAL:  no pg_hba.conf entry for this host, user \"u\", database \"d\"");
  CHECK(in_public("`furrow db migrate --database \"postgresql://u@db2/d\"` applies it")
        == "`furrow db migrate --database URL` applies it");
}
