#include "storage/archive/segment_codec.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <algorithm>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// The result of `unseal` beside the sealed frames, frame by frame; numbers above `after`.
void check_unsealed(const std::vector<frame_run>& given,
                    const std::vector<frame_run>& back,
                    std::uint64_t after = 0) {
  std::size_t run = 0;
  std::size_t at = 0;
  std::size_t seen = 0;
  for (const auto& one : given)
    for (std::size_t i = 0; i < one.block.size(); ++i) {
      if (one.seq_first + i <= after)
        continue;
      REQUIRE(run < back.size());
      REQUIRE(back[run].seq_first + at == one.seq_first + i);
      const auto left = back[run].block[at];
      const auto right = one.block[i];
      REQUIRE(left.time_us == right.time_us);
      REQUIRE(left.header == right.header);
      REQUIRE(std::ranges::equal(left.payload(), right.payload()));
      ++seen;
      if (++at == back[run].block.size()) {
        ++run;
        at = 0;
      }
    }
  CHECK(run == back.size());
  CHECK(seen > 0);
}

std::vector<frame_run> unsealed(const sealed_chunk& chunk, std::uint64_t after = 0) {
  std::vector<frame_run> out;
  REQUIRE(unseal(chunk.segments, after, out));
  return out;
}

/// Frames of one header at these times, numbered from 1.
std::vector<frame_run> at_times(const std::vector<std::int64_t>& times) {
  std::vector<frame_run> runs;
  const std::uint8_t payload[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  std::uint64_t seq = 1;
  for (const auto time : times) {
    const auto header = can::pack({.id = 0x0CF00400, .extended = true, .length = 8});
    if (runs.empty() || !runs.back().block.push(time, header, payload)) {
      runs.push_back({seq, {}});
      REQUIRE(runs.back().block.push(time, header, payload));
    }
    ++seq;
  }
  return runs;
}

} // namespace

TEST_CASE("segments: frames of every kind keep number, time and bytes") {
  std::vector<frame_run> runs;
  runs.push_back({1, mixed_block(1, 3'000)});
  runs.push_back({3'001, mixed_block(2, 1, 1'700'000'010'000'000)});
  runs.push_back({3'500, mixed_block(3, 2'000, 1'700'000'020'000'000)}); // records were in between
  const auto chunk = seal(runs);
  CHECK(chunk.seq_first == 1);
  CHECK(chunk.seq_last == 5'499);
  CHECK(chunk.frames == 5'001);
  CHECK(chunk.runs == decltype(chunk.runs){{1, 3'001}, {3'500, 2'000}});
  std::uint64_t frames = 0;
  bool shared = false;
  for (const auto& one : chunk.segments) {
    frames += one.frames;
    shared = shared || one.headers.size() > 1;
    CHECK((one.headers.size() > 1) == (one.channel == channel_several));
  }
  CHECK(frames == chunk.frames);
  CHECK(shared); // rare headers share a segment
  check_unsealed(runs, unsealed(chunk));
  check_unsealed(runs, unsealed(chunk, 4'000), 4'000);
}

TEST_CASE("segments: keep the microsecond of ties, steps back, long silences and a single frame") {
  constexpr std::int64_t base = 1'700'000'000'000'000;
  constexpr std::int64_t hour = 3'600'000'000;
  const std::vector<std::vector<std::int64_t>> all{
    {base},
    {base, base, base, base - 1'000'000, base - 999'999},
    {base, base + 1, base + 20 * hour, base + 20 * hour + 1},
    {base, base + 10 * hour, base + 20 * hour, base + 20 * hour, base + 23 * hour},
    {-5, -3, 0, 4},
  };
  for (const auto& times : all) {
    const auto runs = at_times(times);
    REQUIRE(chunk_runs(runs) == runs.size());
    const auto chunk = seal(runs);
    CHECK(chunk.time_first_us == *std::ranges::min_element(times));
    CHECK(chunk.time_last_us == *std::ranges::max_element(times));
    check_unsealed(runs, unsealed(chunk));
  }
  std::vector<std::int64_t> ten_a_second;
  std::vector<std::int64_t> drifting; // two hundred an hour, then a step that the anchors must hold
  for (std::int64_t i = 0; i < 1'000; ++i) {
    ten_a_second.push_back(base + i * 100'000 + i * 37 % 11);
    drifting.push_back(base + i * 18'000'000 + (i > 500 ? -hour / 2 : 0));
  }
  for (const auto& times : {ten_a_second, drifting}) {
    const auto runs = at_times(times);
    check_unsealed(runs, unsealed(seal(runs)));
  }
  CHECK(seal(at_times(ten_a_second)).segments.at(0).time_planes <= 2); // jitter, not time
}

TEST_CASE(
  "segments: a chunk ends at its limits of frames, of time, of numbers and of long payloads") {
  std::vector<frame_run> runs;
  const auto block = mixed_block(1, 1'000);
  for (std::uint64_t i = 0; i < 200; ++i)
    runs.push_back({i * 1'000 + 1, block});
  const auto count = chunk_runs(runs);
  CHECK(count >= 100);
  CHECK(count * 1'000 <= chunk_frames_max);
  const auto far = at_times({0, 23 * 3'600'000'000LL, 25 * 3'600'000'000LL});
  CHECK(chunk_runs(far) == 2);
  std::vector<frame_run> days;
  for (std::uint64_t i = 0; i < 20; ++i)
    days.push_back(
      {i * 100 + 1, mixed_block(1, 100, static_cast<std::int64_t>(i) * 48 * 3'600'000'000)});
  CHECK(chunk_runs(days) == 1);
  std::swap(days[1].block, days[2].block); // and back
  days[2].block = days[0].block;
  CHECK(chunk_runs(days) == 3);
  std::vector<frame_run> apart{{1, block}, {1ULL << 40U, block}};
  CHECK(chunk_runs(apart) == 1);
}

TEST_CASE(
  "segments: a clock that jumps shares a chunk, each stretch of time has its own segments") {
  constexpr std::int64_t now = 1'700'000'000'000'000;
  constexpr std::int64_t hour = 3'600'000'000;
  std::vector<std::int64_t> two_clocks;
  for (std::int64_t i = 0; i < 2'000; ++i)
    two_clocks.push_back(i % 2 == 0 ? now + i * 10'000 : i * 10'000);
  std::vector<std::int64_t> every_week;
  for (std::int64_t i = 0; i < 300; ++i)
    every_week.push_back(now + i / 3 * 7 * 24 * hour + i % 3);
  const std::vector<std::int64_t> furthest{-210'866'803'200'000'000, now,
                                           9'000'000'000'000'000'000};
  struct expected {
    std::vector<std::int64_t> times;
    std::size_t segments;
  };
  for (const auto& [times, segments] : {expected{two_clocks, 2},
                                        {every_week, 100},
                                        {furthest, 3},
                                        {{now, now + 25 * hour}, 1},
                                        {{now, now + 25 * hour + 1}, 2}}) {
    const auto runs = at_times(times);
    const auto chunk = seal(runs);
    CHECK(chunk.segments.size() == segments);
    CHECK(chunk.wide == (segments > 1));
    for (const auto& one : chunk.segments)
      CHECK(one.time_last_us - one.time_first_us <= segment_span_us);
    check_unsealed(runs, unsealed(chunk));
  }
  // A chunk of a few frames would cost more than it is worth; a larger one ends where the clock leaves its time.
  const auto in_turn = at_times(two_clocks);
  CHECK(chunk_runs(in_turn) == chunk_frames_min);
  CHECK(chunk_runs(std::span{in_turn}.first(100)) == 100);
  CHECK(chunk_runs(at_times(every_week)) == 1);
}

TEST_CASE("segments: reject columns that do not agree") {
  const std::vector<frame_run> runs{{1, mixed_block(1, 500)}};
  const auto good = seal(runs);
  std::vector<frame_run> out;
  const auto refused = [&](auto spoil) {
    auto segments = good.segments;
    spoil(segments.front());
    spoil(segments.back());
    return !unseal(segments, 0, out);
  };
  CHECK(refused([](segment& one) { one.data.pop_back(); }));
  CHECK(refused([](segment& one) { one.frames = 0; }));
  CHECK(refused([](segment& one) { one.anchors_us.clear(); }));
  CHECK(refused([](segment& one) { one.headers.clear(); }));
  CHECK(refused([](segment& one) { one.time_planes = 6; }));
  CHECK(refused([](segment& one) { one.headers.front() |= std::uint64_t{1} << 63U; }));
  CHECK(refused([](segment& one) {
    if (one.headers.size() > 1)
      one.data.front() = static_cast<char>(0xFF);
    else
      one.payload_planes = 3;
  }));
}
