#include "tests/support/pg_cluster.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using furrow::tests::pg_cluster;

TEST_CASE(
  "pg cluster: starts alone, keeps committed data after an immediate stop, and can be frozen") {
  pg_cluster cluster;
  CHECK(cluster.value("show fsync") == "on");
  cluster.exec("create table t (n int); insert into t values (7)");
  cluster.stop_immediate();
  CHECK_THROWS_AS(cluster.exec("select 1"), std::runtime_error);
  cluster.start();
  CHECK(cluster.value("select n from t") == "7");
  cluster.freeze();
  cluster.thaw();
  CHECK(cluster.value("select n from t") == "7");
  const auto url = cluster.make_database("other", {"lock_timeout = '3s'"});
  CHECK(url.find("/other") != std::string::npos);
  CHECK(cluster.value("show lock_timeout", "other") == "3s");
}
