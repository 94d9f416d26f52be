#include "can/dbc/catalogue.hpp"
#include "can/frame/identifier.hpp"
#include "can/live/stream_digest.hpp"
#include "can/text/civil_time.hpp"
#include "tests/support/data.hpp"
#include "tests/support/digest_tables.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace furrow;
using namespace furrow::tests;

namespace {

std::shared_ptr<const can::decode_plan> catalogue_plan() {
  static const auto plan = [] {
    const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
    const can::dbc_file* files[] = {&*file};
    return std::make_shared<const can::decode_plan>(*can::decode_plan::compile(files));
  }();
  return plan;
}

std::uint32_t signal_named(const std::string& message, const std::string& name) {
  const auto& plan = *catalogue_plan();
  for (std::uint32_t i = 0; i < plan.signals().size(); ++i)
    if (plan.signals()[i].name == name
        && plan.messages()[plan.signals()[i].message].name == message)
      return i;
  throw std::runtime_error{"no signal " + name};
}

using stream = std::vector<quoted_frame>;

/// A stream of a busy machine, from a seed: engine, speed, position, overlapping fast packets of two GNSS receivers,
/// broadcasts, values that are not available, doubled and lost frames, silence. The clock jitters at the ends of
/// seconds and steps by hours.
class traffic {
public:
  explicit traffic(std::uint64_t seed) : random_{seed} {}

  stream make(std::size_t frames) {
    while (out_.size() < frames)
      step();
    return std::move(out_);
  }

private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  void put(std::uint32_t id, std::vector<std::uint8_t> data) {
    now_us_ += static_cast<std::int64_t>(below(9'000));
    if (below(40) == 0)
      return; // lost
    auto frame = quoted_frame{"00000000#", now_us_ - static_cast<std::int64_t>(below(3'000))};
    frame.header =
      can::pack({.id = id, .extended = true, .length = static_cast<std::uint16_t>(data.size())});
    frame.data = std::move(data);
    out_.push_back(frame);
    if (below(60) == 0)
      out_.push_back(frame);
  }
  std::vector<std::uint8_t> noise() {
    std::vector<std::uint8_t> data(8);
    for (auto& byte : data)
      byte = below(6) == 0 ? 0xFF : static_cast<std::uint8_t>(below(0xFB));
    return data;
  }
  /// A position on a field, within the range of positions on Earth.
  std::vector<std::uint8_t> position_message() {
    std::vector<std::uint8_t> body(48);
    for (auto& byte : body)
      byte = static_cast<std::uint8_t>(below(0xFB));
    const auto put_number = [&](std::size_t at, std::int64_t number) {
      for (std::size_t i = 0; i < 8; ++i)
        body[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
    };
    put_number(7, static_cast<std::int64_t>(below(900'000'000'000'000'000)));
    put_number(15, -static_cast<std::int64_t>(below(1'800'000'000'000'000'000)));
    put_number(23, static_cast<std::int64_t>(below(3'000'000'000)));
    return body;
  }
  /// The next packet of this receiver's current fast packet.
  void gnss(std::uint8_t source) {
    auto& [counter, packet, body] = under_way_[source];
    if (packet == 0)
      body = position_message();
    std::vector<std::uint8_t> data{static_cast<std::uint8_t>(counter << 5U | packet)};
    if (packet == 0)
      data.push_back(47);
    const auto first = packet == 0 ? 0U : 6U + 7U * (packet - 1U);
    for (auto i = first; data.size() < 8; ++i)
      data.push_back(i < body.size() ? body[i] : 0xFF);
    put(0x0DF80500U | source, data);
    if (++packet == 7) {
      packet = 0;
      counter = (counter + 1) & 7U;
    }
  }
  /// Engine hours in a broadcast of two packets, with other frames between them.
  void broadcast() {
    put(0x18ECFF00, {32, 9, 0, 2, 0xFF, 0xE5, 0xFE, 0});
    step();
    auto data = noise();
    data[0] = 1;
    put(0x18EBFF00, data);
    step();
    data[0] = 2;
    put(0x18EBFF00, data);
  }
  /// One or three active faults, or none; three need a broadcast. Sometimes the sender claims its address.
  void faults() {
    const auto source = static_cast<std::uint32_t>(below(2));
    switch (below(8)) {
    case 0:
      return put(0x18EEFF00U | source,
                 {static_cast<std::uint8_t>(below(3)), 0, 0, 0, 0, 0, 0, 0xA0});
    case 1:
    case 2:
      return put(0x18FECA00U | source, {0, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF});
    case 3:
    case 4:
      return put(0x18FECA00U | source,
                 {4, 0xFF, 110, 0, 0, static_cast<std::uint8_t>(below(128)), 0xFF, 0xFF});
    default:
      put(0x18ECFF00U | source, {32, 14, 0, 2, 0xFF, 0xCA, 0xFE, 0});
      step();
      put(0x18EBFF00U | source, {1, 4, 0xFF, 110, 0, 0, 1, 100});
      step();
      put(0x18EBFF00U | source, {2, 0, 3, 1, static_cast<std::uint8_t>(190 + below(2)), 0, 4, 2});
    }
  }
  void step() {
    switch (below(15)) {
    case 14:
      return faults();
    case 0:
    case 1:
    case 2:
      return put(0x0CF00400, noise());
    case 3:
      return put(0x18FEF100, noise());
    case 4:
      return put(0x18FE4800, noise());
    case 5:
      return put(0x09F80100, noise());
    case 6:
    case 7:
    case 8:
      return gnss(7);
    case 9:
    case 10:
      return gnss(8);
    case 11:
      if (below(4) == 0)
        broadcast();
      return;
    case 12:
      if (below(80) == 0)
        now_us_ += static_cast<std::int64_t>(below(30'000'000)); // silence
      else if (below(200) == 0)
        now_us_ += static_cast<std::int64_t>(below(7'200'000'000)) - 3'600'000'000;
      return;
    default:
      return put(0x18FF0000U | static_cast<std::uint32_t>(below(4)), noise()); // unknown
    }
  }

  std::mt19937_64 random_;
  std::int64_t now_us_ = 1'700'000'000'000'000;
  struct message {
    std::uint8_t counter = 0;
    std::uint8_t packet = 0;
    std::vector<std::uint8_t> body;
  };
  std::map<std::uint8_t, message> under_way_;
  stream out_;
};

can::frame_block block_of(const stream& frames, std::size_t first, std::size_t count) {
  can::frame_block block;
  for (std::size_t i = first; i < first + count; ++i)
    REQUIRE(block.push(frames[i].time_us, frames[i].header, frames[i].data.data()));
  return block;
}

digest_tables digested_at_once(const stream& frames) {
  can::stream_digest digest{catalogue_plan(), {}};
  for (std::size_t at = 0; at < frames.size(); at += 50) // times of a block lie within 36 minutes
    for (std::size_t i = at; i < std::min(at + 50, frames.size()); ++i)
      digest.take_frames(i + 1, block_of(frames, i, 1), i + 1);
  digest_tables tables;
  tables.add(digest.take());
  return tables;
}

/// The same in runs of random lengths, with a restart after some runs, and sometimes a run whose commit was
/// lost.
digest_tables digested_in_parts(const stream& frames, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  digest_tables tables;
  auto digest = std::make_unique<can::stream_digest>(catalogue_plan(), can::telemetry_settings{});
  std::vector<std::uint8_t> saved;
  std::size_t done = 0;
  const auto restart = [&] {
    digest = std::make_unique<can::stream_digest>(catalogue_plan(), can::telemetry_settings{});
    if (!saved.empty())
      REQUIRE(digest->resume(done, saved));
  };
  while (done < frames.size()) {
    const auto count =
      std::min<std::size_t>(1 + random() % (random() % 4 == 0 ? 700 : 25), frames.size() - done);
    for (std::size_t i = done; i < done + count; ++i) {
      const auto back = std::min<std::size_t>(i, random() % 2); // a block may begin before
      const bool near = frames[i].time_us - frames[i - back].time_us < 1'000'000'000
                        && frames[i - back].time_us - frames[i].time_us < 1'000'000'000;
      const auto from = near ? back : 0;
      digest->take_frames(i + 1 - from, block_of(frames, i - from, 1 + from), i + 1);
    }
    const auto rows = digest->take();
    if (random() % 8 == 0) { // killed before the commit
      restart();
      continue;
    }
    tables.add(rows);
    saved = digest->save();
    done += count;
    if (random() % 3 == 0)
      restart();
  }
  return tables;
}

std::uint64_t count_of(const digest_tables& tables, std::uint32_t signal) {
  std::uint64_t count = 0;
  for (const auto& [key, row] : tables.rollups)
    count += key.first == signal ? row.count : 0;
  return count;
}

digest_tables tables_of(const stream& frames) {
  can::stream_digest digest{catalogue_plan(), {}};
  digest.take_frames(1, block_of(frames, 0, frames.size()), frames.size());
  digest_tables tables;
  tables.add(digest.take());
  return tables;
}

double column(const can::telemetry_row& row, std::string_view name) {
  for (std::size_t i = 0; i < row.values.size(); ++i)
    if (can::telemetry_columns[i].name == name)
      return row.values[i].value_or(-1);
  throw std::runtime_error{"no column " + std::string{name}};
}

using can::second_us;
constexpr std::int64_t digest_noon_us = 1'700'000'040 * second_us; // the beginning of a minute

} // namespace

TEST_CASE("digest: runs divided anywhere, with restarts anywhere, give identical rows") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const auto frames = traffic{seed}.make(4'000);
    const auto expected = digested_at_once(frames);
    REQUIRE(expected.telemetry.size() > 10);
    // The traffic has messages that cross the ends of runs.
    REQUIRE(count_of(expected, signal_named("N2K_GNSS_POSITION", "gnss_latitude")) > 20);
    REQUIRE(count_of(expected, signal_named("HOURS", "engine_hours")) > 5);
    REQUIRE(expected.faults.size() > 20);
    for (std::uint64_t parts = 0; parts < 6; ++parts) {
      CAPTURE(seed);
      CAPTURE(parts);
      CHECK(digested_in_parts(frames, seed * 100 + parts) == expected);
    }
  }
}

TEST_CASE("digest: raw values for not available, error and specific do not count") {
  const auto speed = signal_named("EEC1", "engine_speed");
  const auto tables = tables_of({
    quoted_frame{"0CF00400#FFFFFF6813FFFFFF", digest_noon_us},                  // 621 rpm
    quoted_frame{"0CF00400#FFFFFFFFFFFFFFFF", digest_noon_us + second_us},      // not available
    quoted_frame{"0CF00400#FFFFFF00FEFFFFFF", digest_noon_us + 2 * second_us},  // error
    quoted_frame{"0CF00400#FFFFFF01FBFFFFFF", digest_noon_us + 3 * second_us},  // specific
    quoted_frame{"0CF00400#FFFFFF803EFFFFFF", digest_noon_us + 59 * second_us}, // 2000 rpm
    quoted_frame{"0CF00400#FFFFFF0000FFFFFF",
                 digest_noon_us + 60 * second_us}, // 0 rpm, a value, next minute
  });
  REQUIRE(tables.rollups.contains({speed, digest_noon_us}));
  const auto& first = tables.rollups.at({speed, digest_noon_us});
  CHECK(first
        == can::rollup_row{speed, digest_noon_us, 2, 621, 2000, 2621, 2000,
                           digest_noon_us + 59 * second_us});
  CHECK(tables.rollups.at({speed, digest_noon_us + 60 * second_us}).count == 1);
  CHECK(tables.rollups.at({speed, digest_noon_us + 60 * second_us}).max == 0);
}

// Seen: the mean of PD.process_value over all DDIs and elements was 3.8e7 of nothing.
TEST_CASE("digest: process data is summed up by element and DDI, in the unit of the DDI") {
  const auto tables = tables_of({
    quoted_frame{"0CCBFF80#3300010010270000",
                 digest_noon_us}, // element 3, DDI 1: 10,000 of 0.01 mm³/m²
    quoted_frame{"0CCBFF80#3A000100204E0000",
                 digest_noon_us + second_us}, // set and acknowledge: 20,000
    quoted_frame{"0CCBFF80#4300010030750000", digest_noon_us + 2 * second_us}, // element 4
    quoted_frame{"0CCBFF80#3300340018FCFFFF",
                 digest_noon_us + 3 * second_us}, // element 3, DDI 52: -1000 mm
    quoted_frame{"0CCBFF80#3300F0FF07000000", digest_noon_us + 4 * second_us}, // a maker's own DDI
    quoted_frame{"0CCBFF80#3200010010270000",
                 digest_noon_us + 5 * second_us}, // a request carries no value
    quoted_frame{"0CCBFF80#3D00010010270000",
                 digest_noon_us + 6 * second_us}, // an acknowledgement neither
    quoted_frame{"0CCBFF80#FEFFFFFF00000000",
                 digest_noon_us + 7 * second_us}, // status of the task controller
  });
  using can::number_of;
  const auto rate = number_of(can::process_key{3, 1});
  const auto depth = number_of(can::process_key{3, 52});
  const auto own = number_of(can::process_key{3, 0xFFF0});
  REQUIRE(tables.rollups.size() == 4);
  CHECK(
    tables.rollups.at({rate, digest_noon_us})
    == can::rollup_row{rate, digest_noon_us, 2, 100, 200, 300, 200, digest_noon_us + second_us});
  CHECK(tables.rollups.at({number_of(can::process_key{4, 1}), digest_noon_us}).last == 300);
  CHECK(tables.rollups.at({depth, digest_noon_us}).sum == -1000);
  CHECK(tables.rollups.at({own, digest_noon_us}).last == 7);
}

TEST_CASE("digest: a machine with more values of process data than the limit keeps the first, and "
          "the rest is counted") {
  can::rollup_sums sums{*catalogue_plan()};
  can::process_data data;
  data.value = 1;
  for (std::uint32_t i = 0; i < can::rollup_sums::process_signals_max + 10; ++i) {
    data.element = static_cast<std::uint16_t>(i % 4'096);
    data.ddi = static_cast<std::uint16_t>(i / 4'096);
    sums.add(data, digest_noon_us);
  }
  CHECK(sums.process_values_left_out() == 10);
  CHECK(sums.take().size() == can::rollup_sums::process_signals_max);
  sums.add(data, digest_noon_us); // after `take` there is room again
  CHECK(sums.take().size() == 1);
}

TEST_CASE("digest: a second without values has no row, and values that are too old are absent") {
  const auto tables = tables_of({
    quoted_frame{"0CF00400#FFFFFF6813FFFFFF", digest_noon_us + 100},
    quoted_frame{"18FEF100#FF0014FFFFFFFFFF", digest_noon_us + 200'000}, // 20 km/h
    quoted_frame{"0CF00400#FFFFFF803EFFFFFF", digest_noon_us + 900'000}, // the second's last
    quoted_frame{"18FF0000#0102030405060708",
                 digest_noon_us + 5 * second_us}, // without a kept value
    quoted_frame{"0CF00400#FFFFFF6813FFFFFF",
                 digest_noon_us + 10 * second_us + 500'000}, // speed is too old
  });
  REQUIRE(tables.telemetry.size() == 2);
  const auto& first = tables.telemetry.at(digest_noon_us);
  CHECK(column(first, "engine_speed") == 2000);
  CHECK(column(first, "speed") == doctest::Approx(20));
  CHECK(column(first, "fuel_level") == -1);
  CHECK(first.seq == 3);
  CHECK(first.heard_us == digest_noon_us + 900'000);
  CHECK(first.mode == can::operating_mode::moving);
  const auto& second = tables.telemetry.at(digest_noon_us + 10 * second_us);
  CHECK(column(second, "engine_speed") == 621);
  CHECK(column(second, "speed") == -1);
  CHECK(tables.latest == second);
}

TEST_CASE("digest: damaged state and state of another version are rejected") {
  can::stream_digest digest{catalogue_plan(), {}};
  const stream frames{quoted_frame{"0CF00400#FFFFFF6813FFFFFF", digest_noon_us},
                      quoted_frame{"18ECFF00#20090002FFE5FE00", digest_noon_us + 10}};
  digest.take_frames(1, block_of(frames, 0, 2), 2);
  const auto saved = digest.save();
  can::stream_digest next{catalogue_plan(), {}};
  CHECK(next.resume(2, saved));
  CHECK(next.save() == saved);
  for (std::size_t i = 0; i < saved.size(); ++i) {
    auto damaged = saved;
    damaged[i] ^= 0x10;
    CHECK_FALSE(next.resume(2, damaged));
    CHECK_FALSE(next.resume(2, std::span{saved}.first(i)));
  }
}

TEST_CASE("digest: the rollups of a tractor's log equal the sums of its single frames") {
  for (const auto* name :
       {"j1939/jd5055e/tractoronSitUp.candump.log", "n2k/css-94C49784-00000002.candump.log"}) {
    const auto path = data_file(name);
    if (!path)
      continue;
    const auto& plan = *catalogue_plan();
    const auto log = read_file(*path);
    can::stream_digest digest{catalogue_plan(), {}};
    can::reassembler whole;
    std::vector<can::decoded_signal> values(plan.signals_max());
    struct plain {
      std::uint64_t count = 0;
      double sum = 0;
      double min = 1e300;
      double max = -1e300;
    };
    std::map<std::pair<std::uint32_t, std::int64_t>, plain> expected;
    std::uint64_t seq = 0;
    for_each_frame(log, [&](const can::frame_view& frame) {
      can::frame_block block;
      REQUIRE(block.push(frame.time_us, frame.header, frame.data));
      ++seq;
      digest.take_frames(seq, block, seq);
      const auto message = whole.feed(frame);
      if (!message)
        return;
      const auto* of = plan.find_pgn(message->pgn, message->source);
      const auto count = of == nullptr ? 0 : plan.decode(*of, message->data, values);
      for (std::size_t i = 0; i < count; ++i) {
        if (values[i].state != can::signal_state::value)
          continue;
        auto& into = expected[{values[i].signal, frame.time_us - frame.time_us % 60'000'000}];
        ++into.count;
        into.sum += values[i].physical;
        into.min = std::min(into.min, values[i].physical);
        into.max = std::max(into.max, values[i].physical);
      }
    });
    const auto rows = digest.take();
    REQUIRE(rows.rollups.size() == expected.size());
    REQUIRE(rows.rollups.size() > 20);
    for (const auto& row : rows.rollups) {
      const auto& one = expected.at({row.signal, row.minute_us});
      CHECK(row.count == one.count);
      CHECK(row.min == one.min);
      CHECK(row.max == one.max);
      const auto step = std::max(plan.signals()[row.signal].scale / 512, 1e-6);
      CHECK(std::abs(row.sum - one.sum) <= static_cast<double>(one.count) * step);
    }
  }
}

TEST_CASE("digest: the state of the version before is understood, and begins without faults") {
  const stream frames{quoted_frame{"0CF00400#FFFFFF6813FFFFFF", digest_noon_us},
                      quoted_frame{"18ECFF00#200E0002FFCAFE00", digest_noon_us + 1'000},
                      quoted_frame{"18EBFF00#0104FF6E00000164", digest_noon_us + 2'000}};
  can::stream_digest before{catalogue_plan(), {}};
  before.take_frames(1, block_of(frames, 0, frames.size()), frames.size());
  static_cast<void>(before.take());
  const auto saved = before.save();
  // The version before wrote the same bytes, without the two counts at the end.
  can::state_reader reader{saved};
  static_cast<void>(reader.number<std::uint8_t>());
  static_cast<void>(reader.number<std::uint64_t>());
  const auto inner = reader.bytes();
  const auto old = inner.first(inner.size() - 4);
  std::uint64_t sum = 0xCBF29CE484222325U;
  for (const auto byte : old)
    sum = (sum ^ byte) * 0x100000001B3U;
  can::state_writer out;
  out.number(std::uint8_t{1});
  out.number(sum);
  out.bytes(old);
  can::stream_digest after{catalogue_plan(), {}};
  REQUIRE(after.resume(frames.size(), out.take()));
  const stream rest{quoted_frame{"18EBFF00#020003010001FFFF", digest_noon_us + 3'000}};
  after.take_frames(4, block_of(rest, 0, 1), 4);
  const auto rows = after.take();
  REQUIRE(rows.faults.size() == 3); // of the broadcast that began before
  CHECK(rows.faults[0].first_seq == 4);
}

TEST_CASE("digest: frames after the time to mark are marked as a range, and others are not") {
  stream frames;
  for (std::int64_t i = 0; i < 10; ++i)
    frames.emplace_back("0CF00400#FFFFFF6813FFFFFF",
                        digest_noon_us + i * second_us
                          + (i == 3 || i == 6 ? 1'000 * second_us : 0));
  can::stream_digest digest{catalogue_plan(), {}};
  digest.mark_after(digest_noon_us + 100 * second_us);
  digest.take_frames(1, block_of(frames, 0, frames.size()), frames.size());
  const auto marks = digest.take().marks;
  REQUIRE(marks.size() == 1);
  CHECK(marks[0]
        == can::clock_mark{digest_noon_us + 100 * second_us, 4, 7, 2,
                           digest_noon_us + 1'003 * second_us, digest_noon_us + 1'006 * second_us});
  digest.take_frames(11, block_of(frames, 0, 1), 11);
  CHECK(digest.take().marks.empty());
}
