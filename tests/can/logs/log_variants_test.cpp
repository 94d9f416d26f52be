/// Logs as programs write them besides the documents: byte order marks, UTF-16, stray marks of the half of a day, error
/// frames of TRC 1.0, the CSV of GVRET.
#include "can/text/civil_time.hpp"
#include "tests/can/logs/log_reading.hpp"

#include <string>
#include <vector>

using namespace furrow::can;
using namespace furrow::tests;

TEST_CASE("log variants: an ASC date ignores am and pm where the hour is above 12") {
  const auto start_of = [](const std::string& clock) { // hardbyte/python-can issue 754
    const auto log = read_text("date Tue Jan 7 " + clock + " 2020\nBegin Triggerblock Tue Jan 7 "
                               + clock + " 2020\n 0.000 1 123 Rx d 1 11\n");
    REQUIRE(log.frames.size() == 1);
    CHECK(all_faults(log) == "");
    return log.frames[0].time_us - days_of({2020, 1, 7}) * day_us;
  };
  CHECK(start_of("13:14:48.626 am") == to_us({13, 14, 48, 626'000}));
  CHECK(start_of("23:59:59 AM") == to_us({23, 59, 59, 0}));
  CHECK(start_of("13:14:48.626 pm") == to_us({13, 14, 48, 626'000}));
  CHECK(start_of("01:14:48.626 pm") == to_us({13, 14, 48, 626'000}));
  CHECK(start_of("01:14:48.626 am") == to_us({1, 14, 48, 626'000}));
  CHECK(start_of("12:14:48.626 am") == to_us({0, 14, 48, 626'000}));
  CHECK(start_of("12:14:48.626 pm") == to_us({12, 14, 48, 626'000}));
  CHECK(start_of("13:14:48.626") == to_us({13, 14, 48, 626'000}));
}
