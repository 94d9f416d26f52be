/// What the two databases do differently in the tests of `furrow export`.
#pragma once

#include "tests/storage/suite/store_bed.hpp"

namespace furrow::tests {

/// PostgreSQL seals the frames, so that they are read from the archived tier; SQLite has none.
void seal_for_export(store_bed& bed, storage::store& store);

} // namespace furrow::tests
