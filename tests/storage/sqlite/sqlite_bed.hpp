/// A SQLite file in a folder of its own; gone with the object.
#pragma once

#include "tests/storage/suite/store_bed.hpp"

#include <filesystem>

namespace furrow::tests {

class sqlite_bed : public store_bed {
public:
  sqlite_bed();
  ~sqlite_bed() override;
  sqlite_bed(const sqlite_bed&) = delete;
  sqlite_bed& operator=(const sqlite_bed&) = delete;
  [[nodiscard]] std::string url() const override { return "sqlite:" + file(); }
  [[nodiscard]] std::string file() const { return (folder_ / "store.db").string(); }
  void tamper(const std::string& sql) override { value(sql); }
  std::string value(const std::string& sql) override;

private:
  std::filesystem::path folder_;
};

} // namespace furrow::tests
