#include "tools/furrowd/access/authority.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace furrow::daemon;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t now_us = 1'800'000'000'000'000;
constexpr std::int64_t second_us = 1'000'000;

token_table file_with(const std::string& token, const std::string& rest) {
  const auto text = "[[token]]\nsha256 = \"" + hash_of_token(token) + "\"\n" + rest;
  return *token_table::parse(text, "tokens.toml");
}

identity_snapshot::entry entry_of(const std::string& secret, credential_kind kind) {
  identity_snapshot::entry made;
  made.grants.farm = "north";
  made.grants.role = role::viewer;
  made.grants.kind = kind;
  made.grants.hash = hash_of_secret(secret);
  made.last_used_us = now_us;
  return made;
}

std::shared_ptr<const identity_snapshot> snapshot_of(std::vector<identity_snapshot::entry> entries,
                                                     bool populated = true) {
  return std::make_shared<const identity_snapshot>(std::move(entries), populated, 1h);
}

} // namespace

TEST_CASE("authority: a node is open while nobody is known and only this machine reaches it") {
  authority fresh;
  CHECK(fresh.open());
  CHECK(fresh.ready());
  fresh.replace_identities(snapshot_of({}, false));
  CHECK(fresh.open());
  fresh.replace_identities(snapshot_of({})); // a user without a session
  CHECK_FALSE(fresh.open());
  CHECK(fresh.ready());
  CHECK_FALSE(authority{file_with("v", "role = \"viewer\"\n")}.open());
  const authority reachable{{}, {false, false}};
  CHECK_FALSE(reachable.open());
  CHECK_FALSE(reachable.has_identities());
}

TEST_CASE("authority: before the database was read, a node is neither open nor ready") {
  authority waiting{{}, {true, true}};
  CHECK_FALSE(waiting.ready());
  CHECK_FALSE(waiting.open());
  waiting.replace_identities(snapshot_of({}, false));
  CHECK(waiting.ready());
  CHECK(waiting.open());
  const authority with_file{file_with("v", "role = \"viewer\"\n"), {true, true}};
  CHECK(with_file.ready()); // the file says who has access
}

TEST_CASE("authority: tokens of the file and of the database are found, others are not") {
  authority access{file_with("f", "role = \"viewer\"\n")};
  access.replace_identities(
    snapshot_of({entry_of("t", credential_kind::token), entry_of("s", credential_kind::session)}));
  REQUIRE(access.find("f", now_us).who);
  CHECK(access.find("f", now_us).who->kind == credential_kind::file_token);
  REQUIRE(access.find("t", now_us).who);
  CHECK(access.find("t", now_us).who->farm == "north");
  CHECK(access.find("s", now_us).who->kind == credential_kind::session);
  for (const auto& wrong : {std::string{}, std::string{"x"}, to_hex(hash_of_secret("t")),
                            std::string(token_bytes_max + 1, 'x')}) {
    CHECK_FALSE(access.find(wrong, now_us).who);
    CHECK_FALSE(access.find(wrong, now_us).expired);
  }
}

TEST_CASE("authority: what was revoked holds no connection, what is unchanged holds it") {
  authority access{file_with("f", "role = \"viewer\"\n")};
  access.replace_identities(snapshot_of({entry_of("t", credential_kind::token)}));
  const auto of_file = *access.find("f", now_us).who;
  const auto of_database = *access.find("t", now_us).who;
  auto seen = access.generation();
  CHECK(access.holds(of_file, now_us));
  CHECK(access.holds(of_database, now_us));

  access.replace_identities(snapshot_of({}));
  CHECK(access.generation() > seen);
  CHECK(access.holds(of_file, now_us));
  CHECK_FALSE(access.holds(of_database, now_us));

  seen = access.generation();
  access.replace_file_tokens(file_with("other", "role = \"viewer\"\n"));
  CHECK(access.generation() > seen);
  CHECK_FALSE(access.holds(of_file, now_us));
  access.replace_file_tokens(file_with("f", "role = \"admin\"\n"));
  CHECK_FALSE(access.holds(of_file, now_us)); // other rights: it comes again
  access.replace_file_tokens(file_with("f", "role = \"viewer\"\n"));
  CHECK(access.holds(of_file, now_us));
  access.replace_file_tokens(std::nullopt);
  CHECK_FALSE(access.holds(of_file, now_us));
}

TEST_CASE("authority: a connection of an open node ends when somebody is known") {
  authority access;
  const credential local{"default", role::admin, {}, true};
  CHECK(access.holds(local, now_us));
  access.replace_identities(snapshot_of({}));
  CHECK_FALSE(access.holds(local, now_us));
}

TEST_CASE("authority: a token ends when it expires, a session also when it is idle") {
  auto token = entry_of("t", credential_kind::token);
  token.grants.expires_us = now_us + 10 * second_us;
  auto session = entry_of("s", credential_kind::session);
  session.grants.expires_us = now_us + 7'000 * second_us;
  authority access;
  access.replace_identities(snapshot_of({token, session}));
  const auto of_token = *access.find("t", now_us).who;
  CHECK(access.find("t", now_us + 9 * second_us).who);
  CHECK(access.find("t", now_us + 10 * second_us).expired);
  CHECK_FALSE(access.holds(of_token, now_us + 10 * second_us));

  const auto hour = 3'600 * second_us;
  const auto of_session = *access.find("s", now_us).who;
  CHECK(access.holds(of_session, now_us + hour, false)); // asking is no use
  CHECK(access.find("s", now_us + hour + 1).expired);
  CHECK(access.find("s", now_us + hour).who);
  CHECK(access.find("s", now_us + hour + hour / 2).who); // it was used meanwhile
  CHECK(access.find("s", now_us + 7'000 * second_us).expired);
}

TEST_CASE("authority: the last use outlives a snapshot") {
  authority access;
  auto session = entry_of("s", credential_kind::session);
  access.replace_identities(snapshot_of({session}));
  CHECK(access.find("s", now_us + 5 * second_us).who);
  CHECK(session.here->at_us == now_us + 5 * second_us);
}

TEST_CASE("authority: look-ups on several threads meet replacements") {
  authority access;
  std::atomic<bool> ends = false;
  std::atomic<int> found = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!ends)
        found += access.find("t", now_us).who ? 1 : 0;
    });
  for (int i = 0; i < 500 || found == 0; ++i) {
    access.replace_identities(snapshot_of({entry_of("t", credential_kind::token)}));
    access.replace_file_tokens(file_with("f", "role = \"viewer\"\n"));
  }
  ends = true;
  for (auto& thread : threads)
    thread.join();
  CHECK(access.generation() >= 1'001);
}

TEST_CASE("credential: rights are the same whatever farm a request has chosen") {
  credential several{"north", role::admin, {}, false, {"north", "hill"}};
  CHECK(several.reaches("hill"));
  CHECK_FALSE(several.reaches("south"));
  CHECK_FALSE(several.may(permission::watch));
  CHECK_FALSE(several.may(permission::send)); // for which farm?
  CHECK(several.may(permission::manage));
  auto chosen = several;
  chosen.farm = "hill";
  CHECK(chosen.grants_as(several));
  auto fewer = several;
  fewer.farms = {"north"};
  CHECK_FALSE(fewer.grants_as(several));
  credential limited{"north", role::admin, {"T1"}, false};
  CHECK_FALSE(limited.may(permission::manage));
  CHECK_FALSE(limited.grants_as({"north", role::admin, {}, false}));
  CHECK_FALSE(limited.grants_as({"hill", role::admin, {"T1"}, false}));
}

TEST_CASE("credential: a gateway and a relay send, and read nothing") {
  for (const auto role : {role::gateway, role::relay}) {
    const credential who{"north", role, {}, false};
    CHECK(who.may(permission::send));
    CHECK(who.may(permission::be_known));
    for (const auto other :
         {permission::read, permission::operate, permission::administer, permission::manage,
          permission::watch, permission::oversee, permission::govern})
      CHECK_FALSE(who.may(other));
  }
}
