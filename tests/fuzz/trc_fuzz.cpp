/// Any text as a PEAK trace.
#include "tests/fuzz/log_fuzz.hpp"

FUZZ_TARGET(trc) {
  furrow::tests::read_log_as(furrow::can::log_format::trc, data, size);
  return 0;
}
