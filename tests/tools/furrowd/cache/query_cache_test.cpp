// The cache of summaries by a clock of the test's own, and what Redis says by bytes.
#include "tools/furrowd/cache/query_cache.hpp"
#include "tools/furrowd/cache/redis_reply.hpp"
#include "tools/furrowd/cache/summaries.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::http;
using namespace std::chrono_literals;

namespace {

query_cache::value text(const std::string& answer) {
  return to_answer(answer, answer.size());
}

std::string text_in(const query_cache::value& answer) {
  const auto found = rows_in<std::string>(answer);
  return found ? *found : "";
}

struct world {
  explicit world(cache_limits limits = {}) : cache{limits} {}
  bool put(const cache_key& key, const std::string& answer, std::uint64_t mark = 0) {
    return cache.put(cache.ask(key, mark, now), text(answer), now);
  }
  std::string find(const cache_key& key, std::uint64_t mark = 0) {
    return text_in(cache.find(key, mark, now));
  }
  query_cache::clock::time_point now{1h};
  query_cache cache;
};

const cache_key machines_key{"hill", "equipment"};

} // namespace

TEST_CASE("query cache: an answer is fresh for its time to live, counted from the question") {
  world w;
  const auto ticket = w.cache.ask(machines_key, 0, w.now);
  w.now += 400ms; // the database thinks
  CHECK(w.find(machines_key) == "");
  CHECK(w.cache.put(ticket, text("one"), w.now));
  w.now += 599ms;
  CHECK(w.find(machines_key) == "one");
  CHECK(w.find({"hill", "ledger"}) == "");
  CHECK(w.find({"dale", "equipment"}) == "");
  w.now += 1ms;
  CHECK(w.find(machines_key) == "");
  CHECK(w.cache.counters().entries == 0);
  CHECK(w.cache.counters().hits == 1);
  CHECK(w.cache.counters().misses == 4);
  const auto late = w.cache.ask(machines_key, 0, w.now);
  w.now += 1s;
  CHECK_FALSE(w.cache.put(late, text("too late"), w.now));
}

TEST_CASE("query cache: a new time to live holds for the answers that are kept already") {
  world w;
  CHECK(w.put(machines_key, "one"));
  w.now += 500ms;
  CHECK(w.find(machines_key) == "one");
  w.cache.limit(400ms);
  CHECK(w.find(machines_key) == "");
  w.cache.limit(2s);
  CHECK(w.put(machines_key, "two"));
  w.now += 1'500ms;
  CHECK(w.find(machines_key) == "two");
}

TEST_CASE("query cache: a change drops the farm's answers, and those that are being asked for") {
  world w;
  CHECK(w.put(machines_key, "one"));
  CHECK(w.put({"hill", "ledger"}, "two"));
  CHECK(w.put({"hills", "ledger"}, "three"));
  const auto mine = w.cache.ask(machines_key, 0, w.now);
  const auto other = w.cache.ask({"hills", "equipment"}, 0, w.now);
  w.cache.forget("hill");
  CHECK(w.find(machines_key) == "");
  CHECK(w.find({"hill", "ledger"}) == "");
  CHECK(w.find({"hills", "ledger"}) == "three");
  CHECK_FALSE(w.cache.put(mine, text("of before"), w.now));
  CHECK(w.cache.put(other, text("four"), w.now));
  CHECK(w.cache.counters().forgotten == 2);
  CHECK(w.find(machines_key) == "");
  CHECK(w.put(machines_key, "of after"));
  CHECK(w.find(machines_key) == "of after");
}

TEST_CASE(
  "query cache: another mark is another answer, and an older answer never replaces a newer one") {
  world w;
  CHECK(w.put(machines_key, "one", 7));
  CHECK(w.find(machines_key, 8) == "");
  CHECK(w.find(machines_key, 7) == ""); // it went
  const auto slow = w.cache.ask(machines_key, 7, w.now);
  w.now += 10ms;
  CHECK(w.put(machines_key, "newer", 7));
  CHECK_FALSE(w.cache.put(slow, text("older"), w.now));
  CHECK(w.find(machines_key, 7) == "newer");
  const auto theirs = text("another node's");
  CHECK_FALSE(w.cache.adopt(machines_key, 7, theirs, w.now - 1s, w.now));  // too old
  CHECK_FALSE(w.cache.adopt(machines_key, 7, theirs, w.now + 1ms, w.now)); // of the future
  CHECK_FALSE(w.cache.adopt(machines_key, 7, theirs, w.now - 500ms, w.now));
  CHECK(w.cache.adopt({"dale", "ledger"}, 7, theirs, w.now - 400ms, w.now));
  w.now += 599ms;
  CHECK(w.find({"dale", "ledger"}, 7) == "another node's");
  w.now += 1ms;
  CHECK(w.find({"dale", "ledger"}, 7) == "");
}

TEST_CASE("query cache: entries and bytes are bounded, the oldest entry is evicted first") {
  world w{{.ttl = 10s, .entries_max = 3, .bytes_max = 8'000}};
  for (int i = 0; i < 5; ++i) {
    CHECK(w.put({"f" + std::to_string(i), "ledger"}, std::string(100, 'x')));
    w.now += 1ms;
  }
  CHECK(w.cache.counters().entries == 3);
  CHECK(w.cache.counters().evicted == 2);
  CHECK(w.find({"f1", "ledger"}) == "");
  CHECK(w.find({"f2", "ledger"}) != "");
  CHECK_FALSE(w.put({"large", "ledger"}, std::string(2'000, 'x')));
  world narrow{{.ttl = 10s, .entries_max = 1'000, .bytes_max = 8'000}};
  for (int i = 0; i < 500; ++i) {
    CHECK(narrow.put({"f" + std::to_string(i), "ledger"}, std::string(1'000, 'x')));
    CHECK(narrow.cache.counters().bytes <= 8'000);
    narrow.now += 1ms;
  }
  CHECK(narrow.cache.counters().entries > 2);
  for (int i = 0; i < 500; ++i)
    narrow.cache.forget("f" + std::to_string(i));
  CHECK(narrow.cache.counters().entries == 0);
  CHECK(narrow.cache.counters().bytes == 0);
}

TEST_CASE("query cache: an older answer is kept only for those who take it") {
  world w{{.ttl = 1s, .aged = 4s}};
  CHECK_FALSE(w.cache.find_aged(machines_key, w.now).answer);
  CHECK(w.put(machines_key, "one", 7));
  w.now += 999ms;
  CHECK(w.find(machines_key, 7) == "one");
  CHECK(w.cache.find_aged(machines_key, w.now).age == 999ms);
  w.now += 1ms;
  CHECK(w.find(machines_key, 7) == "");
  CHECK(text_in(w.cache.find_aged(machines_key, w.now).answer) == "one");
  CHECK(w.put(machines_key, "two", 7));
  CHECK(w.find(machines_key, 8) == "");
  CHECK(w.find(machines_key, 7) == ""); // its mark has changed once
  CHECK(text_in(w.cache.find_aged(machines_key, w.now).answer) == "two");
  w.now += 4'999ms;
  CHECK(text_in(w.cache.find_aged(machines_key, w.now).answer) == "two");
  w.now += 1ms;
  CHECK_FALSE(w.cache.find_aged(machines_key, w.now).answer);
  CHECK(w.put(machines_key, "three"));
  w.cache.forget("hill");
  CHECK_FALSE(w.cache.find_aged(machines_key, w.now).answer);
}

TEST_CASE("query cache: a question is asked while its ticket is open") {
  world w;
  CHECK_FALSE(w.cache.is_asked(machines_key));
  const auto first = w.cache.ask(machines_key, 0, w.now);
  const auto second = w.cache.ask(machines_key, 0, w.now);
  CHECK(w.cache.is_asked(machines_key));
  CHECK_FALSE(w.cache.is_asked({"hill", "ledger"}));
  CHECK(w.cache.put(first, text("one"), w.now));
  CHECK(w.cache.is_asked(machines_key));
  CHECK(w.cache.let_go(second));
  CHECK_FALSE(w.cache.is_asked(machines_key));
}

TEST_CASE(
  "query cache: while a newer answer is read, the one before is taken if it is hardly older") {
  world w{{.ttl = 2s, .aged = 10s}};
  CHECK(w.put(machines_key, "one", 7));
  const auto at = [&w](std::chrono::milliseconds after) { return w.now + after; };
  CHECK(text_in(w.cache.find_meanwhile(machines_key, 7, at(2s))) == "one");
  CHECK(text_in(w.cache.find_meanwhile(machines_key, 7, at(2'999ms))) == "one");
  CHECK_FALSE(w.cache.find_meanwhile(machines_key, 7, at(3s))); // the read began too late for it
  CHECK_FALSE(w.cache.find_meanwhile(machines_key, 8, at(2s)));
  CHECK_FALSE(w.cache.find_meanwhile({"dale", "equipment"}, 7, at(2s)));
  w.cache.outdate("hill");
  CHECK_FALSE(w.cache.find_meanwhile(machines_key, 7, at(2s)));
  CHECK(w.put(machines_key, "two", 7));
  w.cache.forget("hill");
  CHECK_FALSE(w.cache.find_meanwhile(machines_key, 7, at(2s)));
}

TEST_CASE("query cache: what was added outdates the answers, which stay for those who take older") {
  world w{{.ttl = 2s, .aged = 10s}};
  CHECK(w.put(machines_key, "one"));
  CHECK(w.put({"dale", "equipment"}, "other"));
  const auto asked_before = w.cache.ask(machines_key, 0, w.now);
  const auto read_elsewhere = w.cache.ask(machines_key, 0, w.now);
  w.cache.outdate("hill");
  CHECK(w.find(machines_key) == "");
  CHECK(text_in(w.cache.find_aged(machines_key, w.now).answer) == "one");
  CHECK(w.find({"dale", "equipment"}) == "other");
  CHECK(w.cache.is_asked(machines_key)); // the read goes on
  CHECK_FALSE(w.cache.let_go(read_elsewhere));
  const auto two = text("two");
  CHECK_FALSE(w.cache.put(asked_before, two, w.now)); // it may lack what was added
  CHECK(w.find(machines_key) == "");
  CHECK(text_in(w.cache.find_aged(machines_key, w.now).answer) == "two");
  CHECK_FALSE(w.cache.holds(machines_key, two));
  CHECK(w.cache.counters().forgotten == 0);
  CHECK(w.put(machines_key, "three"));
  CHECK(w.find(machines_key) == "three");
}

TEST_CASE("query cache: only the list of machines is kept for those who take older answers") {
  world w{{.ttl = 1s, .aged = 10s}};
  const cache_key ledger{"hill", "ledger"};
  CHECK(w.put(machines_key, "rows"));
  CHECK(w.put(ledger, "text"));
  w.now += 1s;
  CHECK(w.find(machines_key) == "");
  CHECK(w.find(ledger) == "");
  CHECK(w.cache.find_aged(machines_key, w.now).answer);
  CHECK_FALSE(w.cache.find_aged(ledger, w.now).answer);
  CHECK(w.cache.counters().entries == 1);
  const auto late = w.cache.ask(ledger, 0, w.now);
  w.now += 1s;
  CHECK_FALSE(w.cache.put(late, text("too late"), w.now));
}

TEST_CASE(
  "query cache: switched off it holds nothing, and switched on again it has nothing of before") {
  world w{{.ttl = 1h, .aged = 10s}};
  CHECK(w.put(machines_key, "one"));
  const auto asked = w.cache.ask(machines_key, 0, w.now);
  w.cache.limit(0ms);
  CHECK(w.cache.counters().entries == 0);
  CHECK(w.cache.counters().bytes == 0);
  CHECK_FALSE(w.cache.put(asked, text("of before"), w.now));
  w.cache.limit(1h);
  CHECK(w.find(machines_key) == "");
  CHECK_FALSE(w.cache.find_aged(machines_key, w.now).answer);
  CHECK(w.put(machines_key, "two"));
  CHECK(w.find(machines_key) == "two");
}

TEST_CASE("query cache: those who ask share the rows, and rows of another type are not theirs") {
  world w;
  const std::vector<int> rows{1, 2, 3};
  CHECK(w.cache.put(w.cache.ask(machines_key, 0, w.now), to_answer(rows, 12), w.now));
  const auto first = rows_in<std::vector<int>>(w.cache.find(machines_key, 0, w.now));
  const auto second = rows_in<std::vector<int>>(w.cache.find(machines_key, 0, w.now));
  REQUIRE(first);
  CHECK(first == second);
  CHECK(*first == rows);
  CHECK_FALSE(rows_in<std::string>(w.cache.find(machines_key, 0, w.now)));
  w.cache.forget("hill");
  CHECK(first->size() == 3); // who has them keeps them
}

TEST_CASE(
  "redis: replies are read from pieces of any size, and an invalid reply ends the connection") {
  const std::string wire = "+OK\r\n-ERR no\r\n:7\r\n$-1\r\n$4\r\na\r\nb\r\n$0\r\n\r\n";
  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    redis_reader reader;
    std::string seen;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      reader.feed(std::string_view{wire}.substr(at, piece));
      while (const auto reply = reader.next())
        seen += std::to_string(static_cast<int>(reply->what)) + reply->text + '|';
    }
    CHECK(seen == "0OK|1ERR no|27|4|3a\r\nb|3|");
    CHECK_FALSE(reader.broken());
    CHECK(reader.idle());
  }
  for (const std::string lie : {"*1000000000\r\n", "$99999999999999\r\n", "$-7\r\n", "$x\r\n",
                                "$2\r\nabcd", ":1x\r\n", "HTTP/1.1 400 Bad Request\r\n"}) {
    redis_reader reader;
    reader.feed(lie);
    CHECK_FALSE(reader.next());
    CHECK(reader.broken());
  }
  redis_reader endless;
  for (int i = 0; i < 10'000 && !endless.broken(); ++i) {
    endless.feed("+" + std::string(100, 'x'));
    CHECK_FALSE(endless.next());
  }
  CHECK(endless.broken());
  CHECK(redis_command({"SET", "a b", std::string_view{"\0\r\n", 3}})
        == std::string{"*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$3\r\n\0\r\n\r\n", 31});
}

TEST_CASE("redis: an answer is used only if it is whole and belongs to this farm and question") {
  const auto sealed = sealed_answer(machines_key, 1'700'000'000'123'456, "[]\n");
  const auto opened = open_answer(machines_key, sealed);
  REQUIRE(opened);
  CHECK(opened->made_us == 1'700'000'000'123'456);
  CHECK(opened->answer == "[]\n");
  CHECK_FALSE(open_answer({"hill", "ledger"}, sealed));
  CHECK_FALSE(open_answer({"hil", "lequipment"}, sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    CHECK_FALSE(open_answer(machines_key, damaged));
    CHECK_FALSE(open_answer(machines_key, sealed.substr(0, i)));
  }
}

TEST_CASE("redis: cached rows read back the same, and never rows of another farm") {
  stored_rows rows{{"hill", "T1", 0xA00284000DE00001, 2, 9, -5},
                   {"hill", "T \"2\"", std::nullopt, 0, 0, std::nullopt}};
  rows[0].relayed = true;
  const auto back = kept_equipment("hill", to_kept_text(rows));
  CHECK(kept_equipment("hill", to_kept_text(stored_rows{}))->empty());
  REQUIRE(back);
  REQUIRE(back->size() == 2);
  CHECK((*back)[0].iso_name == rows[0].iso_name);
  CHECK((*back)[0].durable == 9);
  CHECK((*back)[0].last_frame_us == -5);
  CHECK((*back)[0].relayed);
  CHECK_FALSE((*back)[1].relayed);
  CHECK((*back)[1].name == "T \"2\"");
  CHECK_FALSE((*back)[1].iso_name);
  CHECK_FALSE(kept_equipment("dale", to_kept_text(rows)));
  for (const auto* text : {"", "{", "{}", "[1]", "[{\"farm\":\"hill\"}]", "[{\"farm\":7}]"}) {
    CHECK_FALSE(kept_equipment("hill", text));
    CHECK(kept_ledger("hill", text) == nullptr);
  }
  CHECK(kept_ledger("hill", R"([{"farm":"hill","equipment":"T1"}])")->size() == 1);
  CHECK(kept_ledger("hill", R"([{"farm":"dale","equipment":"T1"}])") == nullptr);
}

TEST_CASE("redis: the stored state of a machine reads back the same, absent values too") {
  storage::telemetry_point state;
  state.time_us = 1'588'310'400'250'000;
  state.mode = "working";
  state.values[0] = 12.3456789012345;
  state.values[3] = -0.0;
  state.values.back() = 1e300;
  const stored_rows rows{{"hill", "T1", std::nullopt, 1, 9, -5, state},
                         {"hill", "T2", std::nullopt, 1, 9, -5, storage::telemetry_point{}}};
  const auto back = kept_equipment("hill", to_kept_text(rows));
  REQUIRE(back);
  REQUIRE((*back)[0].state);
  CHECK((*back)[0].state->time_us == state.time_us);
  CHECK((*back)[0].state->mode == "working");
  CHECK((*back)[0].state->values == state.values);
  REQUIRE((*back)[1].state);
  CHECK((*back)[1].state->mode == "");
  CHECK((*back)[1].state->values == storage::telemetry_point{}.values);
}

TEST_CASE("redis: a URL is parsed completely or rejected") {
  const auto plain = parse_redis_url("redis://cache");
  REQUIRE(plain);
  CHECK(plain->host == "cache");
  CHECK(plain->port == 6379);
  const auto full = parse_redis_url("redis://:p@ss:w@10.0.0.7:7000/3");
  REQUIRE(full);
  CHECK(full->password == "p@ss:w");
  CHECK(full->host == "10.0.0.7");
  CHECK(full->port == 7000);
  CHECK(full->database == 3);
  for (const auto* wrong : {"cache", "redis://", "redis://h:0", "redis://h:70000", "redis://h/x",
                            "redis://user@h", "rediss://h"})
    CHECK_FALSE(parse_redis_url(wrong));
}
