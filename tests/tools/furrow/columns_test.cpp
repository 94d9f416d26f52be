#include "tools/furrow/logs/columns.hpp"

#include <doctest/doctest.h>

using furrow::cli::columns_of;

TEST_CASE("columns: a text takes the columns that a terminal gives it") {
  CHECK(columns_of("") == 0);
  CHECK(columns_of("T1") == 2);
  CHECK(columns_of("M\u00e4hdrescher") == 11);
  CHECK(columns_of("e\u0301") == 1);      // a combining accent
  CHECK(columns_of("\u4e95\u95a2") == 4); // a maker's name
  CHECK(columns_of("\U0001F69C") == 2);   // a tractor
  CHECK(columns_of("a\xff"
                   "b")
        == 3);                    // not UTF-8
  CHECK(columns_of("a\tb") == 3); // printed as a question mark
}
