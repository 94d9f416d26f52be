// furrow.messages against the reassembler: every whole message equal, in blocks and segments alike.
#include "can/transport/fast_packet.hpp"
#include "can/transport/transport.hpp"
#include "tests/storage/postgres/chaos_bus.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"

#include <array>
#include <map>
#include <random>
#include <set>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t messages_sql_base_us = 1'700'000'000'000'000;
/// As in `furrow decode`, but the largest message is that of a node's live view.
constexpr can::transport_limits wide{1024, 64U << 20U};

/// Microseconds, and the rest as one text: a message may occur twice.
using messages = std::multiset<std::pair<std::int64_t, std::string>>;

messages put_together(const std::vector<can::frame_block>& blocks,
                      can::transport_counters& counts) {
  messages out;
  can::reassembler whole{wide};
  for (const auto& block : blocks)
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto message = whole.feed(block[i]);
      if (!message)
        continue;
      std::string text;
      for (const unsigned number :
           {unsigned{message->bus}, unsigned{message->source}, unsigned{message->destination},
            unsigned{message->priority}, unsigned{message->pgn}})
        text += std::to_string(number) + ' ';
      text += std::string{can::to_string(message->transport)} + ' ' + hex_of(message->data);
      out.emplace(message->time_us, text);
    }
  counts = whole.counts();
  return out;
}

messages asked(postgres_bed& bed, const std::string& arguments) {
  messages out;
  for (const auto& row : shared_cluster().exec(
         "select (extract(epoch from time) * 1000000)::bigint, concat_ws(' ', bus, source, "
         "destination, priority, pgn, transport, '') || upper(encode(payload, 'hex')) from "
         "furrow.messages('T1', "
           + arguments + ")",
         bed.name()))
    out.emplace(std::stoll(row[0]), row[1]);
  return out;
}

void check_same(const messages& got, const messages& wanted) {
  CHECK(got.size() == wanted.size());
  if (got == wanted)
    return;
  int shown = 0;
  for (const auto& one : wanted)
    if (got.count(one) != wanted.count(one) && ++shown <= 3)
      FAIL_CHECK("wanted " << wanted.count(one) << ", got " << got.count(one) << ": " << one.first
                           << ' ' << one.second);
  for (const auto& one : got)
    if (wanted.count(one) == 0 && ++shown <= 6)
      FAIL_CHECK("not wanted: " << one.first << ' ' << one.second);
}

} // namespace

TEST_CASE("messages(): equals the reassembler on real captures, fresh and sealed") {
  for (const auto* name :
       {"isobus/agisostack-1.candump.log", "j1939/css-FCBF0606-00000001.candump.log",
        "j1939/jd5055e/tractoronSitUp.candump.log", "n2k/css-94C49784-00000002.candump.log",
        "n2k/samples/candumpSample1.txt"}) {
    const auto path = data_file(name);
    if (!path)
      continue;
    CAPTURE(std::string{name});
    postgres_bed bed;
    const auto store = bed.open_migrated();
    const auto blocks = blocks_of_log(*path);
    append_blocks(*store, "T1", 1, blocks);
    can::transport_counters counts;
    const auto wanted = put_together(blocks, counts);
    check_same(asked(bed, "'-infinity', 'infinity'"), wanted);
    must(seal(*store));
    check_same(asked(bed, "'-infinity', 'infinity'"), wanted);
    std::string said;
    for (std::size_t kind = 0; kind < counts.messages.size(); ++kind)
      (said += ' ' + std::to_string(counts.messages[kind]) + ' ') +=
        can::to_string(static_cast<can::transport_kind>(kind));
    MESSAGE(std::string{name} << ":" << said);
  }
}

namespace {

std::string at(std::int64_t time_us) {
  return "timestamptz 'epoch' + " + std::to_string(time_us) + " * interval '1 us'";
}

/// Those of one group between two times, both included.
messages some_of(const messages& all, std::int64_t from_us, std::int64_t to_us, std::uint32_t pgn) {
  messages out;
  const auto mark = ' ' + std::to_string(pgn) + ' ';
  for (const auto& one : all)
    if (one.first >= from_us && one.first <= to_us
        && (pgn == 0 || one.second.find(mark) != std::string::npos))
      out.insert(one);
  return out;
}

} // namespace

TEST_CASE("messages(): equals the reassembler on lost, doubled, late and cut packets, aborts and "
          "mixed senders") {
  std::map<std::string, std::uint64_t> seen;
  for (unsigned seed = 1; seed <= 2; ++seed) {
    CAPTURE(seed);
    postgres_bed bed;
    const auto store = bed.open_migrated();
    const auto blocks = chaos_bus{seed}.blocks(messages_sql_base_us, 12'000);
    can::transport_counters counts;
    const auto wanted = put_together(blocks, counts);
    for (std::size_t kind = 0; kind < counts.messages.size(); ++kind)
      seen[can::to_string(static_cast<can::transport_kind>(kind))] += counts.messages[kind];
    seen["timed out"] += counts.timed_out;
    seen["aborted"] += counts.aborted;
    seen["superseded"] += counts.superseded;
    seen["out of sequence"] += counts.out_of_sequence;
    seen["missed"] += counts.missed;
    seen["stray"] += counts.stray;
    seen["repeated"] += counts.repeated;
    seen["malformed"] += counts.malformed;
    CHECK(counts.evicted + counts.refused == 0); // SQL has no such limits
    const auto half = static_cast<std::ptrdiff_t>(blocks.size() / 2);
    append_blocks(*store, "T1", 1, {blocks.begin(), blocks.begin() + half});
    must(seal(*store));
    append_blocks(*store, "T1", 1, {blocks.begin() + half, blocks.end()});
    check_same(asked(bed, "'-infinity', 'infinity'"), wanted);
    const auto last_us = blocks.back().time_range_us().second;
    const auto span = (last_us - messages_sql_base_us) / 8;
    for (const std::uint32_t pgn :
         {0U, 65'226U, 65'251U, 61'184U, 129'029U, 130'822U, 126'720U, 126'208U})
      for (int part = 1; part < 8; part += 3) {
        CAPTURE(pgn);
        CAPTURE(part);
        const auto from_us = messages_sql_base_us + part * span + 123;
        check_same(asked(bed, at(from_us) + ", " + at(from_us + span)
                                + (pgn == 0 ? "" : ", " + std::to_string(pgn))),
                   some_of(wanted, from_us, from_us + span, pgn));
      }
  }
  for (const auto& one : seen) {
    CAPTURE(one.first);
    CHECK(one.second > 1);
  }
}

TEST_CASE("messages(): gives a whole message that began long before the requested time") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  auto time_us = messages_sql_base_us;
  const auto say = [&](std::uint32_t id, std::vector<std::uint8_t> bytes) {
    bytes.resize(8, 0x55);
    if (!block.push(time_us, can::pack({.id = id, .extended = true, .length = 8}), bytes.data()))
      throw std::runtime_error{"a frame that no block takes"};
  };
  // A broadcast of 255 packets, 0.7 s apart; a connection of ETP, 300 packets 1.2 s apart.
  say(0x18ECFF10, {32, 0xF9, 0x06, 255, 0xFF, 0xE3, 0xFE, 0x00});  // 1,785 bytes of 65251
  say(0x18C81110, {20, 0x34, 0x08, 0x00, 0x00, 0x00, 0xEF, 0x00}); // 2,100 bytes of 61184
  for (int i = 0; i < 255; ++i) {
    time_us = messages_sql_base_us + std::int64_t{i} * 700'000;
    say(0x18EBFF10, {static_cast<std::uint8_t>(i + 1)});
  }
  const auto broadcast_us = time_us;
  can::frame_block second;
  std::swap(block, second);
  time_us = messages_sql_base_us;
  say(0x18C81110, {20, 0x34, 0x08, 0x00, 0x00, 0x00, 0xEF, 0x00});
  for (int i = 0; i < 300; ++i) {
    time_us += 1'200'000;
    if (i % 200 == 0)
      say(0x18C81110, {22, 200, static_cast<std::uint8_t>(i), 0, 0, 0x00, 0xEF, 0x00});
    say(0x18C71110, {static_cast<std::uint8_t>(i % 200 + 1)});
  }
  append_blocks(*store, "T1", 1, {second});
  append_blocks(*store, "T1", 2, {block}); // another spool of the machine, at the same time
  for (const bool sealed : {false, true}) {
    CAPTURE(sealed);
    const auto counted = [&](std::int64_t from_us) {
      return bed.value("select coalesce(string_agg(pgn || ' ' || transport || ' ' || "
                       "length(payload), ', ' order by time), "
                       "'') from furrow.messages('T1', "
                       + at(from_us) + ", 'infinity')");
    };
    CHECK(counted(messages_sql_base_us) == "65251 bam 1785, 61184 etp 2100");
    CHECK(counted(broadcast_us) == "65251 bam 1785, 61184 etp 2100");
    CHECK(counted(broadcast_us + 1) == "61184 etp 2100");
    CHECK(counted(time_us) == "61184 etp 2100");
    CHECK(counted(time_us + 1) == "");
    must(seal(*store));
  }
}

TEST_CASE("messages(): keeps a fast packet without its first frame apart from a later one of the "
          "same counter") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  auto time_us = messages_sql_base_us;
  // A message of 20 bytes: frames `first` to 2, each byte made of `mark`.
  const auto say = [&](std::uint8_t source, std::uint8_t mark, unsigned first) {
    for (auto i = first; i < 3; ++i) {
      std::array<std::uint8_t, 8> bytes{};
      bytes.fill(mark);
      bytes[0] = static_cast<std::uint8_t>(i);
      if (i == 0)
        bytes[1] = 20;
      if (!block.push(time_us += 1'000,
                      can::pack({.id = 0x0DF80500U | source, .extended = true, .length = 8}),
                      bytes.data()))
        throw std::runtime_error{"a frame that no block takes"};
    }
  };
  std::uint8_t source = 0;
  for (const std::int64_t pause_us : {1'000, 240'000, 260'000, 700'000, 800'000})
    for (const unsigned lost : {1U, 2U}) {
      ++source;
      say(source, 0x11, lost);
      time_us += pause_us;
      say(source, 0x22, 0);
      time_us += 10'000;
      say(source, 0x33, 0);
    }
  append_blocks(*store, "T1", 1, {block});
  can::transport_counters counts;
  const auto wanted = put_together({block}, counts);
  CHECK(counts.stray > 0);
  CHECK(wanted.size() == 20);
  check_same(asked(bed, "'-infinity', 'infinity'"), wanted);
}

TEST_CASE("messages(): never mixes halves of different messages, and uses earlier frames") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  auto time_us = messages_sql_base_us;
  using bytes_said = std::vector<std::uint8_t>;
  const auto say = [&](std::uint32_t id, std::vector<std::uint8_t> bytes, std::int64_t after_us) {
    bytes.resize(8, 0x55);
    time_us += after_us;
    if (!block.push(time_us, can::pack({.id = id, .extended = true, .length = 8}), bytes.data()))
      throw std::runtime_error{"a frame that no block takes"};
  };
  // Short messages whose frames come mostly in order; many have equal bytes, and the counter never moves. Each of the
  // four kinds continues from its last frame.
  std::mt19937 random{16};
  std::array<std::uint8_t, 4> next{};
  for (int i = 0; i < 8'000; ++i) {
    const auto kind = random() % 4;
    const auto after_us =
      static_cast<std::int64_t>(random() % 40 == 0 ? random() % 900'000 : random() % 5'000);
    const auto mark = static_cast<std::uint8_t>(random() % 8 == 0);
    // 0: announcement or first frame; ETP then sends an offset.
    const auto steps = static_cast<std::uint8_t>(kind == 3 ? 5 : kind == 0 ? 3 : 4);
    const auto step =
      static_cast<std::uint8_t>(random() % 8 == 0 ? random() % (steps + 1) : next[kind]);
    next[kind] = static_cast<std::uint8_t>((step + 1) % steps);
    switch (kind) {
    case 0: // a fast packet of 20 bytes
      say(0x0DF80521, step == 0 ? bytes_said{0, 20, mark} : bytes_said{step, mark}, after_us);
      break;
    case 1: // a broadcast of 16 bytes
      if (step == 0)
        say(0x18ECFF22, {32, 16, 0, 3, 0xFF, 0xE3, 0xFE, 0}, after_us);
      else
        say(0x18EBFF22, {step, mark}, after_us);
      break;
    case 2: // a connection whose receiver sometimes asks
      if (step == 0)
        say(0x18EC2322, {16, 16, 0, 3, 0xFF, 0, 0xEF, 0}, after_us);
      else if (random() % 5 == 0)
        say(0x18EC2223,
            {17, static_cast<std::uint8_t>(random() % 3), static_cast<std::uint8_t>(random() % 4),
             0xFF, 0xFF, 0, 0xEF, 0},
            after_us);
      else
        say(0x18EB2322, {step, mark}, after_us);
      break;
    default: // ETP of 20 bytes
      if (step == 0)
        say(0x18C82322, {20, 20, 0, 0, 0, 0, 0xEF, 0}, after_us);
      else if (step == 1)
        say(0x18C82322, {22, 3, static_cast<std::uint8_t>(random() % 8 == 0), 0, 0, 0, 0xEF, 0},
            after_us);
      else
        say(0x18C72322, {static_cast<std::uint8_t>(step - 1), mark}, after_us);
    }
  }
  append_blocks(*store, "T1", 1, {block});
  can::transport_counters counts;
  const auto wanted = put_together({block}, counts);
  for (std::size_t kind = 1; kind < counts.messages.size(); ++kind)
    CHECK(counts.messages[kind] > 20);
  CHECK(counts.out_of_sequence > 100);
  check_same(asked(bed, "'-infinity', 'infinity'"), wanted);
}

TEST_CASE(
  "messages(): a range that begins inside a fast packet does not mix it with the next ones") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<can::frame_block> blocks(1);
  // A message of 20 bytes every tenth of a second, always with the same counter: 30 ms between frames.
  for (int message = 0; message < 320; ++message)
    for (std::uint8_t i = 0; i < 3; ++i) {
      std::array<std::uint8_t, 8> bytes{};
      bytes.fill(static_cast<std::uint8_t>(message));
      bytes[0] = i;
      if (i == 0)
        bytes[1] = 20;
      if (!blocks[0].push(
            messages_sql_base_us + std::int64_t{message} * 100'000 + std::int64_t{i} * 30'000,
            can::pack({.id = 0x0DF80507, .extended = true, .length = 8}), bytes.data()))
        throw std::runtime_error{"a frame that no block takes"};
    }
  append_blocks(*store, "T1", 1, blocks);
  can::transport_counters counts;
  const auto wanted = put_together(blocks, counts);
  CHECK(wanted.size() == 320);
  for (const std::int64_t after_us :
       {0, 15'000, 45'000, 60'000, 61'000}) { // 25 s earlier is between frames
    CAPTURE(after_us);
    const auto from_us = messages_sql_base_us + 26'000'000 + after_us;
    const auto some = some_of(wanted, from_us, from_us + 4'000'000, 0);
    CHECK(some.size() >= 40);
    check_same(asked(bed, at(from_us) + ", " + at(from_us + 4'000'000)), some);
  }
}

TEST_CASE("messages(): returns short messages of a maker's own group as the reassembler does") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<can::frame_block> blocks(1);
  auto time_us = messages_sql_base_us;
  for (const auto* text : {"19EFFF60#89987E0A01005001", // no NAME yet
                           "18EEFF60#67122011008C78C0", // maker 137, marine
                           "19EFFF60#89987E0A01005001", // whole: packet 9 of nothing
                           "19EFFF60#8A987E0A01005001", // another maker
                           "19EFFF60#89787E0A01005001", // another industry group
                           "19EFFF60#8014899801020304", // packet 0 of 20 bytes
                           "19EFFF60#81AABBCCDDEEFF00", //
                           "19EFFF60#89987E0A01005005", // beyond that fast packet: whole
                           "19EFFF60#8200112233445566",
                           "18EEFF61#6712002C008C78C0", // maker 352: its code looks like packet 0
                           "19EFFF61#60997E0A01005001", // whole
                           "19EFFF61#609901", "19EFFF61#6099609901020304", // packet 0 of 153 bytes
                           "19EFFF61#60997E0A01005002", "19EFFF61#61AABBCCDDEEFF00"}) {
    const quoted_frame frame{text, time_us += 1'000};
    REQUIRE(blocks[0].push(frame.time_us, frame.header, frame.data.data()));
  }
  append_blocks(*store, "T1", 1, blocks);
  can::transport_counters counts;
  const auto wanted = put_together(blocks, counts);
  CHECK(wanted.size() == 8); // two claims, five short messages, one fast packet
  check_same(asked(bed, "'-infinity', 'infinity'"), wanted);
  check_same(asked(bed, "'-infinity', 'infinity', 126720"), some_of(wanted, 0, time_us, 126'720));
  must(seal(*store));
  check_same(asked(bed, "'-infinity', 'infinity'"), wanted);
}

TEST_CASE("messages(): treats the same groups as fast packets as the reassembler") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto rows = shared_cluster().exec(
    "select p, furrow.packet_type(p) from generate_series(0, 262143) p", bed.name());
  REQUIRE(rows.size() == 262'144);
  std::size_t other = 0;
  for (std::uint32_t pgn = 0; pgn < rows.size(); ++pgn) {
    const auto type = can::packet_type_of(pgn);
    const auto* said = type == can::packet_type::fast     ? "fast"
                       : type == can::packet_type::single ? "single"
                                                          : "proprietary";
    other += rows[pgn][1] == said ? 0U : 1U;
  }
  CHECK(other == 0);
}
