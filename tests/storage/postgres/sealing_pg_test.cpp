// The second tier: what is sealed reads as it did before, takes little room and is found by index.
#include "storage/archive/segment_codec.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/data.hpp"
#include "tests/support/eventually.hpp"

#include <cstdlib>
#include <future>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t base_us = 1'700'000'000'000'000;

/// Blocks of every kind of frame, some minutes of them.
std::vector<can::frame_block> mixed_blocks(unsigned seed, std::size_t count) {
  std::vector<can::frame_block> blocks;
  for (std::size_t i = 0; i < count; ++i)
    blocks.push_back(mixed_block(seed + static_cast<unsigned>(i), 700,
                                 base_us + static_cast<std::int64_t>(i) * 900'000));
  return blocks;
}

const std::vector<std::string> filters{
  "'-infinity', 'infinity'",
  "'-infinity', 'infinity', pgn => 61444",
  "'-infinity', 'infinity', can_id => x'0CF00500'::bigint",
  "'-infinity', 'infinity', can_id => 7",
  "'-infinity', 'infinity', can_id => x'20000004'::bigint",
  "'-infinity', 'infinity', x'0CF00500'::bigint, 61445",
  "'-infinity', 'infinity', 7, 61445",
  "to_timestamp(1700000002.5), to_timestamp(1700000004.25)",
  "to_timestamp(1700000002.5), to_timestamp(1700000004.25), pgn => 61445",
};

std::vector<std::string> answers(postgres_bed& bed) {
  std::vector<std::string> out;
  out.reserve(filters.size());
  for (const auto& filter : filters)
    out.push_back(frames_digest(bed, "T1", filter));
  return out;
}

std::string plan_of(postgres_bed& bed, const std::string& query) {
  std::string text;
  for (const auto& row : shared_cluster().exec(
         "explain (analyze, costs off, timing off, summary off) " + query, bed.name()))
    text.append(row[0]).append("\n");
  return text;
}

} // namespace

TEST_CASE("sealing: every query has the same answer before, during and after") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, mixed_blocks(1, 12));
  append_blocks(*store, "T1", 2, mixed_blocks(100, 3)); // another stream of the same machine
  const auto before = answers(bed);
  const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  CHECK(before.front().substr(0, 6) == "10500 ");

  // A job that reads fresh blocks in order is in the middle of the first stream.
  bed.tamper(
    "create table if not exists furrow.digest (stream int primary key, seq bigint not null)");
  bed.tamper("insert into furrow.digest (stream, seq) select id, 3500 from furrow.stream order by "
             "id limit 1");
  auto sealed = must(seal(*store));
  CHECK(sealed.chunks == 1);
  CHECK(sealed.frames == 3'500);
  CHECK(bed.value("select sum(frames) || ' ' || min(seq_first) from can_block") == "7000 1");
  CHECK(bed.value("select min(seq_first) from can_block where stream = 1") == "3501");
  CHECK(answers(bed) == before);
  check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), runs);

  bed.tamper("delete from furrow.digest");
  sealed = must(seal(*store));
  CHECK(sealed.frames == 7'000);
  CHECK(bed.value("select count(*) from can_block") == "0");
  CHECK(answers(bed) == before);
  check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), runs);
  CHECK(must(seal(*store)).chunks == 0);

  // The stream continues.
  append_blocks(*store, "T1", 1, mixed_blocks(50, 2));
  const auto grown = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  const auto rows = ledger(*store, "T1");
  CHECK(rows[0].durable == 9'800);
  CHECK(rows[0].stored == 9'800);
  const auto digest = frames_digest(bed, "T1");
  CHECK(must(seal(*store)).frames == 1'400);
  CHECK(frames_digest(bed, "T1") == digest);
  check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), grown);
}

TEST_CASE(
  "sealing: behind a digest it seals what the digest has read, and nothing before it begins") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, mixed_blocks(1, 12));
  const seal_request behind{.due_after = {}, .behind_digest = true};
  CHECK(bed.value("select count(*) from furrow.digest") == "0");
  CHECK(must(seal(*store, behind)).chunks == 0);
  bed.tamper("insert into furrow.digest (stream, seq) select id, 3500 from furrow.stream");
  CHECK(must(seal(*store, behind)).frames == 3'500);
  CHECK(must(seal(*store, behind)).chunks == 0);
  bed.tamper("update furrow.digest set seq = 8400");
  CHECK(must(seal(*store, behind)).frames == 4'900);
}

TEST_CASE("sealing: the digest also reads frames that were sealed before it") {
  const auto path = data_file("j1939/jd5055e/idle10sec.candump.log");
  if (!path)
    return;
  const auto blocks = blocks_of_log(*path);
  const auto half = blocks.begin() + static_cast<std::ptrdiff_t>(blocks.size() / 2);
  const auto sums_after = [&](bool sealed_first) {
    postgres_bed bed;
    const auto store = bed.open_migrated();
    append_blocks(*store, "T1", 1, {blocks.begin(), half});
    if (sealed_first) {
      // The digest is in the middle of a block that is sealed before it continues.
      plain_digest digest{*store};
      CHECK(digest.commit(digest.run(digest.pending().at(0), 1'234)));
      bed.tamper("create table kept as select * from furrow.digest; delete from furrow.digest");
      CHECK(must(seal(*store)).chunks > 0);
      bed.tamper("insert into furrow.digest select * from kept");
    }
    append_blocks(*store, "T1", 1, {half, blocks.end()});
    plain_digest{*store}.run_all();
    return bed.value(
             "select md5(string_agg(concat_ws(',', n.name, r.minute, r.count, r.min, r.max, r.sum, "
             "r.last, r.last_time), ';' order by n.name, r.minute)) || ' ' || sum(r.count) "
             "from furrow.rollup r join furrow.signal_name n on n.id = r.signal")
           + " "
           + bed.value(
             "select md5(string_agg(t::text, ';' order by time)) from furrow.telemetry t");
  };
  const auto plain = sums_after(false);
  CHECK(plain.size() >= 70);
  CHECK(sums_after(true) == plain);
}

TEST_CASE("sealing: keeps the holes that items of other kinds leave") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  stream_append items;
  items.claim = claimed;
  items.frames.push_back({1, mixed_block(1, 100)});
  items.records.push_back({101, {base_us, 0x7FFF, R"({"lost":"1"})"}});
  items.frames.push_back({102, mixed_block(2, 100)});
  items.quarantine.push_back({202, base_us, "why", "bytes"});
  items.frames.push_back({203, mixed_block(3, 100)});
  items.records.push_back({303, {base_us, 0x7FFF, R"({"lost":"2"})"}});
  items.to = items.sent = 303;
  REQUIRE(append(*lane, {items}));
  const auto before = frames_digest(bed, "T1");
  const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  CHECK(must(seal(*store)).frames == 300);
  CHECK(frames_digest(bed, "T1") == before);
  check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), runs);
  CHECK(bed.value("select run_first::text || run_frames::text from can_chunk")
        == "{1,102,203}{100,100,100}");
  const auto rows = ledger(*store, "T1");
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
  // The remaining items are not frames: the stream is not visited again until it grows.
  CHECK(must(seal(*store)).chunks == 0);
  CHECK(bed.value("select sealed_to from furrow.seal") == "303");
}

// Symptom: 24 ms of compiling for half a millisecond of answer.
TEST_CASE(
  "ledger: costs less than PostgreSQL's limit for compiling, without statistics on any table") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, {mixed_block(1, 100)});
  std::string plan;
  for (const auto& row : shared_cluster().exec("explain select * from furrow.ledger", bed.name()))
    plan += row[0] + '\n';
  const auto at = plan.find("..");
  REQUIRE(at != std::string::npos);
  const auto cost = std::strtod(plan.c_str() + at + 2, nullptr);
  CAPTURE(plan);
  CHECK(cost > 0);
  CHECK(cost < std::stod(bed.value("show jit_above_cost")) / 10);
}

TEST_CASE("sealing: the ledger counts both tiers, and detects a missing segment") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, mixed_blocks(1, 4));
  must(seal(*store));
  append_blocks(*store, "T1", 1, mixed_blocks(9, 1));
  auto rows = ledger(*store, "T1");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].stored == 3'500);
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
  CHECK(bed.value("select stored from furrow.ledger") == "3500");
  bed.tamper("delete from can_segment where channel = 61444");
  rows = ledger(*store, "T1");
  CHECK(rows[0].lost == 2'800); // a chunk that does not add up is not counted at all
  CHECK(rows[0].stored == 700);
}

TEST_CASE("sealing: seals fresh frames by the chunk, or at their due time") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, mixed_blocks(1, 10));
  seal_request patient{.due_after = std::chrono::hours{1}};
  CHECK(must(seal(*store, patient)).chunks == 0);
  CHECK(bed.value("select due_at between now() + interval '55 minutes' and now() + interval '1 "
                  "hour' from furrow.seal")
        == "t");
  CHECK(must(seal(*store, patient)).chunks == 0);
  bed.tamper("update furrow.seal set due_at = now()"); // the hour is over
  CHECK(must(seal(*store, patient)).frames == 7'000);
  CHECK(bed.value("select due_at is null from furrow.seal") == "t");
  for (int i = 0; i < 20; ++i)
    append_blocks(*store, "T1", 1, mixed_blocks(static_cast<unsigned>(i), 10));
  const auto outcome = must(seal(*store, patient)); // 140,000 more: one chunk is full
  CHECK(outcome.chunks == 1);
  CHECK(outcome.frames > 130'000);
  CHECK(outcome.frames <= 131'072);
  CHECK(must(seal(*store, {.farm = "elsewhere", .due_after = {}})).chunks == 0);
  CHECK(must(seal(*store, {.equipment = "T2", .due_after = {}})).chunks == 0);
  CHECK(must(seal(*store, {.equipment = "T1", .due_after = {}})).frames
        == 147'000 - 7'000 - outcome.frames);
}

TEST_CASE("sealing: a clock that jumps costs no more than one that does not") {
  // Symptom: each of 20,000 frames of two clocks in turn became a chunk, each chunk took seconds.
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const std::uint8_t payload[8] = {1, 2, 3};
  const auto header = can::pack({.id = 0x0CF00400, .extended = true, .length = 8});
  std::vector<can::frame_block> blocks(4'000);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto after = static_cast<std::int64_t>(i) * 5'000;
    const auto day = static_cast<std::int64_t>(i % 40) * 24 * 3'600'000'000;
    REQUIRE(blocks[i].push(i % 4 == 0   ? after
                           : i % 4 == 1 ? base_us + after + day
                                        : base_us + after,
                           header, payload));
  }
  append_blocks(*store, "T1", 1, blocks);
  const auto around = [&](const std::string& seconds) {
    return frames_digest(bed, "T1",
                         "to_timestamp(" + seconds + ") - interval '1 hour', to_timestamp("
                           + seconds + ") + interval '1 hour'");
  };
  const auto questions = [&] {
    return std::vector<std::string>{
      frames_digest(bed, "T1"),
      around("0"),
      around("1700000000"),
      around("1702000000"),
      bed.value("select array_agg(g) from unnest(furrow.groups_of(1, '-infinity', 'infinity')) g"),
      bed.value("select count(*) || ' ' || min(time) from furrow.signal('T1', 'EEC1.engine_speed', "
                "'1960-01-01', '1980-01-01')"),
      bed.value("select count(*) || ' ' || max(time) from furrow.signal('T1', 'EEC1.engine_speed', "
                "'2023-01-01', 'infinity')")};
  };
  const auto before = questions();
  const auto runs = read_all(*store, {"", "T1", 0, 3'600'000'000});
  const auto sealed = must(seal(*store));
  CHECK(sealed.frames == 4'000);
  CHECK(sealed.chunks <= 4'000 / chunk_frames_min + 1);
  CHECK(sealed.segments <= 11 * sealed.chunks); // 1970, and up to ten days
  CHECK(questions() == before);
  check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), [&] {
    std::vector<frame_run> all;
    for (std::size_t i = 0; i < blocks.size(); ++i)
      all.push_back({i + 1, blocks[i]});
    return all;
  }());
  std::size_t near_1970 = 0;
  for (const auto& run : read_all(*store, {"", "T1", 0, 3'600'000'000}))
    for (std::size_t i = 0; i < run.block.size(); ++i)
      near_1970 += run.block.time_us(i) <= 3'600'000'000 ? 1 : 0;
  CHECK(near_1970 == 1'000);
  CHECK(bed.value("select bool_and(time_last - time_first < interval '26 hours') from can_segment")
        == "t");
  CHECK(ledger(*store, "T1")[0].stored == 4'000);
}

TEST_CASE("sealing: a question locks the partitions of its time and no other") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  constexpr std::int64_t week_us = std::int64_t{7} * 24 * 3'600'000'000;
  for (const auto after : {std::int64_t{0}, 3 * week_us}) {
    append_blocks(*store, "T1", 1, {mixed_block(1, 700, base_us + after)});
    must(seal(*store));
  }
  for (const auto* monday : {"2023-11-13", "2023-12-04"})
    for (const auto* half : {"open_partition", "attach_partition"})
      bed.tamper(std::string{"select furrow."} + half + "(timestamptz '" + monday
                 + " 00:00+00', timestamptz '" + monday + " 00:00+00' + interval '168 hours')");
  CHECK(bed.value("select count(*) from can_segment_w20231204") != "0");
  auto locked = std::async(std::launch::async, [&] {
    try {
      bed.tamper("begin; lock table can_segment_w20231204; select pg_sleep(60)");
    } catch (const std::exception&) { // ended below
    }
  });
  const std::string sleeper =
    "from pg_stat_activity where wait_event = 'PgSleep' and datname = '" + bed.name() + "'";
  REQUIRE(eventually(patience, [&] { return bed.value("select count(*) " + sleeper) == "1"; }));
  const std::string times = "'2023-11-14 00:00+00', '2023-11-16 00:00+00'";
  const auto count = [&](const std::string& call) {
    return bed.value("set lock_timeout = '2s'; select count(*) from furrow." + call);
  };
  CHECK(count("frames('T1', " + times + ")") == "700");
  CHECK_NOTHROW(count("signal('T1', 'EEC1.engine_speed', " + times + ")"));
  CHECK_NOTHROW(count("signal_bucket('T1', 'EEC1.engine_speed', " + times + ", '1 minute')"));
  CHECK_NOTHROW(count("messages('T1', " + times + ")"));
  CHECK_NOTHROW(count("position_track('T1', " + times + ")"));
  const auto runs =
    read_all(*store, {"", "T1", base_us - 1'000'000, base_us + std::int64_t{3'600'000'000}});
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].block.size() == 700);
  CHECK_THROWS_WITH_AS(count("frames('T1', '-infinity', 'infinity')"),
                       doctest::Contains("lock timeout"), std::runtime_error);
  bed.tamper("select pg_terminate_backend(pid, 60000) " + sleeper);
  locked.get();
  CHECK(count("frames('T1', '-infinity', 'infinity')") == "1400");
}

TEST_CASE("sealing: streams take turns, however much one of them has") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<can::frame_block> many(9'000);
  const std::uint8_t payload[8] = {};
  for (std::size_t i = 0; i < many.size(); ++i)
    REQUIRE(many[i].push(base_us + static_cast<std::int64_t>(i), can::pack({.id = 1, .length = 8}),
                         payload));
  append_blocks(*store, "T1", 1, many); // more than one look takes
  append_blocks(*store, "T2", 2, mixed_blocks(1, 1));
  append_blocks(*store, "T3", 3, mixed_blocks(2, 1));
  const seal_request one_chunk{.due_after = {}, .chunks_max = 1};
  std::string turns;
  for (int call = 0; call < 4; ++call) {
    CHECK(must(seal(*store, one_chunk)).chunks == 1);
    turns += bed.value("select e.name from can_chunk c join equipment e on e.id = c.equipment_id "
                       "order by c.sealed_at desc limit 1");
  }
  CHECK(turns == "T1T2T3T1");
  CHECK(must(seal(*store)).chunks == 0);
}

TEST_CASE(
  "sealing: frames() reads only the chunks of the time and unpacks only the channel's segments") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const std::uint8_t payload[8] = {};
  for (unsigned machine = 1; machine <= 3; ++machine)
    for (std::int64_t i = 0; i < 40; ++i) { // sealed by the hour, 30 identifiers
      can::frame_block block;
      for (std::int64_t frame = 0; frame < 9'000; ++frame)
        REQUIRE(
          block.push(base_us + i * 3'600'000'000 + frame * 200'000,
                     can::pack({.id = 0x0CF00000U + static_cast<std::uint32_t>(frame % 30) * 0x100U,
                                .extended = true,
                                .length = 8}),
                     payload));
      append_blocks(*store, "T" + std::to_string(machine), machine, {block});
      must(seal(*store));
    }
  bed.tamper("analyze");
  const auto plan = plan_of(
    bed,
    "select * from furrow.frames('T2', to_timestamp(1700036000), to_timestamp(1700037799.9), pgn "
    "=> 61444)");
  CAPTURE(plan);
  CHECK(plan.find("Function Scan on frames") == std::string::npos);
  CHECK(plan.find("Function Scan on segments_of s (actual rows=1 loops=1)") != std::string::npos);
  // one segment of one chunk: three hundred frames
  CHECK(plan.find("ProjectSet (actual rows=300 loops=1)") != std::string::npos);
  CHECK(plan.find("Memoize") == std::string::npos);
  CHECK(bed.value("select count(*) from furrow.frames('T2', to_timestamp(1700036000), "
                  "to_timestamp(1700037799.9), pgn => 61444)")
        == "300");
}

TEST_CASE("sealing: real captures take at most eight bytes per frame, with indexes") {
  for (const auto* name :
       {"j1939/jd5055e/idle10sec.candump.log", "j1939/jd5055e/tractoronSitUp.candump.log",
        "j1939/jd5055e/transmission1and2and3InGear.candump.log",
        "j1939/css-FCBF0606-00000001.candump.log", "j1939/eti-j1939_840.log",
        "isobus/agisostack-1.candump.log", "n2k/css-94C49784-00000002.candump.log",
        "n2k/samples/candumpSample1.txt", "n2k/samples/sample3_PCAN-View.trc",
        "n2k/samples/merrimac-ydwg-2020.raw"}) {
    const auto path = data_file(name);
    if (!path)
      continue;
    postgres_bed bed;
    const auto store = bed.open_migrated();
    const auto blocks = blocks_of_log(*path);
    REQUIRE_MESSAGE(!blocks.empty(), name);
    // Enough machines that the table's first pages do not matter; each is sealed separately.
    std::size_t frames = 0;
    for (const auto& block : blocks)
      frames += block.size();
    const auto machines = static_cast<unsigned>(200'000 / frames + 1);
    for (unsigned machine = 1; machine <= machines; ++machine)
      append_blocks(*store, "T" + std::to_string(machine), machine, blocks);
    bed.tamper("vacuum full can_block");
    const auto fresh = std::stod(bed.value("select pg_total_relation_size('can_block')"));
    const auto digest = frames_digest(bed, "T2");
    must(seal(*store));
    CHECK(bed.value("select count(*) from can_block") == "0");
    CHECK(frames_digest(bed, "T2") == digest);
    const auto bytes = std::stod(bed.value("select pg_total_relation_size('can_segment_default') + "
                                           "pg_total_relation_size('can_chunk') + "
                                           "pg_total_relation_size('furrow.seal')"));
    const auto total = static_cast<double>(frames) * machines;
    MESSAGE(std::string{name} << ": " << frames << " frames; fresh " << fresh / total << ", sealed "
                              << bytes / total << " bytes a frame; payload and time alone "
                              << bed.value(
                                   "select round(sum(pg_column_size(data) + "
                                   "pg_column_size(time_anchors))::numeric / sum(frames), 2) from "
                                   "can_segment"));
    if (frames >= 1'500) // a few hundred frames cannot amortise a row's overhead
      CHECK(bytes / total <= 8);
  }
}
