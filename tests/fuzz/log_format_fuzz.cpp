/// Any text as a log of unknown format, and as the saved state of a reader.
#include "tests/fuzz/log_fuzz.hpp"

FUZZ_TARGET(log_format) {
  furrow::tests::read_log_as(furrow::can::log_format::unknown, data, size);
  furrow::can::log_reader reader;
  (void)reader.restore({reinterpret_cast<const char*>(data), size});
  return 0;
}
