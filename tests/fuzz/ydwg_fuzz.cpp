/// Any text as a log of a Yacht Devices gateway.
#include "tests/fuzz/log_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  furrow::tests::read_log_as(furrow::can::log_format::ydwg, data, size);
  return 0;
}
