// furrow.signal and related functions against the decoder: every value equal, in both tiers.
#include "can/dbc/catalogue.hpp"
#include "can/dbc/decode.hpp"
#include "can/frame/identifier.hpp"
#include "can/transport/transport.hpp"
#include "storage/postgres/definitions.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
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

constexpr std::int64_t signal_sql_base_us = 1'700'000'000'000'000;

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

/// Time and value; NULL has a text of its own.
using values = std::multiset<std::pair<std::int64_t, std::string>>;

std::string bits_of(double value) {
  return std::to_string(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value));
}

bool carries_pieces(std::uint32_t pgn) {
  return pgn == 60'416 || pgn == 60'160 || pgn == 51'200 || pgn == 50'944;
}

struct compared_values {
  std::size_t all = 0;
  std::size_t whole = 0;      // of integers of more than 53 bits, digit by digit
  std::size_t of_several = 0; // of messages that came in several frames
};

/// The digits of a value of a whole number, as furrow.signal_whole gives them.
std::string digits_of(const can::plan_signal& signal, const can::decoded_signal& value) {
  const auto whole = can::whole_value(signal, value);
  return whole ? (whole->negative ? "-" : "") + std::to_string(whole->magnitude) : "none";
}

/// The values of `furrow decode` for each signal of these frames, by its number in the plan.
std::map<std::uint32_t, values> decoded(const can::decode_plan& plan,
                                        const std::vector<can::frame_block>& blocks,
                                        compared_values& counts,
                                        std::map<std::uint32_t, values>& wholes) {
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
        const auto& signal = plan.signal_of(one);
        if (signal.length > 53 && !signal.is_float && signal.scale == std::floor(signal.scale)
            && signal.offset == std::floor(signal.offset))
          wholes[one.signal].emplace(block.time_us(i), digits_of(signal, one));
      }
    }
  return out;
}

values asked_whole(postgres_bed& bed, const std::string& equipment, const std::string& signal) {
  values out;
  const auto question = "select (extract(epoch from time) * 1000000)::bigint, value from "
                        "furrow.signal_whole('"
                        + equipment + "', '" + signal + "', '-infinity', 'infinity')";
  for (const auto& row : shared_cluster().exec(question, bed.name()))
    out.emplace(std::stoll(row[0]), row[1].empty() ? "none" : row[1]);
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
  std::map<std::uint32_t, values> wholes;
  const auto expected = decoded(*plan, blocks, compared, wholes);
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
  for (const auto& [number, wanted] : wholes) {
    const auto& signal = plan->signals()[number];
    const auto name = plan->messages()[signal.message].name + "." + signal.name;
    CAPTURE(name);
    CHECK((asked_whole(bed, "T1", name) == wanted));
    compared.whole += wanted.size();
  }
  return compared;
}

/// Random frames of every message of the file in its declared form; sometimes a shorter one.
std::vector<can::frame_block> frames_of(const can::dbc_file& file, unsigned seed) {
  std::mt19937_64 random{seed};
  std::vector<can::frame_block> blocks(1);
  std::int64_t time = signal_sql_base_us;
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

} // namespace

TEST_CASE("signal(): equals the decoder on real captures, sealed or fresh") {
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

TEST_CASE("signal(): equals the decoder on both byte orders, signs, floats and nested selectors") {
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

TEST_CASE("signal(): a message of several frames that is too short for a signal gives no row") {
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
  auto time_us = signal_sql_base_us;
  const auto say = [&](std::uint32_t id, std::vector<std::uint8_t> bytes, std::uint8_t bus = 0) {
    while (bytes.size() < 8)
      bytes.push_back(static_cast<std::uint8_t>(random() % 4));
    time_us += 5'000;
    if (!blocks[time_us < signal_sql_base_us + 4'000'000 ? 0 : 1].push(
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
      say(0x18FECA00U | source, {});                                   // alone: even shorter
      say(0x0DF80503, {static_cast<std::uint8_t>(round % 8 << 5), 5}); // a single packet
    }
  append_half_sealed(*store, blocks);
  load(bed, file);
  const auto compared = check_signals(bed, file, blocks);
  MESSAGE(compared.all << " values equal, " << compared.of_several
                       << " of messages of several frames");
  CHECK(compared.of_several > 500);
  CHECK(compared.whole > 100);
  CHECK(bed.value("select count(*) from furrow.signal_whole('T1', 'Near', '-infinity', "
                  "'infinity')")
        == "0"); // half metres
  CHECK(bed.value("select count(*) from furrow.signal('T1', 'Near', '-infinity', 'infinity')")
        != bed.value("select count(*) from furrow.signal('T1', 'Far', '-infinity', 'infinity')"));
}

TEST_CASE("signal(): uses the closest and newest definition, or the requested version") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  const std::uint8_t payload[8] = {10, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  for (int i = 0; i < 10; ++i)
    REQUIRE(block.push(signal_sql_base_us + std::int64_t{i} * 1'000'000,
                       can::pack({.id = 0x321, .length = 8}), payload));
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
  CHECK_FALSE(load(bed, with("2", "b.dbc")).added); // the same text for the same scope
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
