// Users, sessions, tokens and the audit log, on both databases.
#include "storage/identity/identities.hpp"
#include "storage/identity/password.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <algorithm>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t year_2100_us = 4'102'444'800'000'000;

struct people_bed {
  std::unique_ptr<store_bed> bed = make_bed();
  std::unique_ptr<store> database = bed->open_migrated();
  identity_store& people = *identities_of(*database);
  audit_store& log = *audit_of(*database);
  std::string hash = *hash_of_password("correct horse");
  author me{"me@here", "10.0.0.7"};

  identity_outcome<user_row> add(user_row user, bool password = true, bool first = false) {
    return must(answer_of<identity_outcome<user_row>>(
      [&](auto done) { people.add_user(user, password ? hash : "", first, me, std::move(done)); }));
  }
  identity_outcome<user_row> change(identity_key key, user_change change) {
    return must(answer_of<identity_outcome<user_row>>(
      [&](auto done) { people.change_user(key, change, me, std::move(done)); }));
  }
  identity_outcome<user_row> remove(identity_key key) {
    return must(answer_of<identity_outcome<user_row>>(
      [&](auto done) { people.remove_user(key, me, std::move(done)); }));
  }
  identity_outcome<token_row> add(token_row token) {
    return must(answer_of<identity_outcome<token_row>>(
      [&](auto done) { people.add_token(token, me, std::move(done)); }));
  }
  identity_outcome<token_row> revoke(identity_key key) {
    return must(answer_of<identity_outcome<token_row>>(
      [&](auto done) { people.remove_token(key, me, std::move(done)); }));
  }
  identity_outcome<session_row> log_in(std::int64_t user, const std::string& secret) {
    session_row session;
    session.user = user;
    session.sha256 = sha256_of(secret);
    session.origin = "10.0.0.7";
    session.expires_us = year_2100_us;
    return must(answer_of<identity_outcome<session_row>>(
      [&](auto done) { people.open_session(session, me, std::move(done)); }));
  }
  std::uint64_t log_out(session_selection which) {
    return must(answer_of<std::uint64_t>(
      [&](auto done) { people.close_sessions(which, me, std::move(done)); }));
  }
  std::optional<identity_list> read(std::int64_t known = 0) {
    return must(answer_of<std::optional<identity_list>>(
      [&](auto done) { people.read(known, std::move(done)); }));
  }
  std::vector<audit_row> notes(audit_query query = {}) {
    return must(
      answer_of<std::vector<audit_row>>([&](auto done) { log.list(query, std::move(done)); }));
  }
};

user_row user_of(identity_key key, const std::string& role = "viewer") {
  user_row made;
  made.key = std::move(key);
  made.role = role;
  return made;
}

token_row token_of(identity_key key, char digit, const std::string& role = "gateway") {
  token_row made;
  made.key = std::move(key);
  made.role = role;
  made.sha256 = std::string(64, digit);
  return made;
}

} // namespace

TEST_CASE("identities: keeps a user with its password, role and reach") {
  people_bed bed;
  auto anna = user_of({"north", "anna"}, "operator");
  anna.title = "Anna Müller";
  anna.equipment = {"T1", "T 2"};
  const auto made = bed.add(anna);
  REQUIRE(made.refused == identity_refusal::none);
  CHECK(made.row.id > 0);
  CHECK(made.row.key == anna.key);
  CHECK(made.row.equipment == anna.equipment);
  CHECK(made.row.title == anna.title);
  CHECK(made.row.has_password);
  CHECK(made.row.version == 1);
  CHECK(made.row.created_us > 1'700'000'000'000'000);
  const auto login = must(answer_of<stored_login>([&](auto done) {
    bed.people.find_user({"north", "anna"}, std::move(done));
  }));
  CHECK(login.password == bed.hash);
  CHECK(login.user.role == "operator");
  for (const identity_key& other :
       {identity_key{"north", "eva"}, identity_key{"hill", "anna"}, identity_key{"", "anna"}})
    CHECK(answer_of<stored_login>([&](auto done) {
            bed.people.find_user(other, std::move(done));
          }).code()
          == errc::not_found);
}

TEST_CASE("identities: a name is unique in its farm, and among those of the node") {
  people_bed bed;
  CHECK(bed.add(user_of({"north", "anna"})).refused == identity_refusal::none);
  CHECK(bed.add(user_of({"north", "anna"})).refused == identity_refusal::exists);
  CHECK(bed.add(user_of({"hill", "anna"})).refused == identity_refusal::none);
  CHECK(bed.add(user_of({"", "anna"}, "admin")).refused == identity_refusal::none);
  CHECK(bed.add(user_of({"", "anna"})).refused == identity_refusal::exists);
  const auto page = [&](identity_query query) {
    std::string names;
    for (const auto& row : must(answer_of<std::vector<user_row>>(
           [&](auto done) { bed.people.list_users(query, std::move(done)); })))
      names += to_text(row.key) + " ";
    return names;
  };
  CHECK(page({}) == "anna hill/anna north/anna ");
  CHECK(page({"north", {}, 10}) == "north/anna ");
  CHECK(page({"", {}, 10}) == "anna ");
  CHECK(page({{}, {"", "anna"}, 1}) == "hill/anna ");
  CHECK(page({{}, {"hill", "anna"}, 5}) == "north/anna ");
}

TEST_CASE("identities: a token is found by its farm and name") {
  people_bed bed;
  for (const auto& [farm, name, digit] :
       {std::tuple{"north", "t", 'a'}, std::tuple{"north", "t2", 'b'},
        std::tuple{"hill", "t", 'c'}})
    REQUIRE(bed.add(token_of({farm, name}, digit)).refused == identity_refusal::none);
  const auto found = [&](std::optional<std::string> farm, const std::string& name) {
    std::string names;
    identity_query query{std::move(farm), {}, 10};
    query.name = name;
    for (const auto& row : must(answer_of<std::vector<token_row>>(
           [&](auto done) { bed.people.list_tokens(query, std::move(done)); })))
      names += to_text(row.key) + " ";
    return names;
  };
  CHECK(found("north", "t") == "north/t ");
  CHECK(found({}, "t") == "hill/t north/t ");
  CHECK(found("north", "T").empty());
  CHECK(found("", "t").empty());
  CHECK(found("north", "") == "north/t north/t2 ");
}

TEST_CASE("identities: what exceeds a limit is refused, and nothing is stored") {
  people_bed bed;
  const auto fault = [&](user_row user) {
    const auto made = bed.add(std::move(user));
    CHECK(made.refused == identity_refusal::invalid);
    return made.detail;
  };
  for (const auto* name : {"", "a/b", "*", "a\nb", "\xFF"})
    CHECK(fault(user_of({"north", name})).find("name must have") == 0);
  CHECK(fault(user_of({"north", std::string(65, 'x')})).find("name must have") == 0);
  CHECK(fault(user_of({"a/b", "anna"})).find("farm must have") == 0);
  CHECK(fault(user_of({"north", "anna"}, "gateway")).find("role") == 0);
  auto both = user_of({"north", "anna"});
  both.farms = {"north", "hill"};
  CHECK(fault(both).find("list of farms") != std::string::npos);
  auto node = user_of({"", "anna"});
  node.equipment = {"T1"};
  CHECK(fault(node).find("list of machines") != std::string::npos);
  node.equipment = {};
  node.farms = {"north", "north"};
  CHECK(fault(node).find("twice") != std::string::npos);
  const auto plain = must(answer_of<identity_outcome<user_row>>([&](auto done) {
    bed.people.add_user(user_of({"north", "anna"}), "secret", false, bed.me, std::move(done));
  }));
  CHECK(plain.refused == identity_refusal::invalid);
  CHECK(plain.detail.find("secret") == std::string::npos);
  CHECK(bed.add(token_of({"", "t"}, 'a')).refused == identity_refusal::invalid);
  CHECK(bed.add(token_of({"north", "t"}, 'A')).refused == identity_refusal::invalid);
  auto relay = token_of({"north", "t"}, 'a', "relay");
  relay.equipment = {"T1"};
  CHECK(bed.add(relay).refused == identity_refusal::invalid);
  auto old = token_of({"north", "t"}, 'a');
  old.expires_us = 1'000;
  CHECK(bed.add(old).refused == identity_refusal::invalid);
  CHECK(bed.read()->users.empty());
  CHECK(bed.read()->tokens.empty());
  CHECK(bed.notes().empty());
}

TEST_CASE("identities: the version tells whether anything has changed, also by hand") {
  people_bed bed;
  auto known = bed.read()->version;
  CHECK_FALSE(bed.read(known));
  const auto changed = [&] {
    const auto list = bed.read(known);
    if (list)
      known = list->version;
    return list.has_value();
  };
  const auto anna = bed.add(user_of({"north", "anna"})).row;
  CHECK(changed());
  CHECK(bed.add(token_of({"north", "t"}, 'a')).refused == identity_refusal::none);
  CHECK(changed());
  const auto session = bed.log_in(anna.id, "s").row;
  CHECK(changed());
  (void)must(answer_of<furrow::done>([&](auto done) {
    bed.people.note_use({{true, session.id, year_2100_us}, {false, 1, year_2100_us}},
                        std::move(done));
  }));
  CHECK_FALSE(changed()); // a use changes no right
  CHECK(bed.read()->sessions.at(0).last_used_us == year_2100_us);
  CHECK(bed.read()->tokens.at(0).last_used_us == year_2100_us);
  CHECK(bed.log_out({anna.id, session.id}) == 1);
  CHECK(changed());
  CHECK(bed.revoke({"north", "t"}).refused == identity_refusal::none);
  CHECK(changed());
  bed.bed->tamper("update \"user\" set status = 'disabled'");
  CHECK(changed());
}

TEST_CASE("identities: a change of role, password or status ends the user's sessions") {
  people_bed bed;
  const auto anna = bed.add(user_of({"north", "anna"})).row;
  const auto sessions = [&] { return bed.read()->sessions.size(); };
  const auto twice = [&] {
    (void)bed.log_in(anna.id, "one" + std::to_string(bed.read()->version));
    return bed.log_in(anna.id, "two" + std::to_string(bed.read()->version)).row.id;
  };
  (void)twice();
  CHECK(sessions() == 2);
  user_change change;
  change.title = "Anna";
  CHECK(bed.change(anna.key, change).row.version == 2);
  CHECK(sessions() == 2);
  change = {};
  change.role = "admin";
  CHECK(bed.change(anna.key, change).row.role == "admin");
  CHECK(sessions() == 0);
  change = {};
  change.password = *hash_of_password("another one");
  change.keep_session = twice();
  CHECK(bed.change(anna.key, change).refused == identity_refusal::none);
  CHECK(sessions() == 1);
  change = {};
  change.status = "disabled";
  CHECK(bed.change(anna.key, change).row.status == "disabled");
  CHECK(sessions() == 0);
  CHECK(bed.log_in(anna.id, "x").refused == identity_refusal::missing);
  change.version = 1;
  CHECK(bed.change(anna.key, change).refused == identity_refusal::conflict);
  change.version = 0;
  change.role = "boss";
  CHECK(bed.change(anna.key, change).refused == identity_refusal::invalid);
  CHECK(bed.change({"north", "eva"}, {}).refused == identity_refusal::missing);
}

TEST_CASE("identities: the oldest session of a user gives way, and those that have ended go") {
  people_bed bed;
  const auto anna = bed.add(user_of({"north", "anna"})).row;
  const auto eva = bed.add(user_of({"north", "eva"})).row;
  (void)bed.log_in(eva.id, "eva");
  const auto first = bed.log_in(anna.id, "0").row.id;
  for (std::size_t i = 1; i <= sessions_of_user_max; ++i)
    (void)bed.log_in(anna.id, std::to_string(i));
  const auto rows = must(answer_of<std::vector<session_row>>(
    [&](auto done) { bed.people.list_sessions(anna.id, std::move(done)); }));
  CHECK(rows.size() == sessions_of_user_max);
  CHECK(std::none_of(rows.begin(), rows.end(), [&](const auto& row) { return row.id == first; }));
  bed.bed->tamper("update session set expires_us = 5 where user_id = " + std::to_string(anna.id));
  CHECK(bed.read()->sessions.size() == 1);
  (void)bed.log_in(eva.id, "eva again");
  CHECK(bed.bed->value("select count(*) from session") == "2");
}

TEST_CASE("identities: the last admin of the node can be neither removed nor disabled") {
  people_bed bed;
  CHECK(bed.add(user_of({"", "admin"}, "admin"), true, true).refused == identity_refusal::none);
  CHECK(bed.add(user_of({"", "other"}, "admin"), true, true).refused
        == identity_refusal::admin_exists);
  user_change change;
  change.status = "disabled";
  CHECK(bed.change({"", "admin"}, change).refused == identity_refusal::last_admin);
  change = {};
  change.role = "operator";
  CHECK(bed.change({"", "admin"}, change).refused == identity_refusal::last_admin);
  change = {};
  change.farms = {"north"};
  CHECK(bed.change({"", "admin"}, change).refused == identity_refusal::last_admin);
  CHECK(bed.remove({"", "admin"}).refused == identity_refusal::last_admin);
  // One without a password cannot log in, and is no help.
  CHECK(bed.add(user_of({"", "other"}, "admin"), false).refused == identity_refusal::none);
  CHECK(bed.remove({"", "admin"}).refused == identity_refusal::last_admin);
  CHECK(bed.read()->users.size() == 2);
  change = {};
  change.password = bed.hash;
  CHECK(bed.change({"", "other"}, change).refused == identity_refusal::none);
  CHECK(bed.remove({"", "admin"}).refused == identity_refusal::none);
  CHECK(bed.remove({"", "other"}).refused == identity_refusal::last_admin);
}

TEST_CASE("identities: a token is kept as its hash, and no two have the same") {
  people_bed bed;
  auto token = token_of({"north", "anna's phone"}, 'a', "viewer");
  token.equipment = {"T1"};
  token.expires_us = year_2100_us;
  const auto made = bed.add(token);
  REQUIRE(made.refused == identity_refusal::none);
  CHECK(made.row.created_by == "me@here");
  CHECK(made.row.expires_us == year_2100_us);
  CHECK(made.row.equipment == token.equipment);
  CHECK_FALSE(made.row.last_used_us);
  CHECK(bed.add(token_of({"hill", "copy"}, 'a')).refused == identity_refusal::exists);
  auto several = token_of({"", "several"}, 'b', "viewer");
  several.farms = {"north", "hill"};
  CHECK(bed.add(several).row.farms == several.farms);
  CHECK(bed.read()->tokens.size() == 2);
  CHECK(bed.revoke({"hill", "anna's phone"}).refused == identity_refusal::missing);
  CHECK(bed.revoke({"north", "anna's phone"}).refused == identity_refusal::none);
  CHECK(bed.read()->tokens.size() == 1);
}

TEST_CASE("audit: says who changed what from where, before and after, and never a secret") {
  people_bed bed;
  auto anna = user_of({"north", "anna"}, "viewer");
  (void)bed.add(anna);
  user_change change;
  change.role = "operator";
  change.password = *hash_of_password("another one");
  (void)bed.change(anna.key, change);
  (void)bed.add(token_of({"hill", "t"}, 'a'));
  (void)bed.remove({"north", "nobody"}); // refused: not noted
  const auto all = bed.notes();
  REQUIRE(all.size() == 3);
  CHECK(all[0].action == "token new");
  CHECK(all[0].farm == "hill");
  CHECK(all[0].object == "hill/t");
  CHECK(all[1].action == "user change");
  CHECK(all[1].who == "me@here");
  CHECK(all[1].origin == "10.0.0.7");
  CHECK(all[1].before.find("viewer") != std::string::npos);
  CHECK(all[1].after.find("operator") != std::string::npos);
  CHECK(all[1].after.find("changed") != std::string::npos);
  CHECK(all[1].time_us > 1'700'000'000'000'000);
  CHECK(all[2].before.empty());
  for (const auto& row : all)
    for (const auto& text : {row.before, row.after, row.detail, row.object}) {
      CHECK(text.find("argon2") == std::string::npos);
      CHECK(text.find(std::string(64, 'a')) == std::string::npos);
    }
  CHECK(bed.notes({"north", 0, {}, {}, 10}).size() == 2);
  CHECK(bed.notes({{}, 0, {}, "user", 10}).size() == 2);
  CHECK(bed.notes({{}, 0, "somebody", {}, 10}).empty());
  CHECK(bed.notes({{}, all[1].id, {}, {}, 10}).size() == 1);
  CHECK(bed.notes({{}, 0, {}, {}, 2}).size() == 2);
  (void)must(answer_of<furrow::done>([&](auto done) {
    bed.log.note({0, "eva", "actor kill", "writer-0", std::string(5'000, 'x'), "", "::1"},
                 std::move(done));
  }));
  CHECK(bed.notes()[0].detail.size() == audit_text_max);
  CHECK(must(answer_of<std::uint64_t>(
          [&](auto done) { bed.log.prune(1'700'000'000'000'000, std::move(done)); }))
        == 0);
  CHECK(
    must(answer_of<std::uint64_t>([&](auto done) { bed.log.prune(year_2100_us, std::move(done)); }))
    == 4);
  CHECK(bed.notes().empty());
}
