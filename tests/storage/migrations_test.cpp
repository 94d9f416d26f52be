#include "storage/migrations/migrations.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace furrow::storage;

TEST_CASE("migrations: both databases have the same numbered steps, none empty") {
  REQUIRE(postgres_migrations().size() == sqlite_migrations().size());
  for (std::size_t i = 0; i < postgres_migrations().size(); ++i) {
    CHECK(postgres_migrations()[i].number > (i == 0 ? 0 : postgres_migrations()[i - 1].number));
    CHECK(postgres_migrations()[i].number == sqlite_migrations()[i].number);
    CHECK(postgres_migrations()[i].name == sqlite_migrations()[i].name);
    CHECK(postgres_migrations()[i].sql.size() > 100);
    CHECK(sqlite_migrations()[i].sql.size() > 100);
  }
}

TEST_CASE("migrations: the checksum is SHA-256") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("migrations: tells applied, changed and unknown steps apart") {
  const std::array<migration, 3> known{{{1, "one", "a"}, {2, "two", "b"}, {3, "three", "c"}}};
  const auto fresh = compare(known, {});
  REQUIRE(fresh.size() == 3);
  CHECK_FALSE(fresh[0].applied);
  CHECK_FALSE(refusal(fresh));
  const auto half = compare(known, {{1, "one", sha256_hex("a")}});
  CHECK(half[0].applied);
  CHECK_FALSE(half[1].applied);
  CHECK_FALSE(refusal(half));
  const auto changed = compare(known, {{1, "one", sha256_hex("a")}, {2, "two", sha256_hex("x")}});
  REQUIRE(refusal(changed));
  CHECK(refusal(changed)->code == errc::misconfigured);
  CHECK(refusal(changed)->detail.find("migration 2 (two)") != std::string::npos);
  const auto newer = compare(known, {{4, "four", "?"}});
  REQUIRE(newer.size() == 4);
  CHECK(newer[3].applied);
  REQUIRE(refusal(newer));
  CHECK(refusal(newer)->detail.find("newer than this program") != std::string::npos);
}
