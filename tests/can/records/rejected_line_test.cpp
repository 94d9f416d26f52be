// A line that is no record, on its way from a gateway to quarantine.
#include "can/records/rejected_line.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace furrow::can;

TEST_CASE("rejected line: every byte of it and its reason read back the same") {
  std::string line;
  for (int byte = 0; byte < 256; ++byte)
    line += static_cast<char>(byte);
  const auto body = write_rejected_line("day.csv:3:1: \"tractor\" is not a kind", line);
  const auto back = read_rejected_line(body);
  REQUIRE(back);
  CHECK(back->reason == "day.csv:3:1: \"tractor\" is not a kind");
  CHECK(back->bytes == line);
}

TEST_CASE("rejected line: a long one is cut, says so, and still fits into a record") {
  const auto body = write_rejected_line(std::string(5'000, '\x01'), std::string(70'000, 'x'));
  CHECK(body.size() < 64U << 10U);
  const auto back = read_rejected_line(body);
  REQUIRE(back);
  CHECK(back->bytes == std::string(rejected_line_bytes_max, 'x'));
  CHECK(back->reason.size() == rejected_reason_bytes_max);
  CHECK(back->reason.ends_with(" (the first 28672 bytes are kept)"));
  const auto umlauts =
    read_rejected_line(write_rejected_line(std::string(999, 'x') + "\xC3\xBC", ""));
  REQUIRE(umlauts);
  CHECK(umlauts->reason == std::string(999, 'x'));
}

TEST_CASE("rejected line: a body of another form is none") {
  for (const auto* body :
       {"", "{}", R"({"reason":"x"})", R"({"line":"00"})", "[]", R"({"reason":"x","line":"0"})",
        R"({"reason":"x","line":"zz"})", R"({"reason":"x","line":"+1"})",
        R"({"reason":1,"line":"00"})", R"({"reason":"x","line":"00")"}) {
    CAPTURE(body);
    CHECK_FALSE(read_rejected_line(body));
  }
}
