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
}

postgres_bed::~postgres_bed() {
  if (!made_)
    return;
  try {
    shared_cluster().start(); // a test may have stopped it and then failed
    shared_cluster().exec("drop database if exists \"" + name_ + "\" with (force)", "postgres");
  } catch (const std::exception& error) {
    MESSAGE(error.what());
  }
}

const std::string& postgres_bed::name() const {
  if (!made_)
    make("template1");
  return name_;
}

std::unique_ptr<storage::store> postgres_bed::open_migrated() const {
  static const std::string model = [] {
    postgres_bed first;
    first.name_ = "with_schema";
    first.store_bed::open_migrated().reset();
    first.made_ = false; // it stays until the cluster is removed
    return first.name_;
  }();
  if (!made_)
    make(model);
  return store_bed::open_migrated();
}

void postgres_bed::make(const std::string& model) const {
  shared_cluster().make_database(name_, {"search_path = furrow, public"}, model);
  made_ = true;
}

} // namespace furrow::tests
