#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>

namespace {

/// The programs that tests start must not read the configuration of this computer.
[[maybe_unused]] const int without_configuration = ::setenv("FURROW_CONFIG", "/dev/null", 0);

} // namespace
