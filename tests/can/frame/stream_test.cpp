#include "can/frame/stream.hpp"

#include <doctest/doctest.h>

using namespace furrow::can;

namespace {
using runs = std::vector<run_mark>;
} // namespace

TEST_CASE("stream: an id is written and read as a UUID") {
  stream_id id{};
  for (std::size_t i = 0; i < id.size(); ++i)
    id[i] = static_cast<std::uint8_t>(i * 17);
  CHECK(to_string(id) == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK(parse_stream_id("00112233-4455-6677-8899-AABBCCDDEEFF") == id);
  CHECK_FALSE(parse_stream_id("00112233-4455-6677-8899-aabbccddeef"));
  CHECK_FALSE(parse_stream_id("00112233x4455-6677-8899-aabbccddeeff"));
  CHECK_FALSE(parse_stream_id("0011223g-4455-6677-8899-aabbccddeeff"));
}

TEST_CASE("stream: a new stream, the next run and a run whose welcome was lost continue it") {
  CHECK_FALSE(fork_point({}, runs{{7, 1}}, 0));
  CHECK_FALSE(fork_point(runs{{7, 1}}, runs{{7, 1}}, 50));
  CHECK_FALSE(fork_point(runs{{7, 1}}, runs{{7, 1}, {8, 51}}, 50));
  CHECK_FALSE(fork_point(runs{{7, 1}, {8, 51}}, runs{{7, 1}, {8, 51}, {9, 60}}, 55));
}

TEST_CASE("stream: a spool older than the stream parted where its new run began") {
  // The spool is copied at 100. The stream continues to 150 in the same run, and the copy uses number 101 again.
  CHECK(fork_point(runs{{7, 1}}, runs{{7, 1}, {8, 101}}, 150) == 101);
  CHECK_FALSE(fork_point(runs{{7, 1}}, runs{{7, 1}, {8, 151}}, 150));
}

TEST_CASE(
  "stream: after a copy took over the stream, the older spool parted where the copy's run began") {
  CHECK(fork_point(runs{{7, 1}, {8, 101}}, runs{{7, 1}}, 120) == 101);
  CHECK(fork_point(runs{{7, 1}, {8, 101}, {9, 300}}, runs{{7, 1}, {5, 90}}, 400) == 90);
}

TEST_CASE("stream: without a common run no item counts as stored") {
  CHECK(fork_point(runs{{7, 1}}, runs{{3, 10}, {4, 20}}, 150) == 10);
}
