#include "actors/log/levels.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace furrow;

namespace {

/// Other tests expect the levels of a program that was not told any.
struct restored_levels {
  restored_levels() = default;
  restored_levels(const restored_levels&) = delete;
  restored_levels& operator=(const restored_levels&) = delete;
  ~restored_levels() { (void)log::set_levels("info"); }
};

} // namespace

TEST_CASE_FIXTURE(restored_levels, "log levels: a default and exceptions for single modules") {
  REQUIRE_FALSE(log::set_levels("info,gateway=debug,store=warn"));
  CHECK(log::levels() == "info,gateway=debug,store=warn");
  CHECK(log::enabled(log::level::debug, log::gateway));
  CHECK_FALSE(log::enabled(log::level::debug, log::http));
  CHECK(log::enabled(log::level::info, log::http));
  CHECK_FALSE(log::enabled(log::level::info, log::store));
  CHECK(log::enabled(log::level::warning, log::store));
  CHECK(log::enabled(log::level::critical, log::store));
}

TEST_CASE_FIXTURE(restored_levels,
                  "log levels: a later word replaces an earlier one, and needless words go") {
  REQUIRE_FALSE(log::set_levels("info,gateway=debug,gateway=error,store=info"));
  CHECK(log::levels() == "info,gateway=error");
  REQUIRE_FALSE(log::set_levels(log::levels() + ",warn"));
  CHECK(log::levels() == "warn,gateway=error");
  CHECK_FALSE(log::enabled(log::level::info, log::node));
  REQUIRE_FALSE(log::set_levels("gateway=debug")); // info for the others
  CHECK(log::levels() == "info,gateway=debug");
  REQUIRE_FALSE(log::set_levels("warning"));
  CHECK(log::levels() == "warn");
}

TEST_CASE_FIXTURE(restored_levels, "log levels: an invalid text is named and changes nothing") {
  REQUIRE_FALSE(log::set_levels("error,gateway=debug"));
  for (const auto* text : {"", "loud", "info,", ",info", "info,gateway", "info,gateway=loud",
                           "info,nothing=debug", "info,=debug", "info,gateway=", "INFO"}) {
    CAPTURE(text);
    CHECK(log::set_levels(text));
    CHECK(log::fault_of_levels(text));
  }
  CHECK(log::levels() == "error,gateway=debug");
  CHECK(*log::fault_of_levels("info,gateway=loud")
        == "'loud' is not a level: debug, info, warn, error and critical are");
  CHECK(log::fault_of_levels("x=debug")->find("'x' is not a module: node, cluster, ")
        != std::string::npos);
}
