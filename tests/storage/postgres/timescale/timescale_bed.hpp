/// A server with TimescaleDB, and two databases on it with the same rows: one as it is, one with hypertables.
///
/// Limits: where the extension is not installed there is no such server, and a test says so and ends.
#pragma once

#include "storage/maintenance.hpp"
#include "tests/storage/suite/store_bed.hpp"
#include "tests/support/pg_cluster.hpp"

#include <string>
#include <vector>

namespace furrow::tests {

/// Started by the first test that asks; null, and a message, where the server has no such extension.
[[nodiscard]] pg_cluster* timescale_cluster();

/// A database of that server.
class timescale_database : public store_bed {
public:
  explicit timescale_database(std::string name) : name_{std::move(name)} {}
  [[nodiscard]] std::string url() const override { return timescale_cluster()->url(name_); }
  void tamper(const std::string& sql) override { timescale_cluster()->exec(sql, name_); }
  std::string value(const std::string& sql) override {
    return timescale_cluster()->value(sql, name_);
  }
  /// The rows of a query, sorted, as text.
  std::string rows(const std::string& query) {
    return value("select coalesce(string_agg(t::text, e'\\n' order by t::text), '') from (" + query
                 + ") t");
  }
  /// How many rows, and a digest of them.
  std::string sum(const std::string& query) {
    return value(
      "select count(*) || ' ' || md5(coalesce(string_agg(t::text, ',' order by t::text), "
      "'')) from ("
      + query + ") t");
  }
  [[nodiscard]] const std::string& name() const { return name_; }

private:
  std::string name_;
};

/// An empty database of that name, migrated; answers the name.
[[nodiscard]] std::string new_database(const std::string& name);
/// Machines of three farms with frames, records, telemetry, rollups and rules: six weeks up to `monday_us`.
void fill_database(timescale_database& bed);
/// `create extension`, then what `furrow db migrate --timescale` does.
storage::hypertables make_hypertables(timescale_database& bed);
/// Every chunk, the newest too.
void compress_all(timescale_database& bed);

/// A database that was filled, and a copy of it with hypertables.
struct two_of_a_kind {
  explicit two_of_a_kind(const std::string& name);

  timescale_database plain;
  timescale_database hyper;
};

} // namespace furrow::tests
