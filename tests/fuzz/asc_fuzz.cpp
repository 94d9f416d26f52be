/// Any text as a Vector ASC log.
#include "tests/fuzz/log_fuzz.hpp"

FUZZ_TARGET(asc) {
  furrow::tests::read_log_as(furrow::can::log_format::asc, data, size);
  return 0;
}
