/// Any text as canboat's PLAIN and FAST.
#include "tests/fuzz/log_fuzz.hpp"

FUZZ_TARGET(canboat) {
  furrow::tests::read_log_as(furrow::can::log_format::canboat, data, size);
  return 0;
}
