/// Any text as a PEAK trace.
#include "tests/fuzz/log_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  furrow::tests::read_log_as(furrow::can::log_format::trc, data, size);
  return 0;
}
