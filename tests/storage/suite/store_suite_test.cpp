// The store on both databases: built into storage_tests and storage_pg_tests.
#include "storage/frames.hpp"
#include "storage/sealing.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <atomic>
#include <numeric>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

numbered_record record_of(std::uint64_t seq, std::string body) {
  return {seq, {1'700'000'000'000'000 + static_cast<std::int64_t>(seq), 3, std::move(body)}};
}

std::uint64_t natural(const std::string& text) {
  return std::stoull(text);
}

void check_ledger(store& store, std::uint64_t durable, std::uint64_t lost, std::uint64_t doubled) {
  const auto rows = ledger(store, "T1");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].durable == durable);
  CHECK(rows[0].lost == lost);
  CHECK(rows[0].doubled == doubled);
}

/// 10 blocks of 100 frames each in stream 1 of T1.
stream_claim fill_thousand(store& store) {
  const auto claimed = claim(store, request_for("T1", 1));
  const auto lane = store.open_appender("w0");
  for (std::uint64_t i = 0; i < 10; ++i)
    REQUIRE(append(
      *lane, {append_of(claimed.claim, i * 100, mixed_block(static_cast<unsigned>(i), 100))}));
  return claimed.claim;
}

} // namespace

TEST_CASE("store: a claim creates farm, machine and stream; each next claim has a higher epoch and "
          "the watermark") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto request = request_for("T1", 1);
  request.iso_name = 0xA00C'8440'0FE0'0001;
  const auto first = claim(*store, request);
  CHECK(first.durable_seq == 0);
  CHECK_FALSE(first.fork_seq);
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(first.claim, 0, mixed_block(1, 50))}));
  const auto second = claim(*store, request);
  CHECK(second.claim.stream == first.claim.stream);
  CHECK(second.claim.equipment == first.claim.equipment);
  CHECK(second.claim.epoch > first.claim.epoch);
  CHECK(second.durable_seq == 50);
  const auto other = claim(*store, request_for("T2", 1));
  CHECK(other.claim.stream != first.claim.stream);
  const auto rows = must(answer_of<std::vector<equipment_row>>(
    [&](auto done) { store->list_equipment("default", done); }));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].name == "T1");
  CHECK(rows[0].iso_name == request.iso_name);
  CHECK(rows[0].streams == 1);
  CHECK(rows[0].durable == 50);
  CHECK(rows[0].last_frame_us.value_or(0) >= 1'700'000'000'000'000);
  CHECK_FALSE(rows[1].iso_name);
  CHECK_FALSE(rows[1].last_frame_us);
}

TEST_CASE("store: answers a batch of claims in order, even with one stream twice") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  std::vector<claim_request> requests;
  for (unsigned i = 0; i < 50; ++i)
    requests.push_back(request_for("M" + std::to_string(i % 40), i % 40, {{i % 40 + 7, 1}}));
  const auto outcomes =
    must(answer_of<std::vector<claim_outcome>>([&](auto done) { store->claim(requests, done); }));
  REQUIRE(outcomes.size() == requests.size());
  for (unsigned i = 0; i < 10; ++i) {
    CHECK(outcomes[i].claim.stream == outcomes[i + 40].claim.stream);
    CHECK(outcomes[i].claim.epoch < outcomes[i + 40].claim.epoch); // the newer one wins
    CHECK(outcomes[i].claim.stream != outcomes[i + 1].claim.stream);
  }
  CHECK(bed->value("select count(*) from stream") == "40");
  CHECK(bed->value("select count(*) from stream_run") == "40");
  const auto lane = store->open_appender("w0");
  const auto older = must(append(*lane, {append_of(outcomes[3].claim, 0, mixed_block(1, 5))}));
  CHECK(older.fenced == std::vector{outcomes[3].claim.stream});
  CHECK(must(append(*lane, {append_of(outcomes[43].claim, 0, mixed_block(1, 5))})).fenced.empty());
}

TEST_CASE("store: frames of every kind read back unchanged, with bus names, in order") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1));
  const auto lane = store->open_appender("w0");
  std::vector<can::frame_block> blocks;
  std::uint64_t seq = 0;
  for (const std::size_t count : {1U, 2U, 37U, 1'000U, 3'000U}) {
    blocks.push_back(mixed_block(static_cast<unsigned>(count), count));
    auto next = append_of(claimed.claim, seq, blocks.back());
    if (seq == 0)
      next.buses = {{0, "can0"}, {1, "vcan1"}, {2, "büs"}};
    REQUIRE(append(*lane, {next}));
    seq += count;
  }
  const auto page = must(answer_of<frames_page>([&](auto done) {
    store->frames()->read_frames({"default", "T1", std::nullopt, std::nullopt}, {}, done);
  }));
  CHECK(page.buses == std::vector<can::bus_name>{{0, "can0"}, {1, "vcan1"}, {2, "büs"}});
  CHECK_FALSE(page.next);
  REQUIRE(page.runs.size() == blocks.size());
  seq = 1;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    CHECK(page.runs[i].seq_first == seq);
    check_same_frames(page.runs[i].block, blocks[i]);
    seq += blocks[i].size();
  }
  check_ledger(*store, 4'040, 0, 0);
}

TEST_CASE(
  "store: the earliest and latest times of a gateway are stored or quarantined, never lost") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1));
  const auto lane = store->open_appender("w0");
  const std::uint8_t payload[8] = {1, 2, 3};
  const auto header = can::pack({.id = 1, .length = 8});
  can::frame_block early;
  for (const std::int64_t offset : {0, 5, 2'000'000'000, 7})
    REQUIRE(early.push(INT64_MIN + offset, header, payload));
  can::frame_block late;
  REQUIRE(late.push(INT64_MAX, header, payload));
  can::frame_block edge; // timestamptz's earliest time lies between these two
  for (const std::int64_t offset : {-1, 0, 1})
    REQUIRE(edge.push(-210'866'803'200'000'000 + offset, header, payload));
  auto all = append_of(claimed.claim, 0, early);
  all.frames.push_back({5, late});
  all.frames.push_back({6, edge});
  all.to = all.sent = 8;
  const auto outcome = must(append(*lane, {all}));
  CHECK(outcome.fenced.empty());
  const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  const auto frames =
    std::accumulate(runs.begin(), runs.end(), std::size_t{0},
                    [](std::size_t sum, const frame_run& run) { return sum + run.block.size(); });
  CHECK(frames + outcome.quarantined == 8);
  CHECK(frames >= 3); // late and the two of the edge, on either database
  CHECK(natural(bed->value("select count(*) from quarantine")) == outcome.quarantined);
  check_ledger(*store, 8, 0, 0);
}

TEST_CASE("store: an older claim is fenced, and the other streams of its batch are stored") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto older = claim(*store, request_for("T1", 1));
  const auto other = claim(*store, request_for("T2", 2));
  const auto newer = claim(*store, request_for("T1", 1));
  const auto lane = store->open_appender("w0");
  const auto outcome = must(append(*lane, {append_of(older.claim, 0, mixed_block(1, 10)),
                                           append_of(other.claim, 0, mixed_block(2, 20))}));
  CHECK(outcome.fenced == std::vector{older.claim.stream});
  CHECK(claim(*store, request_for("T2", 2)).durable_seq == 20);
  REQUIRE(append(*lane, {append_of(newer.claim, 0, mixed_block(3, 30))}));
  check_ledger(*store, 30, 0, 0);
}

TEST_CASE("store: a range that is stored already, or after a hole, is fenced and not doubled") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(claimed, 0, mixed_block(1, 10))}));
  CHECK(must(append(*lane, {append_of(claimed, 0, mixed_block(1, 10))})).fenced
        == std::vector{claimed.stream});
  CHECK(must(append(*lane, {append_of(claimed, 5, mixed_block(1, 10))})).fenced
        == std::vector{claimed.stream});
  CHECK(must(append(*lane, {append_of(claimed, 12, mixed_block(1, 10))})).fenced
        == std::vector{claimed.stream});
  check_ledger(*store, 10, 0, 0);
  // A hole between two appends of one batch: both are fenced.
  CHECK(must(append(*lane, {append_of(claimed, 10, mixed_block(2, 10)),
                            append_of(claimed, 21, mixed_block(2, 10))}))
          .fenced
        == std::vector{claimed.stream});
  check_ledger(*store, 10, 0, 0);
}

TEST_CASE(
  "store: takes several appends of one stream in a batch, and one that only reports sent items") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  append_batch batch;
  for (std::uint64_t i = 0; i < 5; ++i)
    batch.push_back(append_of(claimed, i * 10, mixed_block(static_cast<unsigned>(i), 10)));
  CHECK(must(append(*lane, batch)).fenced.empty());
  stream_append only_sent;
  only_sent.claim = claimed;
  only_sent.from = only_sent.to = 50;
  only_sent.sent = 77;
  CHECK(must(append(*lane, {only_sent})).fenced.empty());
  CHECK(must(append(*lane, {})).fenced.empty());
  const auto rows = ledger(*store, "T1");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].sent == 77);
  CHECK(rows[0].durable == 50);
  CHECK(rows[0].stored == 50);
}

TEST_CASE("store: a spool that is reopened with overlapping runs never counts as a copy") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  std::vector<can::run_mark> offered{{1'000, 1}};
  for (std::uint64_t opening = 1; opening <= 40; ++opening) {
    // marks are random: later runs are often smaller numbers; a lost welcome leaves several runs in the list
    const auto claimed = claim(*store, request_for("T1", 1, offered));
    REQUIRE_FALSE(claimed.fork_seq);
    if (opening % 3 == 0)
      offered.erase(offered.begin(), offered.end() - 1);
    offered.push_back({opening * 7'919 % 1'009 + 2'000, 1});
  }
}

TEST_CASE("store: a copied spool learns its fork, and the continuing spool keeps its claim") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto original = claim(*store, request_for("T1", 1, {{7, 1}}));
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(original.claim, 0, mixed_block(1, 150))}));
  // Copied at 100, opened again: the copy assigns 101 a second time.
  const auto copy = claim(*store, request_for("T1", 1, {{7, 1}, {8, 101}}));
  CHECK(copy.fork_seq == 101);
  CHECK(must(append(*lane, {append_of(original.claim, 150, mixed_block(2, 10))})).fenced.empty());
  // The original opens again after the stream's items.
  const auto reopened = claim(*store, request_for("T1", 1, {{7, 1}, {9, 161}}));
  CHECK_FALSE(reopened.fork_seq);
  CHECK(reopened.durable_seq == 160);
  REQUIRE(append(*lane, {append_of(reopened.claim, 160, mixed_block(3, 10))}));
  // A copy from before that run.
  CHECK(claim(*store, request_for("T1", 1, {{7, 1}})).fork_seq == 161);
  CHECK(claim(*store, request_for("T1", 1, {{5, 20}})).fork_seq == 20);
  check_ledger(*store, 170, 0, 0);
}

TEST_CASE("store: quarantines items that the database rejects, and stores their neighbours") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto first = claim(*store, request_for("T1", 1)).claim;
  const auto second = claim(*store, request_for("T2", 2)).claim;
  auto poisoned = append_of(first, 0, mixed_block(1, 40));
  poisoned.records = {record_of(41, R"({"moisture": 13.5})"), record_of(42, "{no json"),
                      record_of(43, "[1]"), record_of(44, "{\"text\": \"\xff\xfe\"}"),
                      record_of(45, R"({"ok": true})")};
  poisoned.frames.push_back({46, mixed_block(2, 5)});
  poisoned.quarantine = {{51, 5, "no such \xff kind", std::string("\0\1\2", 3)}};
  poisoned.to = poisoned.sent = 51;
  const auto lane = store->open_appender("w0");
  const auto outcome = must(append(*lane, {append_of(second, 0, mixed_block(3, 10)), poisoned,
                                           append_of(first, 51, mixed_block(4, 10))}));
  CHECK(outcome.fenced.empty());
  CHECK(outcome.quarantined == 3);
  check_ledger(*store, 61, 0, 0);
  CHECK(ledger(*store, "T2")[0].durable == 10);
  CHECK(ledger(*store, "T1")[0].quarantined == 4);
  CHECK(bed->value("select count(*) from item_record") == "2");
  CHECK(bed->value("select sum(seq) from quarantine") == std::to_string(42 + 43 + 44 + 51));
  CHECK(bed->value("select reason from quarantine where seq = 51") == "no such ? kind");
  CHECK_FALSE(bed->value("select reason from quarantine where seq = 42").empty());
  const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  can::frame_block together;
  for (const auto& run : runs)
    REQUIRE(together.append(run.block, 0, run.block.size()));
  CHECK(together.size() == 55);
}

TEST_CASE(
  "store: the ledger detects a missing block, an overlapping one and one above the watermark") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_thousand(*store);
  check_ledger(*store, 1'000, 0, 0);
  bed->tamper("delete from can_block where seq_first = 301");
  check_ledger(*store, 1'000, 100, 0);
  bed->tamper("update can_block set seq_first = 351 where seq_first = 401");
  check_ledger(*store, 1'000, 100, 0); // 301-350 and 451-500 are missing now
  bed->tamper("update can_block set seq_first = 340 where seq_first = 501");
  check_ledger(*store, 1'000, 189,
               89); // 340-439 beside 351-450; 301-339, 451-500 and 501-600 are missing
  bed->tamper("update can_block set seq_first = 951 where seq_first = 901");
  check_ledger(*store, 1'000, 239, 139); // 1001-1050 are above the watermark
}

TEST_CASE("store: pages hold at most about 4 MiB of one stream, and give everything once") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto lane = store->open_appender("w0");
  const auto block = mixed_block(9, 20'000);
  std::size_t frames = 0;
  for (unsigned stream = 1; stream <= 3; ++stream) {
    const auto claimed = claim(*store, request_for("T1", stream)).claim;
    for (std::uint64_t i = 0; i < (stream == 2 ? 0U : 25U); ++i, frames += block.size())
      REQUIRE(append(*lane, {append_of(claimed, i * block.size(), block)}));
  }
  std::optional<frames_cursor> cursor{std::in_place};
  std::size_t read = 0;
  int pages = 0;
  for (; cursor; ++pages) {
    const auto page = must(answer_of<frames_page>([&](auto done) {
      store->frames()->read_frames({"", "T1", std::nullopt, std::nullopt}, *cursor, done);
    }));
    std::size_t bytes = 0;
    for (const auto& run : page.runs) {
      read += run.block.size();
      bytes += run.block.size() * 14 + run.block.long_payload.size();
    }
    CHECK(bytes <= (5U << 20U));
    if (page.next)
      CHECK((page.next->stream != cursor->stream || page.next->seq > cursor->seq));
    cursor = page.next;
  }
  CHECK(read == frames);
  CHECK(pages >= 4);
  CHECK(pages <= 14);
}

TEST_CASE("store: gives the newest frames of a machine from every tier and stream") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto lane = store->open_appender("w0");
  const auto newest = [&](std::size_t count) {
    return must(answer_of<std::vector<stored_frame>>(
      [&](auto done) { store->frames()->newest_frames("", "T1", count, done); }));
  };
  const auto first = claim(*store, request_for("T1", 1)).claim;
  const auto second = claim(*store, request_for("T1", 2)).claim;
  CHECK(newest(3).empty());
  const std::uint8_t payload[8] = {1, 2, 3};
  const auto block_at = [&](std::int64_t second_first) { // 10 frames, two seconds apart
    can::frame_block block;
    for (std::int64_t i = 0; i < 10; ++i)
      REQUIRE(
        block.push((second_first + 2 * i) * 1'000'000, can::pack({.id = 1, .length = 8}), payload));
    return block;
  };
  REQUIRE(
    append(*lane, {append_of(first, 0, block_at(1'000)), append_of(first, 10, block_at(1'020)),
                   append_of(first, 20, block_at(1'040))}));
  if (store->capabilities().sealing)
    must(
      answer_of<seal_outcome>([&](auto done) { store->sealing()->seal({.due_after = {}}, done); }));
  auto named = append_of(first, 30, block_at(1'060));
  named.buses = {{0, "can0"}};
  REQUIRE(append(*lane, {named, append_of(second, 0, block_at(1'071))}));

  const auto last = newest(6); // all of the second stream
  REQUIRE(last.size() == 6);
  CHECK(last.back().time_us == 1'089'000'000);
  CHECK(last.back().seq == 10);
  CHECK(last[0].time_us == 1'079'000'000);
  CHECK(last[0].payload == std::string{"\1\2\3\0\0\0\0\0", 8});
  const auto both = newest(12);
  REQUIRE(both.size() == 12);
  CHECK(both[10].time_us == 1'087'000'000);
  CHECK(both[4].time_us == 1'077'000'000);
  CHECK(both[5].time_us == 1'078'000'000);
  CHECK(both[5].seq == 40);
  CHECK(both[5].bus == "can0");
  const auto all = newest(1'000); // the sealed ones too
  REQUIRE(all.size() == 50);
  CHECK(all[0].time_us == 1'000'000'000);
  CHECK(all[0].seq == 1);
  CHECK(std::is_sorted(all.begin(), all.end(),
                       [](const auto& a, const auto& b) { return a.time_us < b.time_us; }));
  CHECK(answer_of<std::vector<stored_frame>>([&](auto done) {
          store->frames()->newest_frames("", "T9", 3, done);
        }).code()
        == errc::not_found);
}

TEST_CASE("store: a requested time gives the blocks that overlap it, both ends included") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  const std::uint8_t payload[8] = {};
  for (std::uint64_t i = 0; i < 10; ++i) {
    can::frame_block block; // frames at i * 1000 s and i * 1000 + 10 s
    REQUIRE(block.push(static_cast<std::int64_t>(i) * 1'000'000'000,
                       can::pack({.id = 1, .length = 8}), payload));
    REQUIRE(block.push(static_cast<std::int64_t>(i) * 1'000'000'000 + 10'000'000,
                       can::pack({.id = 1, .length = 8}), payload));
    REQUIRE(append(*lane, {append_of(claimed, i * 2, block)}));
  }
  const auto blocks = [&](std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
    return read_all(*store, {"default", "T1", from, to}).size();
  };
  CHECK(blocks(std::nullopt, std::nullopt) == 10);
  CHECK(blocks(2'010'000'000, 4'000'000'000) == 3);
  CHECK(blocks(2'010'000'001, 3'999'999'999) == 1);
  CHECK(blocks(std::nullopt, -1) == 0);
  CHECK(blocks(9'010'000'000, std::nullopt) == 1);
  CHECK(blocks(INT64_MIN, INT64_MAX) == 10);
}

TEST_CASE("store: answers not_found for unknown names, and rejects a name in two farms") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto read = [&](const std::string& farm, const std::string& equipment) {
    return answer_of<frames_page>([&](auto done) {
      store->frames()->read_frames({farm, equipment, std::nullopt, std::nullopt}, {}, done);
    });
  };
  CHECK(read("", "T1").code() == errc::not_found);
  CHECK(answer_of<std::vector<ledger_row>>([&](auto done) {
          store->read_ledger("", "T1", done);
        }).code()
        == errc::not_found);
  CHECK(ledger(*store).empty());
  (void)claim(*store, {"north", "T1", stream_id_of(1), {}, {{1, 1}}});
  CHECK(read("", "T1").has_value());
  (void)claim(*store, {"south", "T1", stream_id_of(1), {}, {{1, 1}}});
  CHECK(read("", "T1").code() == errc::not_found);
  CHECK(read("south", "T1").has_value());
  CHECK(read("west", "T1").code() == errc::not_found);
  CHECK(ledger(*store, "T1").size() == 2);
  const auto bad = answer_of<std::vector<claim_outcome>>([&](auto done) {
    store->claim({{"north", std::string{"T\xff"}, stream_id_of(1), {}, {}}}, done);
  });
  CHECK(bad.code() == errc::reject_row);
}

TEST_CASE("store: health reports the mode; a closing store answers every caller once") {
  const auto bed = make_bed();
  auto store = bed->open_migrated();
  const auto health = must(answer_of<store_health>([&](auto done) { store->health(done); }));
  CHECK(health.up);
  CHECK(health.mode.find("sql") != std::string::npos);
  CHECK(health.latency.count() > 0);
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  std::atomic<int> answers{0};
  auto lane = store->open_appender("w0");
  for (std::uint64_t i = 0; i < 50; ++i) {
    lane->append(std::make_shared<const append_batch>(
                   append_batch{append_of(claimed, i * 10, mixed_block(1, 10))}),
                 [&](const furrow::storage::result<append_outcome>&) { ++answers; });
    store->read_ledger("", "",
                       [&](const furrow::storage::result<std::vector<ledger_row>>&) { ++answers; });
  }
  lane.reset();
  store.reset();
  CHECK(answers == 100);
  const auto again = bed->open_migrated();
  const auto rows = ledger(*again, "T1");
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
  CHECK(rows[0].durable % 10 == 0);
}
