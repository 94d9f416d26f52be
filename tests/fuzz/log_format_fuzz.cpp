/// Any text as a log whose format must be found; and as what a reader saved.
#include "tests/fuzz/log_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  furrow::tests::read_log_as(furrow::can::log_format::unknown, data, size);
  furrow::can::log_reader reader;
  (void)reader.restore({reinterpret_cast<const char*>(data), size});
  return 0;
}
