#include "tests/storage/postgres/postgres_bed.hpp"

namespace furrow::tests {

std::unique_ptr<store_bed> make_bed() {
  return std::make_unique<postgres_bed>();
}

pg_cluster& shared_cluster() {
  static pg_cluster cluster;
  return cluster;
}

postgres_bed::postgres_bed() {
  static int count = 0;
  name_ = "bed" + std::to_string(++count);
  shared_cluster().make_database(name_, {"search_path = furrow, public"});
}

postgres_bed::~postgres_bed() {
  try {
    shared_cluster().start(); // a test may have stopped it and then failed
    shared_cluster().exec("drop database if exists \"" + name_ + "\" with (force)", "postgres");
  } catch (const std::exception& error) {
    MESSAGE(error.what());
  }
}

} // namespace furrow::tests
