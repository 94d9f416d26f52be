/// Any text as a log of a Yacht Devices gateway.
#include "tests/fuzz/log_fuzz.hpp"

FUZZ_TARGET(ydwg) {
  furrow::tests::read_log_as(furrow::can::log_format::ydwg, data, size);
  return 0;
}
