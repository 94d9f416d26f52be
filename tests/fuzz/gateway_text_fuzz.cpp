/// Any text as each of the text forms that are only read.
#include "tests/fuzz/log_fuzz.hpp"

FUZZ_TARGET(gateway_text) {
  for (const auto format : {furrow::can::log_format::actisense, furrow::can::log_format::garmin,
                            furrow::can::log_format::pcdin, furrow::can::log_format::rp1210,
                            furrow::can::log_format::gvret})
    furrow::tests::read_log_as(format, data, size);
  return 0;
}
