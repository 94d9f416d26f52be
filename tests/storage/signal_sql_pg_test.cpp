// furrow.signal and its kin against the decoder: every value equal, in both tiers.
#include "can/catalogue.hpp"
#include "can/decode.hpp"
#include "can/identifier.hpp"
#include "can/transport.hpp"
#include "storage/definitions.hpp"
#include "tests/storage/digest_bed.hpp"
#include "tests/storage/sealing_bed.hpp"
#include "tests/support/data.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t base_us = 1'700'000'000'000'000;

can::dbc_file parsed(const std::string& text, const std::string& name) {
  auto file = can::parse_dbc(text, name);
  REQUIRE_MESSAGE(file, file.error().detail);
  return std::move(*file);
}

definition_outcome
load(postgres_bed& bed, const can::dbc_file& file, const std::string& scope = "all") {
  store_options options;
  options.url = bed.url();
  return must(load_definitions(options, file, {file.name, file.name + "-sum", scope}));
}

/// Time and value; NULL is a text of its own.
using values = std::multiset<std::pair<std::int64_t, std::string>>;

std::string bits_of(double value) {
  return std::to_string(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value));
}

bool carries_pieces(std::uint32_t pgn) {
  return pgn == 60'416 || pgn == 60'160 || pgn == 51'200 || pgn == 50'944;
}

struct compared_values {
  std::size_t all = 0;
  std::size_t of_several = 0; // of messages that came in several frames
};

/// What `furrow decode` says of each signal of these frames, by its number in the plan.
std::map<std::uint32_t, values> decoded(const can::decode_plan& plan,
                                        const std::vector<can::frame_block>& blocks,
                                        compared_values& counts) {
  std::map<std::uint32_t, values> out;
  std::vector<can::decoded_signal> buffer(plan.signals_max());
  can::reassembler whole{{1024, 64U << 20U}};
  for (const auto& block : blocks)
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto frame = block[i];
      const auto message = whole.feed(frame);
      const auto* known = plan.find(frame.header);
      const bool alone = message && message->transport == can::transport_kind::single;
      const bool as_frame = known != nullptr
                            && (alone || !known->pgn || frame.header.kind() == can::frame_kind::fd
                                || carries_pieces(can::pgn_of(frame.header.id())));
      std::size_t count = 0;
      if (as_frame)
        count = plan.decode(*known, frame.payload(), buffer);
      else if (const auto* of =
                 message && !alone ? plan.find_pgn(message->pgn, message->source) : nullptr)
        count = plan.decode(*of, message->data, buffer);
      counts.all += count;
      counts.of_several += as_frame ? 0 : count;
      for (std::size_t at = 0; at < count; ++at) {
        const auto& one = buffer[at];
        out[one.signal].emplace(
          block.time_us(i), one.state == can::signal_state::value ? bits_of(one.physical) : "none");
      }
    }
  return out;
}

values asked(postgres_bed& bed, const std::string& equipment, const std::string& signal) {
  values out;
  auto question =
    "select (extract(epoch from time) * 1000000)::bigint, value from furrow.signal('" + equipment;
  question += "', '" + signal + "', '-infinity', 'infinity')";
  for (const auto& row : shared_cluster().exec(question, bed.name()))
    out.emplace(std::stoll(row[0]),
                row[1].empty() ? "none" : bits_of(std::strtod(row[1].c_str(), nullptr)));
  return out;
}

/// Every signal of the file that the frames have; answers how many values were compared.
compared_values check_signals(postgres_bed& bed,
                              const can::dbc_file& file,
                              const std::vector<can::frame_block>& blocks) {
  const can::dbc_file* files[] = {&file};
  const auto plan = can::decode_plan::compile(files);
  REQUIRE(plan);
  compared_values compared;
  const auto expected = decoded(*plan, blocks, compared);
  for (const auto& [number, wanted] : expected) {
    const auto& signal = plan->signals()[number];
    const auto& message = plan->messages()[signal.message];
    const auto name = message.name + "." + signal.name;
    const auto got = asked(bed, "T1", name);
    if (got != wanted) {
      CAPTURE(name);
      CHECK(got.size() == wanted.size());
      for (auto a = got.begin(), b = wanted.begin(); a != got.end() && b != wanted.end(); ++a, ++b)
        if (*a != *b) {
          CHECK(*a == *b);
          break;
        }
    }
  }
  return compared;
}

/// Random frames of every message of the file, as it says they are; now and then a shorter one.
std::vector<can::frame_block> frames_of(const can::dbc_file& file, unsigned seed) {
  std::mt19937_64 random{seed};
  std::vector<can::frame_block> blocks(1);
  std::int64_t time = base_us;
  for (int round = 0; round < 60; ++round)
    for (const auto& message : file.messages) {
      if (message.length > 64 || message.id > (message.extended ? 0x1FFFFFFFU : 0x7FFU))
        continue;
      std::uint8_t payload[64] = {};
      for (auto& byte : payload)
        byte = static_cast<std::uint8_t>(round % 10 == 0   ? 0xFF
                                         : round % 10 == 1 ? 0
                                                           : random() >> (round % 3 == 0 ? 0 : 6));
      can::header_parts parts{.id = message.id, .extended = message.extended};
      parts.length = static_cast<std::uint16_t>(message.length);
      if (message.length > 8) {
        parts.kind = can::frame_kind::fd;
        while (can::fault_of(can::pack(parts)) != can::frame_fault::none)
          ++parts.length;
      } else if (round % 7 == 3 && parts.length > 0) {
        --parts.length;
      }
      REQUIRE(blocks.back().push(time += 777, can::pack(parts), payload));
    }
  return blocks;
}

void append_half_sealed(store& store, const std::vector<can::frame_block>& blocks) {
  const auto half = blocks.size() / 2 + 1;
  append_blocks(store, "T1", 1,
                {blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(half)});
  must(seal(store));
  if (half < blocks.size())
    append_blocks(store, "T1", 1,
                  {blocks.begin() + static_cast<std::ptrdiff_t>(half), blocks.end()});
}

} // namespace

TEST_CASE("signal(): gives every value of real captures as the decoder does, sealed or fresh") {
  struct capture {
    const char* log;
    const char* definitions;
    std::size_t of_several;
  };
  for (const auto& [log, definitions, of_several] :
       {capture{"j1939/jd5055e/idle10sec.candump.log", "dbc/ref_j1939_iso11783.dbc", 132},
        capture{"isobus/agisostack-1.candump.log", "dbc/ref_j1939_iso11783.dbc", 0},
        capture{"j1939/css-FCBF0606-00000001.candump.log", "dbc/ref_j1939_iso11783.dbc", 247},
        capture{"n2k/css-94C49784-00000002.candump.log", "n2k/canboat.dbc", 954}}) {
    const auto path = data_file(log);
    const auto text = data_file(definitions);
    if (!path || !text)
      continue;
    const auto file = parsed(read_file(*text), "ref.dbc");
    postgres_bed bed;
    const auto store = bed.open_migrated();
    const auto blocks = blocks_of_log(*path);
    append_half_sealed(*store, blocks);
    const auto loaded = load(bed, file);
    CHECK(loaded.version == 2); // the catalogue is 1
    CHECK(loaded.added);
    const auto compared = check_signals(bed, file, blocks);
    MESSAGE(std::string{log} << ": " << compared.all << " values equal, " << compared.of_several
                             << " of messages that came in several frames");
    CHECK(compared.all > 1'000);
    CHECK(compared.of_several == of_several);
  }
}

TEST_CASE("signal(): both byte orders, signs, floats and selectors of selectors, as the decoder") {
  std::size_t compared = 0;
  for (const auto* name :
       {"motohawk.dbc", "multiplex_2.dbc", "floating_point.dbc", "signed.dbc",
        "padding_bit_order.dbc", "issue_184_extended_mux_cascaded.dbc",
        "issue_184_extended_mux_multiple_values.dbc", "foobar.dbc", "vehicle.dbc", "fd_test.dbc"}) {
    const auto path = data_file(std::string{"dbc/cantools/"} + name);
    if (!path)
      continue;
    CAPTURE(std::string{name});
    postgres_bed bed;
    const auto store = bed.open_migrated();
    auto file = parsed(read_file(*path), name);
    if (file.messages.size() > 30)
      file.messages.resize(30);
    auto blocks = frames_of(file, 7);
    auto more = frames_of(file, 8);
    blocks.push_back(more.front());
    append_blocks(*store, "T1", 1, {blocks.front()});
    must(seal(*store));
    append_blocks(*store, "T1", 1, {blocks.back()});
    load(bed, file);
    compared += check_signals(bed, file, blocks).all;
  }
  MESSAGE(compared << " values equal");
}

TEST_CASE("signal(): of a message of several frames, what it is too short for has no row") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  // By group from one source, from all others, and by the whole identifier; a fast packet that is shorter than a frame.
  const auto file = parsed(
    "BO_ 2566834689 Own: 20 X\n SG_ Near : 8|16@1+ (0.5,-10) [0|0] \"m\" X\n SG_ Far : 136|16@1+ "
    "(1,0) [0|0] \"\" X\n"
    "BO_ 2566834942 Theirs: 20 X\n SG_ Selector M : 0|8@1+ (1,0) [0|0] \"\" X\n"
    " SG_ Ones m1 : 80|8@1- (1,0) [0|0] \"\" X\n SG_ Twos m2 : 87|16@0+ (1,0) [0|0] \"\" X\n"
    "BO_ 2566834690 Exact: 8 X\n SG_ Whole : 0|64@1+ (1,0) [0|0] \"\" X\n"
    "BO_ 2381841918 Position: 5 X\n SG_ Third : 16|8@1+ (1,0) [0|0] \"\" X\n"
    "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\",\"reserved\",\"J1939PG\";\n"
    "BA_ \"VFrameFormat\" BO_ 2566834689 3;\nBA_ \"VFrameFormat\" BO_ 2566834942 3;\n",
    "own.dbc");
  std::mt19937 random{5};
  std::vector<can::frame_block> blocks(2);
  auto time_us = base_us;
  const auto say = [&](std::uint32_t id, std::vector<std::uint8_t> bytes, std::uint8_t bus = 0) {
    while (bytes.size() < 8)
      bytes.push_back(static_cast<std::uint8_t>(random() % 4));
    time_us += 5'000;
    if (!blocks[time_us < base_us + 4'000'000 ? 0 : 1].push(
          time_us, can::pack({.id = id, .extended = true, .bus = bus, .length = 8}), bytes.data()))
      throw std::runtime_error{"a frame that no block takes"};
  };
  for (int round = 0; round < 120; ++round)
    for (std::uint8_t source = 1; source <= 3; ++source) {
      const auto bytes = static_cast<std::uint8_t>(9 + (round + source) % 14);
      say(0x18ECFF00U | source,
          {32, bytes, 0, static_cast<std::uint8_t>((bytes + 6) / 7), 0xFF, 0xCA, 0xFE, 0});
      for (int i = 1; i <= (bytes + 6) / 7; ++i)
        say(0x18EBFF00U | source, {static_cast<std::uint8_t>(i)}, round % 20 == 7 ? 1 : 0);
      say(0x18FECA00U | source, {});                                   // alone: shorter still
      say(0x0DF80503, {static_cast<std::uint8_t>(round % 8 << 5), 5}); // of one packet
    }
  append_half_sealed(*store, blocks);
  load(bed, file);
  const auto compared = check_signals(bed, file, blocks);
  MESSAGE(compared.all << " values equal, " << compared.of_several
                       << " of messages of several frames");
  CHECK(compared.of_several > 500);
  CHECK(bed.value("select count(*) from furrow.signal('T1', 'Near', '-infinity', 'infinity')")
        != bed.value("select count(*) from furrow.signal('T1', 'Far', '-infinity', 'infinity')"));
}

TEST_CASE("signal(): takes the closest and newest definition, or the version asked for") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  const std::uint8_t payload[8] = {10, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  for (int i = 0; i < 10; ++i)
    REQUIRE(block.push(base_us + std::int64_t{i} * 1'000'000, can::pack({.id = 0x321, .length = 8}),
                       payload));
  append_blocks(*store, "T1", 1, {block});
  append_blocks(*store, "T2", 2, {block});
  must(seal(*store, {.equipment = "T1", .due_after = {}}));
  const auto with = [&](const std::string& factor, const std::string& name) {
    return parsed("BO_ 801 Soil: 8 X\n SG_ Depth : 0|16@1+ (" + factor
                    + ",0) [0|0] \"cm\" X\n SG_ Load : 16|16@1+ (1,0) [0|0] \"N\" X\n",
                  name);
  };
  const auto depth = [&](const std::string& equipment, const std::string& version = "null") {
    return bed.value("select string_agg(distinct value::text, ',') from furrow.signal('" + equipment
                     + "', 'Depth', '-infinity', 'infinity', " + version + ")");
  };
  CHECK_THROWS_WITH_AS(depth("T1"), doctest::Contains("no signal Depth"), std::runtime_error);
  CHECK(load(bed, with("1", "a.dbc")).version == 2);
  CHECK(load(bed, with("2", "b.dbc")).version == 3);
  CHECK_FALSE(load(bed, with("2", "b.dbc")).added); // the same text for the same
  CHECK(load(bed, with("3", "c.dbc"), "T1").version == 4);
  CHECK(load(bed, with("4", "d.dbc"), "default").version == 5);
  CHECK(depth("T1") == "30"); // its own, though the farm's is newer
  CHECK(depth("T2") == "40");
  CHECK(depth("T1", "2") == "10");
  CHECK(depth("T2", "3") == "20");
  CHECK_THROWS_WITH_AS(depth("T2", "4"), doctest::Contains("in version 4"), std::runtime_error);
  store_options options;
  options.url = bed.url();
  const auto nobody = load_definitions(options, with("1", "e.dbc"), {"e.dbc", "e", "T9"});
  REQUIRE_FALSE(nobody);
  CHECK(nobody.code() == errc::not_found);
  CHECK(bed.value("select count(*) from furrow.definition_set") == "5");
}

TEST_CASE("signal_bucket(): counts, least, greatest, mean and last by the bucket") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<can::frame_block> blocks(2);
  for (int i = 0; i < 1'200; ++i) { // EEC1 at 10 Hz: 1,000 rpm and on; each hundredth has no value
    const auto raw = i % 100 == 99 ? 0xFFFF : 8'000 + i;
    const std::uint8_t payload[8] = {
      0xFF, 0xFF, 0xFF, static_cast<std::uint8_t>(raw), static_cast<std::uint8_t>(raw >> 8),
      0xFF, 0xFF, 0xFF};
    REQUIRE(blocks[i < 600 ? 0 : 1].push(
      base_us + std::int64_t{i} * 100'000,
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

/// Buckets of every signal that has rollups, as one text a bucket; the mean by itself, for rollups add
/// exactly and frames do not.
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

TEST_CASE("signal(), signal_bucket(): what cannot be answered is said in a sentence") {
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

TEST_CASE("signal_bucket(): rollups and frames answer alike, and rollups only where they may") {
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
    // Everything; buckets that are no minutes; ends within minutes.
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
    // Said by somebody else's definitions: frames answer.
    bed.tamper("create table kept as select * from furrow.rollup_definition");
    bed.tamper("insert into furrow.rollup_definition select signal, 'another' from kept");
    for (std::size_t i = 0; i < questions.size(); ++i)
      check_same_buckets(with[i], buckets_of_all(bed, questions[i]));
    bed.tamper("delete from furrow.rollup_definition where definition = 'another'");
    // What would be seen if rollups were read where they are read.
    bed.tamper("update furrow.rollup set count = count + 1000000");
    const auto seen = [&](const std::string& question) {
      std::size_t out = 0;
      for (const auto& row : buckets_of_all(bed, question).exact)
        out += row.find(" 100") != std::string::npos ? 1U : 0U;
      return out;
    };
    CHECK(seen(questions[0]) == with[0].exact.size());
    CHECK(seen(questions[3]) <= with[3].exact.size() / 2); // a value may have such digits
    // Frames that the digest has not come to: from the minute of the first of them on frames answer.
    bed.tamper("update furrow.digest set seq = 0");
    check_same_buckets(with[0], buckets_of_all(bed, questions[0]));
  }
}

TEST_CASE(
  "signal_bucket(): an hour's buckets come from the rollups of a message of several frames too") {
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
  // Ten seconds are no minutes: put together from frames.
  CHECK(bed.value("select sum(count) from furrow.signal_bucket('T1', '" + name
                  + "', '-infinity', 'infinity', '10 seconds')")
        == bed.value("select sum(count) from furrow.signal_bucket('T1', '" + name
                     + "', '-infinity', 'infinity', '1 hour')"));
}

TEST_CASE("yield_map(): tonnes a hectare of a machine, and of a field without its holes") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto sample = [](int second, const std::string& body) {
    return can::record{base_us + second * 1'000'000LL, can::record_kind_yield, body};
  };
  const auto at = [](const std::string& flow, const std::string& speed, const std::string& where) {
    return "{\"mass_flow_kgps\":" + flow + ",\"width_m\":9,\"speed_mps\":" + speed + where + "}";
  };
  record_batch batch{"default", "C1", "k", {}};
  batch.records = {
    sample(0, at("14.4", "2", ",\"latitude_deg\":52.5,\"longitude_deg\":11.5,\"moisture_pct\":13")),
    sample(1, at("14.4", "0", ",\"latitude_deg\":52.5,\"longitude_deg\":11.5")), // stands
    sample(2, at("0", "2", ",\"latitude_deg\":52.5,\"longitude_deg\":11.5")),    // nothing comes
    sample(3, at("14.4", "2", "")),                                              // no position
    sample(4, at("14.4", "2", ",\"latitude_deg\":52.1,\"longitude_deg\":11.1")), // in the hole
    sample(5,
           at("14.4", "2", ",\"latitude_deg\":52.9,\"longitude_deg\":11.95")), // beside, in the box
    sample(6, at("14.4", "2", ",\"latitude_deg\":53.9,\"longitude_deg\":11.5"))}; // beside
  const auto outcome = must(answer_of<record_batch_outcome>(
    [&](auto done) { store->insert_records(std::move(batch), done); }));
  for (const auto& refused : outcome.refused)
    CHECK(refused == "");
  bed.tamper(
    "insert into furrow.field (farm_id, name, boundary, area_m2, west_deg, south_deg, east_deg, "
    "north_deg) "
    "select id, 'F1', "
    "'{\"type\":\"Polygon\",\"coordinates\":[[[11,52],[12,52],[11.5,53],[11,53],[11,52]],"
    "[[11.05,52.05],[11.15,52.05],[11.15,52.15],[11.05,52.15],[11.05,52.05]]]}', 1, 11, 52, 12, 53 "
    "from furrow.farm where name = 'default'");
  const auto map = [&](const std::string& place) {
    return bed.value("select string_agg(extract(epoch from time)::bigint - 1700000000 || ':' || "
                     "coalesce(round(yield_tpha::numeric, 6)::text, 'none') || coalesce('/' || "
                     "moisture_pct, ''), ' ' "
                     "order by time) from furrow.yield_map('"
                     + place + "', '-infinity', 'infinity')");
  };
  CHECK(map("C1") == "0:8.000000/13 1:none 2:0.000000 4:8.000000 5:8.000000 6:8.000000");
  CHECK(map("F1") == "0:8.000000/13 1:none 2:0.000000");
  CHECK(map("field:default/F1") == map("F1"));
  CHECK(bed.value("select count(*) from furrow.yield_map('F1', to_timestamp(1700000001), "
                  "to_timestamp(1700000002))")
        == "2");
  CHECK_THROWS_WITH_AS(map("F2"), doctest::Contains("no field and no equipment F2"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(map("equipment:F1"), doctest::Contains("no field and no equipment"),
                       std::runtime_error);
}

TEST_CASE("position_track(), roles and the view of chunks are there for people") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  const std::uint8_t here[8] = {0x00, 0xE1, 0xF5, 0x05, 0x00, 0x1F, 0x0A, 0xFA}; // 10, -10
  const std::uint8_t nowhere[8] = {0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F};
  const auto header = can::pack({.id = 0x19F80110, .extended = true, .length = 8});
  REQUIRE(block.push(base_us, header, here));
  REQUIRE(block.push(base_us + 1, header, nowhere));
  append_blocks(*store, "T1", 1, {block});
  must(seal(*store));
  CHECK(
    bed.value("select latitude || ' ' || longitude from furrow.position_track('T1', '-infinity', "
              "'infinity')")
    == "10 -10");
  CHECK(bed.value("select equipment || ' ' || frames || ' ' || (bytes > 0) from furrow.sealing")
        == "T1 2 true");
  CHECK(bed.value("set role furrow_reader; select count(*) from furrow.frames('T1', '-infinity', "
                  "'infinity')")
        == "2");
  for (const auto* question :
       {"furrow.messages('T1', '-infinity', 'infinity')",
        "furrow.signal('T1', 'N2K_GNSS_POSITION.gnss_altitude', '-infinity', 'infinity') right "
        "join "
        "furrow.messages('T1', '-infinity', 'infinity', 129025) using (time)"})
    CHECK(bed.value("set role furrow_reader; select count(*) from " + std::string{question})
          == "2");
  CHECK(bed.value("set role furrow_reader; select stored from furrow.ledger") == "2");
  for (const auto* hidden : {"furrow.\"user\"", "furrow.token"}) {
    const auto look = "set role furrow_reader; select count(*) from " + std::string{hidden};
    CHECK_THROWS(bed.tamper(look));
    bed.tamper("select furrow.make_roles()"); // again, by hand
    CHECK_THROWS(bed.tamper(look));
  }
  CHECK_THROWS_WITH_AS(bed.tamper("set role furrow_reader; delete from furrow.can_segment"),
                       doctest::Contains("permission denied"), std::runtime_error);
  bed.tamper("set role furrow_writer; delete from furrow.can_segment");
  CHECK_THROWS_WITH_AS(bed.tamper("set role furrow_writer; create table furrow.mine (a int)"),
                       doctest::Contains("permission denied"), std::runtime_error);
  CHECK_THROWS_WITH_AS(bed.tamper("set role furrow_writer; alter table furrow.can_chunk add a int"),
                       doctest::Contains("must be owner"), std::runtime_error);
}
