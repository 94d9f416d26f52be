#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/tools/furrow/export_bed.hpp"

namespace furrow::tests {

void seal_for_export(store_bed& bed, storage::store& store) {
  REQUIRE(seal(store));
  REQUIRE(bed.value("select count(*) from furrow.can_segment") != "0");
}

} // namespace furrow::tests
