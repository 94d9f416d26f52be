// Field reports of messages mixed from two messages. The logs reproduce the reported situations.
#include "can/logs/log_format.hpp"
#include "tests/can/transport/transport_bus.hpp"
#include "tests/support/data.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace furrow::can;
using namespace furrow::tests;

namespace {

struct faults_outcome {
  /// "LINE PGN HEX" of each message that came in several frames; lines are counted from 1.
  std::vector<std::string> messages;
  transport_counters counts;
};

std::optional<faults_outcome> put_together_faults(const std::string& name) {
  const auto log = data_file("faults/" + name);
  if (!log)
    return std::nullopt;
  faults_outcome out;
  reassembler whole;
  int line = 0;
  for_each_frame(read_file(*log), [&](const frame_view& frame) {
    ++line;
    if (const auto one = whole.feed(frame); one && one->transport != transport_kind::single)
      out.messages.push_back(std::to_string(line) + ' ' + std::to_string(one->pgn) + ' '
                             + hex_of(one->data));
  });
  out.counts = whole.counts();
  return out;
}

using list = std::vector<std::string>;

} // namespace

// Seen: "Component identification" with the serial number of one ECU and the model of another
// (juergenH87/python-can-j1939#72).
TEST_CASE(
  "transport: two broadcasts, one without its end and one without its beginning, give no message") {
  const auto got = put_together_faults("04-bam-lost-end-and-beginning.log");
  if (!got)
    return;
  CHECK(got->messages == list{});
  CHECK(got->counts.out_of_sequence == 1);
  CHECK(got->counts.stray == 4);
}

// Seen: the first frame of one message with the body of the one before (canboat/canboat#738).
TEST_CASE("transport: the first frame of a fast packet does not take the body of an older one") {
  const auto got = put_together_faults("02-fast-packet-lost-first-frame.log");
  if (!got)
    return;
  CHECK(got->messages == list{"7 130845 606162636465666768696A6B6C6D6E6F707172737475767778797A"});
  CHECK(got->counts.stray == 3);
}

// Seen: after one lost frame every later message of a sender is mixed from two
// (canboat/canboat#545).
TEST_CASE("transport: with a counter that never moves, one lost frame costs one message") {
  const auto got = put_together_faults("03-fast-packet-constant-counter.log");
  if (!got)
    return;
  CHECK(got->messages
        == list{"7 127489 00E803A00F100FB0056400302A0000FFFFFFFFFF000000001414",
                "11 127489 00B004A00F100FB005640040380000FFFFFFFFFF000000001E1E",
                "15 127489 001405A00F100FB005640050460000FFFFFFFFFF000000002828",
                "19 127489 007805A00F100FB005640060540000FFFFFFFFFF000000003232",
                "23 127489 00DC05A00F100FB005640070620000FFFFFFFFFF000000003C3C"});
  CHECK(got->counts.superseded == 1);
}
