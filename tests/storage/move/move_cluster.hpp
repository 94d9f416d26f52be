/// One cluster for the whole program, started by the first test that asks.
#pragma once

#include "tests/support/pg_cluster.hpp"

namespace furrow::tests {

[[nodiscard]] pg_cluster& copy_cluster();

} // namespace furrow::tests
