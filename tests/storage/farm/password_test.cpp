#include "storage/farm/password.hpp"

#include <doctest/doctest.h>

using namespace furrow::storage;

TEST_CASE("password: the hash equals the scrypt vector of RFC 7914") {
  // Section 12: "pleaseletmein", "SodiumChloride", N = 16384, r = 8, p = 1, 64 bytes.
  const std::string hash = "scrypt$14$8$1$536f6469756d43686c6f72696465$"
                           "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                           "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
  CHECK(opens("pleaseletmein", hash));
  CHECK_FALSE(opens("pleaseletmeIn", hash));
}

TEST_CASE("password: matches its own hash only, each time with a new salt") {
  const auto first = hash_of_password("Feldweg 7");
  const auto second = hash_of_password("Feldweg 7");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first != *second);
  CHECK(opens("Feldweg 7", *first));
  CHECK_FALSE(opens("Feldweg 8", *first));
  CHECK_FALSE(hash_of_password(""));
  CHECK_FALSE(hash_of_password(std::string(1'025, 'x')));
}

TEST_CASE("password: an invalid or too costly hash matches no password") {
  for (const auto* hash :
       {"", "scrypt", "scrypt$15$8$1$00$00", "scrypt$99$8$1$00$00", "scrypt$x$8$1$00$00",
        "scrypt$20$32$4$00$0000000000000000000000000000000000000000000000000000000000000000",
        "plain$a",
        "scrypt$15$8$1$zz$0000000000000000000000000000000000000000000000000000000000000000"}) {
    CAPTURE(hash);
    CHECK_FALSE(opens("a", hash));
  }
}
