// furrow.signal_bucket: equal from rollups and from frames, and invalid buckets.
#include "can/frame/identifier.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/data.hpp"

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t signal_bucket_base_us = 1'700'000'000'000'000;

} // namespace

TEST_CASE("signal_bucket(): gives count, minimum, maximum, mean and last value per bucket") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<can::frame_block> blocks(2);
  for (int i = 0; i < 1'200; ++i) { // EEC1 at 10 Hz from 1,000 rpm up; each hundredth has no value
    const auto raw = i % 100 == 99 ? 0xFFFF : 8'000 + i;
    const std::uint8_t payload[8] = {
      0xFF, 0xFF, 0xFF, static_cast<std::uint8_t>(raw), static_cast<std::uint8_t>(raw >> 8),
      0xFF, 0xFF, 0xFF};
    REQUIRE(blocks[i < 600 ? 0 : 1].push(
      signal_bucket_base_us + std::int64_t{i} * 100'000,
      can::pack({.id = 0x0CF00400, .extended = true, .length = 8}), payload));
  }
  append_half_sealed(*store, blocks);
  const auto name = bed.value("select m.name || '.' || s.name from furrow.definition_signal s join "
                              "furrow.definition_message m using (version, message) where m.pgn = "
                              "61444 and lsb_byte = 3");
  const auto rows = shared_cluster().exec(
    "select extract(epoch from time)::int, count, min, max, mean, last from "
    "furrow.signal_bucket('T1', '"
      + name + "', to_timestamp(1700000000), to_timestamp(1700000119.9), '1 minute')",
    bed.name());
  REQUIRE(rows.size() == 3); // the first begins 20 s into a minute
  CHECK(rows[0]
        == pg_rows::value_type{"1699999980", "396", "1000", "1049.75", "1024.875", "1049.75"});
  CHECK(rows[1][1] == "594");
  CHECK(rows[2][1] == "198");
  CHECK(bed.value("select count(value) || ' ' || count(*) from furrow.signal('T1', '" + name
                  + "', '-infinity', 'infinity')")
        == "1188 1200");
}

namespace {

/// Buckets of every signal that has rollups, one text per bucket. The mean is separate, because rollups add exactly and
/// frames do not.
struct bucket_rows {
  std::vector<std::string> exact;
  std::vector<double> means;
};

bucket_rows buckets_of_all(postgres_bed& bed, const std::string& arguments) {
  bucket_rows out;
  for (const auto& row : shared_cluster().exec(
         "select concat_ws(' ', n.name, extract(epoch from b.time), b.count, b.min, b.max, "
         "b.last), b.mean from "
         "(select distinct m.name || '.' || s.name as name from furrow.rollup r join "
         "furrow.signal_name n on n.id = "
         "r.signal join furrow.definition_message m on true join furrow.definition_signal s using "
         "(version, message) "
         "where m.name || '.' || s.name = n.name) n, furrow.signal_bucket('T1', n.name, "
           + arguments + ") b order by n.name, b.time",
         bed.name())) {
    out.exact.push_back(row[0]);
    out.means.push_back(std::strtod(row[1].c_str(), nullptr));
  }
  return out;
}

void check_same_buckets(const bucket_rows& left, const bucket_rows& right) {
  REQUIRE(left.exact.size() == right.exact.size());
  for (std::size_t i = 0; i < left.exact.size(); ++i) {
    if (left.exact[i] != right.exact[i])
      CHECK(left.exact[i] == right.exact[i]);
    if (left.means[i] != doctest::Approx(right.means[i]).epsilon(1e-6))
      CHECK(left.means[i] == doctest::Approx(right.means[i]).epsilon(1e-6));
  }
}

} // namespace

TEST_CASE("signal(), signal_bucket(): reject an unanswerable query in one sentence") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto refusal = [&](const std::string& call) {
    bed.tamper(
      "create or replace function public.why() returns text language plpgsql as $f$ "
      "begin perform * from furrow."
      + call
      + "; return 'answered'; exception when others then return sqlstate || ' ' || sqlerrm; "
        "end $f$");
    return bed.value("select public.why()");
  };
  const std::string asked = "signal_bucket('T1', 'X', now(), now(), ";
  CHECK(refusal(asked + "'0')") == "22023 a bucket of 00:00:00 is not possible");
  CHECK(refusal(asked + "'-1 minute')") == "22023 a bucket of -00:01:00 is not possible");
  CHECK(refusal(asked + "'1 month')") == "22023 a bucket of 1 mon is not possible");
  CHECK(refusal(asked + "'1 year 1 day')") == "22023 a bucket of 1 year 1 day is not possible");
  CHECK(refusal(asked + "null)") == "22023 the bucket is null");
  CHECK(refusal(asked + "'1 day')") == "P0002 no equipment T1");
  CHECK(refusal("signal(null, 'X', now(), now())") == "22023 the equipment is null");
  CHECK(refusal("signal('T1', null, now(), now())") == "22023 the name of the signal is null");
  CHECK(refusal("signal('T1', 'X', null, now())") == "22023 the first time is null");
  CHECK(refusal("signal('T1', 'X', now(), null)") == "22023 the last time is null");
}

TEST_CASE(
  "signal_bucket(): rollups and frames give equal answers; rollups serve only where they fit") {
  for (const auto* name :
       {"j1939/css-FCBF0606-00000001.candump.log", "isobus/agisostack-1.candump.log",
        "n2k/css-94C49784-00000002.candump.log"}) {
    const auto path = data_file(name);
    if (!path)
      continue;
    CAPTURE(std::string{name});
    postgres_bed bed;
    const auto store = bed.open_migrated();
    const auto blocks = blocks_of_log(*path);
    append_half_sealed(*store, blocks);
    plain_digest{*store}.run_all();
    const auto first_us = blocks.front().time_range_us().first;
    const auto last_us = blocks.back().time_range_us().second;
    const auto between = [](std::int64_t from_us, std::int64_t to_us) {
      return "timestamptz 'epoch' + " + std::to_string(from_us)
             + " * interval '1 us', timestamptz 'epoch' + " + std::to_string(to_us)
             + " * interval '1 us'";
    };
    // Everything; buckets of partial minutes; ends within minutes.
    const std::vector<std::string> questions{
      "'-infinity', 'infinity', '1 minute'", "'-infinity', 'infinity', '1 hour'",
      between(first_us + 7'000'001, last_us - 11'000'003) + ", '2 minutes'",
      between(first_us + 7'000'001, last_us - 11'000'003) + ", '10 seconds'",
      between(first_us + 1, first_us + 2'000'000) + ", '1 minute'"};
    std::vector<bucket_rows> with;
    with.reserve(questions.size());
    for (const auto& question : questions)
      with.push_back(buckets_of_all(bed, question));
    CHECK(with[0].exact.size() > 20);
    // Rollups by other definitions: the answer comes from frames.
    bed.tamper("create table kept as select * from furrow.rollup_definition");
    bed.tamper("insert into furrow.rollup_definition select signal, 'another' from kept");
    for (std::size_t i = 0; i < questions.size(); ++i)
      check_same_buckets(with[i], buckets_of_all(bed, questions[i]));
    bed.tamper("delete from furrow.rollup_definition where definition = 'another'");
    // What would show if rollups were used.
    bed.tamper("update furrow.rollup set count = count + 1000000");
    const auto seen = [&](const std::string& question) {
      std::size_t out = 0;
      for (const auto& row : buckets_of_all(bed, question).exact)
        out += row.find(" 100") != std::string::npos ? 1U : 0U;
      return out;
    };
    CHECK(seen(questions[0]) == with[0].exact.size());
    CHECK(seen(questions[3]) <= with[3].exact.size() / 2); // a value may have such digits
    // From the minute of the first undigested frame on, the answer comes from frames.
    bed.tamper("update furrow.digest set seq = 0");
    check_same_buckets(with[0], buckets_of_all(bed, questions[0]));
  }
}

TEST_CASE("signal_bucket(): uses rollups for hours, also for messages of several frames") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto path = data_file("n2k/css-94C49784-00000002.candump.log");
  if (!path)
    return;
  append_blocks(*store, "T1", 1, blocks_of_log(*path));
  plain_digest{*store}.run_all();
  const auto name = bed.value(
    "select min(n.name) from furrow.rollup r join furrow.signal_name n on n.id = r.signal join "
    "furrow.definition_message m on m.name = split_part(n.name, '.', 1) where m.length > 8");
  if (name.empty()) {
    MESSAGE("no such message in the capture");
    return;
  }
  CHECK(bed.value("select sum(count) from furrow.signal_bucket('T1', '" + name
                  + "', '-infinity', 'infinity', '1 hour')")
        == bed.value(
          "select sum(count) from furrow.rollup r join furrow.signal_name n on n.id = r.signal "
          "where n.name = '"
          + name + "'"));
  // Ten-second buckets are computed from frames.
  CHECK(bed.value("select sum(count) from furrow.signal_bucket('T1', '" + name
                  + "', '-infinity', 'infinity', '10 seconds')")
        == bed.value("select sum(count) from furrow.signal_bucket('T1', '" + name
                     + "', '-infinity', 'infinity', '1 hour')"));
}
