/// A fresh database in the test program's private cluster; gone with the object.
#pragma once

#include "tests/storage/suite/store_bed.hpp"
#include "tests/support/pg_cluster.hpp"

namespace furrow::tests {

/// One cluster for the whole program, started by the first test that asks.
[[nodiscard]] pg_cluster& shared_cluster();

class postgres_bed : public store_bed {
public:
  postgres_bed();
  ~postgres_bed() override;
  postgres_bed(const postgres_bed&) = delete;
  postgres_bed& operator=(const postgres_bed&) = delete;
  [[nodiscard]] std::string url() const override { return shared_cluster().url(name_); }
  [[nodiscard]] const std::string& name() const { return name_; }
  void tamper(const std::string& sql) override { shared_cluster().exec(sql, name_); }
  std::string value(const std::string& sql) override { return shared_cluster().value(sql, name_); }

private:
  std::string name_;
};

} // namespace furrow::tests
