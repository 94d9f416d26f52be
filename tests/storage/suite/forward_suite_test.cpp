// A site's store as its forwarder reads it, in both databases: built into forward_store_tests and forward_store_pg_tests.
#include "storage/append/record_batch.hpp"
#include "storage/forward/forward_store.hpp"
#include "storage/identity/audit.hpp"
#include "storage/quarantine.hpp"
#include "storage/sealing.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/storage/suite/retention_bed.hpp"

#include <algorithm>
#include <variant>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::vector<forward_stream> listed(store& site, bool every = false) {
  return must(answer_of<std::vector<forward_stream>>(
    [&](auto done) { site.forward()->list(every, 0, 100, done); }));
}

forward_head head_of(store& site, std::int32_t stream) {
  return must(answer_of<forward_head>([&](auto done) { site.forward()->open(stream, done); }));
}

forward_page page_after(store& site, std::int32_t stream, std::uint64_t after, std::uint64_t to) {
  return must(
    answer_of<forward_page>([&](auto done) { site.forward()->read(stream, after, to, done); }));
}

void note(store& site, std::vector<forward_mark> marks) {
  must(answer_of<furrow::done>([&](auto done) { site.forward()->note(std::move(marks), done); }));
}

void forward_to(store& site, const std::string& target) {
  must(answer_of<furrow::done>([&](auto done) { site.forward()->set_target(target, done); }));
}

void seal_everything(store& site) {
  if (site.capabilities().sealing)
    must(
      answer_of<seal_outcome>([&](auto done) { site.sealing()->seal({.due_after = {}}, done); }));
}

/// All pages after `after` as one list, and that they follow each other.
std::vector<forward_group>
pages_after(store& site, std::int32_t stream, std::uint64_t after, std::uint64_t to) {
  std::vector<forward_group> out;
  while (after < to) {
    auto page = page_after(site, stream, after, to);
    REQUIRE(page.to > after);
    auto next = after + 1;
    for (auto& group : page.groups) {
      CHECK(group.first == next);
      next += std::visit([](const auto& items) { return items.size(); }, group.items);
      out.push_back(std::move(group));
    }
    CHECK(next == page.to + 1);
    after = page.to;
  }
  return out;
}

can::frame_block frames_in(const std::vector<forward_group>& groups) {
  can::frame_block out;
  for (const auto& group : groups)
    if (const auto* block = std::get_if<can::frame_block>(&group.items))
      REQUIRE(out.append(*block, 0, block->size()));
  return out;
}

std::vector<can::record> records_in(const std::vector<forward_group>& groups) {
  std::vector<can::record> out;
  for (const auto& group : groups)
    if (const auto* records = std::get_if<std::vector<can::record>>(&group.items))
      out.insert(out.end(), records->begin(), records->end());
  return out;
}

can::gone_items gone_at(const std::vector<forward_group>& groups, std::uint64_t first) {
  for (const auto& group : groups)
    if (group.first == first && std::holds_alternative<can::gone_items>(group.items))
      return std::get<can::gone_items>(group.items);
  return {};
}

} // namespace

TEST_CASE(
  "forward: a stream reads back in order from any number, frames and records of all kinds") {
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  const auto claimed = claim(*site, request_for("T1", 1, {{7, 1}}));
  const auto lane = site->open_appender("w0");
  const auto frames = mixed_block(3, 3'000);
  auto one = append_of(claimed.claim, 0, frames);
  const std::vector<can::record> records{
    record_at(1, can::record_kind_sensor, sensor_body),
    record_at(2, can::record_kind_yield, yield_body),
    record_at(3, can::record_kind_tokens, tokens_body),
    record_at(4, can::record_kind_fault, fault_body),
    record_at(5, 12, R"({"own": 1})"),
    record_at(6, can::record_kind_lost, R"({"lost": "disk"})")};
  for (const auto& record : records)
    one.records.push_back({++one.to, record});
  auto second = append_of(claimed.claim, one.to, mixed_block(4, 500));
  const auto last = second.to;
  one.buses = {{0, "can0"}, {2, "can2"}};
  must(append(*lane, {one, second}));

  const auto known = listed(*site);
  REQUIRE(known.size() == 1);
  CHECK(known[0].equipment == "T1");
  CHECK(known[0].last == last);
  CHECK(known[0].acked == 0);
  CHECK(known[0].runs == 1);
  CHECK(known[0].buses == 2);
  const auto stream = known[0].stream;
  const auto head = head_of(*site, stream);
  CHECK(head.id == stream_id_of(1));
  CHECK(head.equipment == "T1");
  CHECK(head.last == last);
  CHECK(head.runs == std::vector<can::run_mark>{{7, 1}});
  CHECK(head.buses == std::vector<can::bus_name>{{0, "can0"}, {2, "can2"}});

  for (const bool sealed : {false, true}) {
    if (sealed)
      seal_everything(*site);
    const auto all = pages_after(*site, stream, 0, last);
    auto both = frames;
    REQUIRE(both.append(second.frames[0].block, 0, 500));
    check_same_frames(frames_in(all), both);
    const auto found = records_in(all);
    REQUIRE(found.size() == records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      CHECK(found[i].kind == records[i].kind);
      CHECK(found[i].time_us == records[i].time_us);
    }
    // Head office acks where it commits, which may be in the middle of a block.
    for (const std::uint64_t after : {1UL, 1'234UL, 2'999UL, 3'000UL, 3'003UL, 3'006UL, 3'100UL}) {
      const auto rest = pages_after(*site, stream, after, last);
      REQUIRE_FALSE(rest.empty());
      CHECK(rest.front().first == after + 1);
      CHECK(frames_in(rest).size()
            == 3'500 - std::min<std::uint64_t>(after, 3'000) - (after > 3'006 ? after - 3'006 : 0));
    }
    CHECK(page_after(*site, stream, 10, 20).to == 20);
  }
}

TEST_CASE("forward: quarantined items go on as they came; dropped, expired and lost numbers are "
          "told apart") {
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  const auto claimed = claim(*site, request_for("T1", 1));
  const auto lane = site->open_appender("w0");
  const auto frame = mixed_block(1, 1);
  stream_append one;
  one.claim = claimed.claim;
  one.to = one.sent = 6;
  one.frames.push_back({1, frame});
  one.quarantine.push_back({2, 5, "a bad line", "not;json"});
  one.quarantine.back().kind = can::record_kind_rejected_line;
  one.quarantine.push_back({3, 7, "unknown field", R"({"sensor":1})"});
  one.quarantine.back().kind = can::record_kind_sensor;
  one.quarantine.push_back({4, 9, "dropped later", "x"});
  one.gone.push_back({5, 5, can::gone_reason::expired});
  one.gone.push_back({6, 6, can::gone_reason::missing});
  must(append(*lane, {one}));
  const auto stream = listed(*site)[0].stream;
  must(answer_of<furrow::done>([&](auto done) {
    site->quarantine()->drop_quarantined("", {stream, 4}, {"anna"}, done);
  }));

  const auto groups = pages_after(*site, stream, 0, 6);
  CHECK(frames_in(groups).size() == 1);
  const auto records = records_in(groups);
  REQUIRE(records.size() == 2);
  CHECK(records[0].kind == can::record_kind_rejected_line);
  CHECK(records[1].kind == can::record_kind_sensor);
  CHECK(records[1].body == R"({"sensor":1})");
  CHECK(gone_at(groups, 4) == can::gone_items{1, can::gone_reason::dropped});
  CHECK(gone_at(groups, 5) == can::gone_items{1, can::gone_reason::expired});
  CHECK(gone_at(groups, 6) == can::gone_items{1, can::gone_reason::missing});

  // The ledger of head office counts what it was told.
  const auto row = ledger(*site, "T1").at(0);
  CHECK(row.durable == 6);
  CHECK(row.expired == 1);
  CHECK(row.lost == 1);
  CHECK(row.doubled == 0);
}

TEST_CASE("forward: what head office acked is noted, of each stream as it said last") {
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  auto request = request_for("T1", 1, {{7, 1}});
  auto claimed = claim(*site, request);
  const auto lane = site->open_appender("w0");
  must(append(*lane, {append_of(claimed.claim, 0, mixed_block(1, 10))}));
  request.runs = {{7, 1}, {8, 11}};
  claimed = claim(*site, request);
  must(append(*lane, {append_of(claimed.claim, 10, mixed_block(1, 10))}));
  const auto stream = listed(*site)[0].stream;
  CHECK(head_of(*site, stream).runs == std::vector<can::run_mark>{{7, 1}, {8, 11}});
  note(*site, {{stream, 12, 8}});
  CHECK(listed(*site)[0].acked == 12);
  note(*site, {{stream, 20, 0}});
  CHECK(listed(*site).empty());
  CHECK(listed(*site, true).size() == 1);
  note(*site, {{stream, 3, 0}}); // head office was restored from a backup
  CHECK(listed(*site)[0].acked == 3);
  const auto status =
    must(answer_of<forward_status>([&](auto done) { site->forward()->read_status("", done); }));
  CHECK(status.target.empty());
  REQUIRE(status.rows.size() == 1);
  CHECK(status.rows[0].acked == 3);
  CHECK(status.rows[0].last == 20);
  CHECK(status.rows[0].acked_at_us);
  CHECK(status.rows[0].oldest_us);
}

TEST_CASE("forward: runs are told from some before the newest that head office knows, so that a "
          "head office from a backup finds one it knows") {
  // Symptom: head office was restored to a state before the gateway's last starts. It knew none of the runs that it was
  // told, took the stream for another one, and refused it for ever.
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  constexpr std::uint64_t starts = 150;
  constexpr std::uint64_t knows = 140;
  auto request = request_for("T1", 1, {{1, 1}});
  const auto claimed = claim(*site, request);
  must(append(*site->open_appender("w0"), {append_of(claimed.claim, 0, mixed_block(1, 10))}));
  for (std::uint64_t run = 2; run <= starts; ++run)
    request.runs.push_back({run, 11});
  CHECK_FALSE(claim(*site, request).fork_seq);
  const auto stream = listed(*site)[0].stream;
  CHECK(head_of(*site, stream).runs.size() == starts);
  note(*site, {{stream, 10, knows}});
  auto told = head_of(*site, stream).runs;
  REQUIRE(told.size() == starts - knows + forward_runs_again + 1);
  CHECK(told.front().run == knows - forward_runs_again);
  CHECK(told.back().run == starts);
  const std::vector<can::run_mark> backup{request.runs.begin(), request.runs.begin() + 60};
  CHECK_FALSE(can::fork_point(backup, told, 3));
  note(*site, {{stream, 10, 0}}); // no news of runs
  CHECK(head_of(*site, stream).runs == told);
  note(*site, {{stream, 10, 5}});
  CHECK(head_of(*site, stream).runs.size() == starts);
}

TEST_CASE("forward: retention waits for head office, until the site forwards no more") {
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  keep(*site, "", data_kind::frames, 1);
  keep(*site, "", data_kind::records, 1);
  const auto frames = append_days(*site, "default", "T1", 1,
                                  {monday_us - 30 * day_us, monday_us - 20 * day_us, monday_us});
  const auto claimed = claim(*site, request_for("T2", 2));
  const auto lane = site->open_appender("w0");
  must(
    append(*lane, {append_records(claimed.claim, 0,
                                  {{monday_us - 9 * day_us, can::record_kind_sensor, sensor_body},
                                   {monday_us - 8 * day_us, 12, R"({"a":1})"}})}));
  seal_everything(*site);
  forward_to(*site, "hq:7400");
  CHECK(must(expire(*site, monday_us)).frames == 0);
  CHECK(must(expire(*site, monday_us)).records == 0);
  const auto streams = listed(*site);
  REQUIRE(streams.size() == 2);
  note(*site, {{streams[0].stream, streams[0].last, 0}, {streams[1].stream, 1, 0}});
  const auto first = must(expire(*site, monday_us));
  CHECK(first.frames > 0);
  CHECK(first.records == 1);
  CHECK(must(expire(*site, monday_us)).records == 0);
  forward_to(*site, "");
  CHECK(must(expire(*site, monday_us)).records == 1);
  CHECK(frames > 0);
  check_nothing_lost(*site);
}

TEST_CASE("forward: what is kept for head office while no node forwards is counted") {
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  const auto hold = [&] {
    return must(
      answer_of<forward_hold>([&](auto done) { site->forward()->read_hold(std::move(done)); }));
  };
  const auto claimed = claim(*site, request_for("T1", 1));
  must(append(*site->open_appender("w0"), {append_of(claimed.claim, 0, mixed_block(1, 10))}));
  CHECK(hold().target.empty());
  CHECK(hold().items == 0);
  forward_to(*site, "hq:7400");
  CHECK(hold().target == "hq:7400");
  CHECK(hold().items == 10);
  note(*site, {{listed(*site)[0].stream, 4, 0}});
  CHECK(hold().items == 6);
  note(*site, {{listed(*site)[0].stream, 10, 0}});
  CHECK(hold().items == 0);
  forward_to(*site, "");
  CHECK(hold().target.empty());
}

TEST_CASE("forward: records of people's programs get an id of their own at head office, once") {
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  must(answer_of<record_batch_outcome>([&](auto done) {
    site->records()->insert_records(
      {"default", "T1", "k", {record_at(1, can::record_kind_sensor, sensor_body)}}, done);
  }));
  const auto streams = listed(*site);
  REQUIRE(streams.size() == 1);
  const auto id = head_of(*site, streams[0].stream).id;
  CHECK(id != direct_stream);
  CHECK(head_of(*site, streams[0].stream).id == id);
  note(*site, {{streams[0].stream, 1, 0}});
  CHECK(head_of(*site, streams[0].stream).id == id);
}

TEST_CASE("forward: one node of a site has the turn") {
  const auto bed = make_bed();
  const auto site = bed->open_migrated();
  forward_to(*site, "hq:7400");
  const auto turn = [&](const std::string& node) {
    return must(answer_of<bool>([&](auto done) { site->forward()->take_turn(node, done); }));
  };
  CHECK(turn("n1"));
  CHECK(turn("n1"));
  if (!site->capabilities().membership)
    return; // one node has the SQLite file
  CHECK_FALSE(turn("n2"));
  const auto hold = [&] {
    return must(
      answer_of<forward_hold>([&](auto done) { site->forward()->read_hold(std::move(done)); }));
  };
  CHECK(hold().target.empty()); // n1 forwards
  bed->tamper("update forward_target set held_until = now() - interval '1 second'");
  CHECK(hold().target == "hq:7400");
  CHECK(turn("n2"));
  CHECK_FALSE(turn("n1"));
}

TEST_CASE("store: knows whether a machine comes through a site, also when nobody is connected") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto relayed = [&] {
    std::string out;
    for (const auto& row : must(answer_of<std::vector<equipment_row>>(
           [&](auto done) { store->list_equipment("default", done); })))
      out += row.relayed ? "site " : "itself ";
    return out;
  };
  auto one = request_for("T1", 1);
  auto other = request_for("T2", 2);
  one.relayed = true;
  other.relayed = false;
  const auto claim_both = [&](const claim_request& first, const claim_request& last) {
    must(answer_of<std::vector<claim_outcome>>([&](auto done) {
      store->claim({first, last}, done);
    }));
  };
  claim_both(one, other);
  CHECK(relayed() == "site itself ");
  one.relayed.reset(); // an import says nothing of it
  CHECK_FALSE(claim(*store, one).held);
  CHECK(relayed() == "site itself ");
  one.relayed = false;
  other.relayed = true;
  CHECK_FALSE(claim(*store, one).held);
  CHECK_FALSE(claim(*store, other).held);
  CHECK(relayed() == "itself site ");
  // In one call: the last stream of a machine counts, also where it says what the machine's row says already.
  auto second = request_for("T1", 3);
  one.relayed = true;
  second.relayed = false;
  claim_both(one, second);
  CHECK(relayed() == "itself site ");
  claim_both(second, one);
  CHECK(relayed() == "site site ");
}
