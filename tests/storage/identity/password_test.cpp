#include "storage/identity/password.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace furrow::storage;

TEST_CASE("password: a hash of the reference implementation is read") {
  // test.c of the Argon2 reference: "password", "somesalt", 64 MiB, two passes.
  const std::string hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
                           "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  CHECK(opens("password", hash));
  CHECK_FALSE(opens("passwore", hash));
}

TEST_CASE("password: matches its own hash only, each time with a new salt") {
  const auto first = hash_of_password("Feldweg 7");
  const auto second = hash_of_password("Feldweg 7");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first != *second);
  CHECK(first->starts_with("$argon2id$v=19$m=32768,t=3,p=1$"));
  CHECK(is_password_hash(*first));
  CHECK(opens("Feldweg 7", *first));
  CHECK_FALSE(opens("Feldweg 8", *first));
  CHECK_FALSE(hash_of_password(""));
  CHECK_FALSE(hash_of_password(std::string(1'025, 'x')));
}

TEST_CASE("password: an invalid or too costly hash matches no password") {
  for (
    const auto* hash :
    {"", "plain$a", "scrypt$15$8$1$00$00", "$argon2id$v=19$m=32768,t=3,p=1",
     "$argon2id$v=19$m=32768,t=3,p=1$", "$argon2id$v=19$m=32768,t=3,p=1$$",
     "$argon2id$v=19$m=4294967295,t=3,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
     "$argon2id$v=19$m=1024,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
     "$argon2id$v=19$m=1024,t=1,p=900$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
     "$argon2id$v=19$m=x,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
     "$argon2i$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"}) {
    CAPTURE(hash);
    CHECK_FALSE(opens("a", hash));
  }
}

TEST_CASE("password: nobody has a hash that no password opens") {
  CHECK(is_password_hash(hash_of_nobody()));
  CHECK(&hash_of_nobody() == &hash_of_nobody());
  CHECK_FALSE(opens("a", hash_of_nobody()));
}

TEST_CASE("secrets: tokens have 256 random bits, passwords 120 that a person can type") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto token = random_token("fur_");
    REQUIRE(token);
    CHECK(token->size() == 68);
    CHECK(token->starts_with("fur_"));
    CHECK(token->find_first_not_of("0123456789abcdef", 4) == std::string::npos);
    CHECK(seen.insert(*token).second);
    const auto password = random_password();
    REQUIRE(password);
    CHECK(password->size() == 29);
    CHECK(password->find_first_not_of("abcdefghijkmnpqrstuvwxyz23456789-") == std::string::npos);
    CHECK(seen.insert(*password).second);
  }
  CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
