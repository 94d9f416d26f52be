/// A fresh database in the test program's private cluster; gone with the object.
#pragma once

#include "tests/storage/suite/store_bed.hpp"
#include "tests/support/pg_cluster.hpp"

namespace furrow::tests {

/// One cluster for the whole program, started by the first test that asks.
[[nodiscard]] pg_cluster& shared_cluster();

/// The first call that needs the database makes it: `open_migrated` as a copy of one that has the
/// schema, every other call as an empty one.
class postgres_bed : public store_bed {
public:
  postgres_bed();
  ~postgres_bed() override;
  postgres_bed(const postgres_bed&) = delete;
  postgres_bed& operator=(const postgres_bed&) = delete;
  [[nodiscard]] std::string url() const override { return shared_cluster().url(name()); }
  [[nodiscard]] const std::string& name() const;
  void tamper(const std::string& sql) override { shared_cluster().exec(sql, name()); }
  std::string value(const std::string& sql) override { return shared_cluster().value(sql, name()); }
  [[nodiscard]] std::unique_ptr<storage::store> open_migrated() const override;

private:
  void make(const std::string& model) const;

  std::string name_;
  mutable bool made_ = false;
};

} // namespace furrow::tests
