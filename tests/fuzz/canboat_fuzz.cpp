/// Any text as canboat's PLAIN and FAST.
#include "tests/fuzz/log_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  furrow::tests::read_log_as(furrow::can::log_format::canboat, data, size);
  return 0;
}
