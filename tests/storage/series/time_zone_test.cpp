// Days of time zones: files of this computer, files that are made here, and broken ones.
#include "can/text/civil_time.hpp"
#include "storage/series/time_zone.hpp"

#include <doctest/doctest.h>

using namespace furrow::storage;

namespace {

constexpr std::int64_t hour_us = 3'600'000'000;

std::int64_t day_number(int year, unsigned month, unsigned day) {
  return furrow::can::days_of({year, month, day});
}

/// Hours from midnight of UTC to the first moment of the same day of the zone.
double begins_at(const time_zone& zone, int year, unsigned month, unsigned day) {
  const auto number = day_number(year, month, day);
  const auto start = zone.start_us(number);
  CHECK(zone.day_of(start) == number);
  CHECK(zone.day_of(start - 1) == number - 1);
  return static_cast<double>(start - number * 24 * hour_us) / static_cast<double>(hour_us);
}

double hours_of(const time_zone& zone, int year, unsigned month, unsigned day) {
  const auto number = day_number(year, month, day);
  return static_cast<double>(zone.start_us(number + 1) - zone.start_us(number))
         / static_cast<double>(hour_us);
}

time_zone known(const std::string& name) {
  const auto found = find_time_zone(name);
  REQUIRE_MESSAGE(found, name);
  return *found;
}

std::string big(std::int64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}

/// A file of version 2 with one type and no change: all comes from the rule.
std::string file_with(const std::string& rule, std::int64_t offset_s = 0) {
  const auto head = std::string{"TZif2"} + std::string(15, '\0');
  const auto none = head + std::string(24, '\0');
  const auto counts = head + big(0, 4) + big(0, 4) + big(0, 4) + big(0, 4) + big(1, 4) + big(4, 4);
  return none + counts + big(offset_s, 4) + std::string(2, '\0') + std::string("ABC\0", 4) + "\n"
         + rule + "\n";
}

} // namespace

TEST_CASE("time zone: Europe/Berlin has a day of 23 hours in March and one of 25 in October") {
  const auto zone = known("Europe/Berlin");
  CHECK(begins_at(zone, 2026, 3, 28) == -1);
  CHECK(begins_at(zone, 2026, 3, 29) == -1);
  CHECK(begins_at(zone, 2026, 3, 30) == -2);
  CHECK(hours_of(zone, 2026, 3, 29) == 23);
  CHECK(hours_of(zone, 2026, 10, 25) == 25);
  CHECK(hours_of(zone, 2026, 10, 26) == 24);
  // Beyond the last year that the file lists.
  CHECK(hours_of(zone, 2099, 3, 29) == 23);
  CHECK(hours_of(zone, 2150, 10, 25) == 25);
}

TEST_CASE("time zone: half hours, the south, and midnights that are left out or come twice") {
  CHECK(begins_at(known("Asia/Kolkata"), 2026, 7, 1) == -5.5);
  CHECK(begins_at(known("Asia/Kathmandu"), 2026, 7, 1) == -5.75);
  CHECK(begins_at(known("UTC"), 2026, 7, 1) == 0);
  const auto south = known("America/Sao_Paulo");
  CHECK(begins_at(south, 2026, 1, 1) == 3);
  CHECK(begins_at(south, 2018, 11, 4) == 3); // 00:00 is left out: the day begins at 01:00
  CHECK(hours_of(south, 2018, 11, 4) == 23);
  CHECK(hours_of(south, 2018, 2, 17) == 25); // 24:00 is 23:00 again
  CHECK(begins_at(south, 2018, 2, 18) == 3);
  const auto twice = known("America/Havana");
  CHECK(begins_at(twice, 2026, 11, 1) == 4); // 01:00 is 00:00 again: the first of both
  CHECK(hours_of(twice, 2026, 11, 1) == 25);
  CHECK(hours_of(known("Australia/Lord_Howe"), 2026, 4, 5) == 24.5);
  CHECK(hours_of(known("Pacific/Apia"), 2011, 12, 30) == 0); // this day was skipped
}

TEST_CASE("time zone: a rule alone gives the changes of every year") {
  const auto zone = time_zone::parse(file_with("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", -10'800));
  REQUIRE(zone); // as Nuuk in 2023
  CHECK(hours_of(*zone, 2030, 3, 30) == 23);
  CHECK(hours_of(*zone, 2030, 10, 26) == 25);
  const auto days = time_zone::parse(file_with("ABC0DEF-2:30,J60/0,300/24"));
  REQUIRE(days); // March 1 in each year, and the 301st day
  CHECK(days->offset_s(day_number(2028, 3, 1) * 86'400) == 9'000);
  CHECK(days->offset_s(day_number(2028, 2, 29) * 86'400 + 86'399) == 0);
  CHECK(days->offset_s(day_number(2028, 11, 1) * 86'400) == 0);
  const auto fixed = time_zone::parse(file_with("XYZ-5:30", 19'800));
  REQUIRE(fixed);
  CHECK(begins_at(*fixed, 2026, 1, 1) == -5.5);
}

TEST_CASE("time zone: rejects unknown names, names that leave the folder, and broken files") {
  for (const char* name :
       {"", "Europe", "Europe/Nowhere", "/etc/passwd", "../zoneinfo/UTC", "posix/Europe/Berlin",
        "right/UTC", "Europe/Berlin\n", "farm", "tzdata.zi"})
    CHECK_FALSE_MESSAGE(find_time_zone(name), name);
  CHECK_FALSE(find_time_zone(std::string(1'000, 'A')));
  const auto whole = file_with("CET-1CEST,M3.5.0,M10.5.0/3", 3'600);
  REQUIRE(time_zone::parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(time_zone::parse(std::string_view{whole}.substr(0, size)));
  for (const char* rule : {"CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
                           "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "<CET-1",
                           "CET-1CEST,J400,J1", "CET-1CEST,M3.5.0,M10.5.0/3x", "1"})
    CHECK_FALSE_MESSAGE(time_zone::parse(file_with(rule)), rule);
  auto old = whole;
  old[4] = '\0'; // version 1 has no rule and 32 bits
  CHECK_FALSE(time_zone::parse(old));
  auto many = whole;
  many[44 + 32] = '\x7F'; // of changes of the second block
  CHECK_FALSE(time_zone::parse(many));
}
