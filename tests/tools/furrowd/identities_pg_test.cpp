/// Users, sessions and tokens with real programs: two nodes on one PostgreSQL, and one node on SQLite.
///
/// Goal: what is revoked over one node is refused at the other, and cut there, within 10 s; nothing of a secret is shown.
/// Method: identity_node.hpp: nothing of a client hides the answer.
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/furrowd/access/identity_node.hpp"

#include <list>
#include <set>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

pg_cluster& cluster() {
  static pg_cluster one;
  return one;
}

} // namespace

TEST_CASE("identities: what one node revokes, the other refuses and cuts within 10 s") {
  const auto database = cluster().make_database("revoke");
  const auto password = init(database);
  const identity_node first{database, {"--node", "n1"}};
  const identity_node second{database, {"--node", "n2"}};
  CHECK(second.status("GET", "/api/v1/equipment", "") == 401); // nobody is local admin any more
  const auto admin = session_of(first, "admin", password);
  CHECK(second.status("GET", "/api/v1/me", admin) == 200); // at once, at the other node too

  const auto gateway_token =
    new_token(first, admin, {{"name", "t1"}, {"farm", "north"}, {"equipment", {"T1"}}});
  const auto viewer_token =
    new_token(first, admin, {{"name", "eye"}, {"farm", "north"}, {"role", "viewer"}});
  CHECK(
    eventually(in_force, [&] { // an unknown token makes a node read again, at most once a second
      return second.status("GET", "/api/v1/equipment", viewer_token) == 200;
    }));
  REQUIRE(eventually(in_force, [&] { // the gateway port waits for the next look
    gateway_line probe{second, gateway_token, "T1"};
    return probe.next_of<proto::welcome>().has_value();
  }));
  gateway_line live{second, gateway_token, "T1"};
  REQUIRE(live.next_of<proto::welcome>());

  const auto begun = std::chrono::steady_clock::now();
  CHECK(first.status("DELETE", "/api/v1/tokens/t1?farm=north", admin) == 200);
  CHECK(first.status("DELETE", "/api/v1/tokens/eye?farm=north", admin) == 200);
  CHECK(first.status("GET", "/api/v1/equipment", viewer_token) == 401); // here at once
  const auto reject = live.next_of<proto::reject>();
  REQUIRE(reject);
  CHECK(reject->code == proto::reject_code::credentials);
  CHECK(reject->reason.find("no longer valid") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begun < in_force);
  CHECK(second.status("GET", "/api/v1/equipment", viewer_token) == 401);
  gateway_line again{second, gateway_token, "T1"};
  const auto refused = again.next_of<proto::reject>();
  REQUIRE(refused);
  CHECK(refused->reason.find("does not know this token") != std::string::npos);
  CHECK(second.output().find(gateway_token) == std::string::npos);
  CHECK(second.output().find(password) == std::string::npos);
}

TEST_CASE("identities: live streams and gateways of what is revoked are cut at every node within "
          "10 s, others go on") {
  const auto database = cluster().make_database("cuts");
  const auto password = init(database);
  const identity_node first{database, {"--node", "n1"}};
  const identity_node second{database, {"--node", "n2"}};
  const auto admin = session_of(first, "admin", password);
  const auto sends =
    new_token(first, admin, {{"name", "sends"}, {"farm", "north"}, {"equipment", {"T1", "T2"}}});
  const auto viewer = [&](const std::string& name) {
    return new_token(first, admin, {{"name", name}, {"farm", "north"}, {"role", "viewer"}});
  };
  const auto eye = viewer("eye");
  const auto kept = viewer("kept");
  const auto anna = first.ask("POST", "/api/v1/users", admin,
                              {{"name", "anna"}, {"farm", "north"}, {"role", "operator"}});
  REQUIRE(anna.status == 201);
  const auto session = session_of(first, "north/anna", anna.body.at("password"));

  std::list<live_client> revoked;
  std::list<live_client> others;
  std::list<gateway_line> gateways;
  for (const auto* at : {&first, &second}) {
    for (const auto& token : {eye, kept, session})
      REQUIRE(eventually(in_force, [&] { return at->status("GET", "/api/v1/me", token) == 200; }));
    const std::string machine = at == &first ? "T1" : "T2";
    REQUIRE(eventually(in_force, [&] { // the gateway port waits for the next look
      gateway_line probe{*at, sends, machine};
      return probe.next_of<proto::welcome>().has_value();
    }));
    gateways.emplace_back(*at, sends, machine);
    REQUIRE(gateways.back().next_of<proto::welcome>());
    for (const auto form : {live_client::form::events, live_client::form::websocket}) {
      revoked.emplace_back(*at, eye, form);
      revoked.emplace_back(*at, session, form);
      others.emplace_back(*at, kept, form);
    }
  }

  const auto begun = std::chrono::steady_clock::now();
  CHECK(first.status("DELETE", "/api/v1/tokens/eye?farm=north", admin) == 200);
  CHECK(first.status("DELETE", "/api/v1/tokens/sends?farm=north", admin) == 200);
  CHECK(first.status("PATCH", "/api/v1/users/anna?farm=north", admin, {{"status", "disabled"}})
        == 200);
  for (auto& one : revoked)
    CHECK(one.is_cut_within(in_force));
  for (auto& one : gateways) {
    const auto reject = one.next_of<proto::reject>();
    REQUIRE(reject);
    CHECK(reject->code == proto::reject_code::credentials);
  }
  const auto took = std::chrono::steady_clock::now() - begun;
  MESSAGE(
    "cut everywhere after " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
                            << " ms");
  CHECK(took < in_force);
  for (auto& one : others) // each look compares all connections of a node
    CHECK_FALSE(one.is_cut_within(100ms));
}

TEST_CASE("identities: a disabled user and an ended session are out at every node") {
  const auto database = cluster().make_database("sessions");
  const auto password = init(database);
  const identity_node first{database, {"--node", "n1"}};
  const identity_node second{database, {"--node", "n2"}};
  const auto admin = session_of(first, "admin", password);
  const auto made = first.ask("POST", "/api/v1/users", admin,
                              {{"name", "anna"}, {"farm", "north"}, {"role", "operator"}});
  REQUIRE(made.status == 201);
  const std::string secret = made.body.at("password");
  const auto one = session_of(second, "north/anna", secret);
  const auto two = session_of(second, "north/anna", secret);
  CHECK(first.status("GET", "/api/v1/me", one) == 200);
  CHECK(first.ask("GET", "/api/v1/sessions", one).body.at("sessions").size() == 2);
  CHECK(second.status("POST", "/api/v1/logout", one) == 200);
  CHECK(second.status("GET", "/api/v1/me", one) == 401);
  CHECK(eventually(in_force, [&] { return first.status("GET", "/api/v1/me", one) == 401; }));
  CHECK(first.status("GET", "/api/v1/me", two) == 200);
  CHECK(first.status("PATCH", "/api/v1/users/anna?farm=north", admin, {{"status", "disabled"}})
        == 200);
  CHECK(eventually(in_force, [&] { return second.status("GET", "/api/v1/me", two) == 401; }));
  CHECK(second.log_in("north/anna", secret).status == 401);
  CHECK(first.status("PATCH", "/api/v1/users/admin", admin, {{"status", "disabled"}}) == 409);
  CHECK(first.status("DELETE", "/api/v1/users/admin", admin) == 409);
}

TEST_CASE("identities: while the database is away, who had access keeps it") {
  const auto database = cluster().make_database("away");
  const auto password = init(database);
  const identity_node one{database};
  const auto admin = session_of(one, "admin", password);
  cluster().stop_fast();
  CHECK(one.status("GET", "/api/v1/me", admin) == 200);
  CHECK(one.status("GET", "/api/v1/me", "fus_guess") == 401);
  CHECK(one.log_in("admin", password).status >= 500);
  cluster().start();
  CHECK(eventually(60s, [&] { return one.log_in("admin", password).status == 200; }));
}

TEST_CASE("identities: an admin of one farm manages that farm and sees nothing of others") {
  const scratch_folder folder;
  const auto database = "sqlite:" + folder.file("node.db");
  const auto password = init(database);
  const identity_node at{database};
  const auto root = session_of(at, "admin", password);
  const auto user = [&](const std::string& name, const json& farm, const std::string& role) {
    const auto made =
      at.ask("POST", "/api/v1/users", root, {{"name", name}, {"farm", farm}, {"role", role}});
    REQUIRE_MESSAGE(made.status == 201, made.body.dump());
    return made.body.at("password").get<std::string>();
  };
  const auto anna = session_of(at, "north/anna", user("anna", "north", "admin"));
  const auto hill_password = user("hilda", "hill", "admin");
  const auto hill = session_of(at, "hill/hilda", hill_password);
  const auto hill_token = new_token(at, root, {{"name", "hill-token"}, {"farm", "hill"}});

  for (const auto* target : {"/api/v1/users", "/api/v1/tokens", "/api/v1/audit", "/api/v1/sessions",
                             "/api/v1/users/hilda", "/api/v1/sessions?user=hilda",
                             "/api/v1/users?after_farm=hill", "/api/v1/me"}) {
    const auto answer = at.ask("GET", target, anna);
    CHECK_MESSAGE(answer.body.dump().find("\"hill") == std::string::npos,
                  target << answer.body.dump());
    CHECK_MESSAGE(at.status("GET",
                            std::string{target}
                              + (std::string{target}.find('?') == std::string::npos ? "?" : "&")
                              + "farm=hill",
                            anna)
                    >= 400,
                  target);
  }
  CHECK(at.status("DELETE", "/api/v1/users/hilda", anna) == 404);
  CHECK(at.status("PATCH", "/api/v1/users/hilda", anna, {{"role", "viewer"}}) == 404);
  CHECK(at.status("DELETE", "/api/v1/tokens/hill-token", anna) == 404);
  CHECK(at.status("DELETE", "/api/v1/sessions?user=hilda", anna) == 404);
  CHECK(at.status("DELETE", "/api/v1/sessions/1", anna) == 200); // of nobody else: ends none
  CHECK(at.status("GET", "/api/v1/me", hill) == 200);
  CHECK(at.status("GET", "/api/v1/me", hill_token) == 200);
  // Never more than it has.
  for (const json& more :
       {json{{"name", "x"}, {"farm", "*"}, {"role", "viewer"}},
        json{{"name", "x"}, {"farm", "hill"}}, json{{"name", "x"}, {"farms", {"north", "hill"}}}}) {
    CHECK_MESSAGE(at.status("POST", "/api/v1/users", anna, more) == 403, more.dump());
    CHECK_MESSAGE(at.status("POST", "/api/v1/tokens", anna, more) == 403, more.dump());
  }
  // The same name in the own farm is another user.
  CHECK(at.status("POST", "/api/v1/users", anna, {{"name", "hilda"}}) == 201);
  CHECK(at.log_in("hill/hilda", hill_password).status == 200);
  CHECK(at.ask("GET", "/api/v1/users", root).body.at("users").size() == 4);
  // Viewers, operators and gateways manage nobody.
  const auto viewer = new_token(at, root, {{"name", "v"}, {"farm", "north"}, {"role", "operator"}});
  const auto sends = new_token(at, root, {{"name", "g"}, {"farm", "north"}});
  const auto limited = new_token(
    at, root, {{"name", "l"}, {"farm", "north"}, {"role", "admin"}, {"equipment", {"T1"}}});
  for (const auto& token : {viewer, sends, limited})
    for (const auto* target : {"/api/v1/users", "/api/v1/tokens", "/api/v1/audit"})
      CHECK(at.status("GET", target, token) == 403);
}

TEST_CASE("identities: who guesses passwords waits, and others do not") {
  const scratch_folder folder;
  const auto database = "sqlite:" + folder.file("node.db");
  const auto password = init(database);
  const identity_node at{database};
  std::optional<http_answer_of_node> blocked;
  for (int i = 0; i < 20 && !blocked; ++i) {
    auto answer = at.log_in("admin", "guess number " + std::to_string(i));
    if (answer.status == 429)
      blocked = std::move(answer);
    else
      CHECK(answer.body.at("error").at("code") == "wrong_login");
  }
  REQUIRE(blocked);
  CHECK(blocked->head.find("Retry-After: ") != std::string::npos);
  // Another name each time does not help: the address waits, too.
  std::set<int> met;
  for (int i = 0; i < 20 && met.count(429) == 0; ++i)
    met.insert(at.log_in("nobody" + std::to_string(i), "a password").status);
  CHECK(met == std::set<int>{401, 429});
  CHECK(at.output().find("failed login from 127.0.0.1") != std::string::npos);
  CHECK(at.output().find("guess number") == std::string::npos);
  CHECK(eventually(40s, [&] { return at.log_in("admin", password).status == 200; }));
}

TEST_CASE("identities: a browser has its session in a cookie, and no other site can use it") {
  const scratch_folder folder;
  const auto database = "sqlite:" + folder.file("node.db");
  const auto password = init(database);
  const identity_node at{database};
  const auto answer = at.ask("POST", "/api/v1/login", "",
                             {{"user", "admin"}, {"password", password}, {"cookie", true}});
  REQUIRE(answer.status == 200);
  CHECK_FALSE(answer.body.contains("token"));
  const auto set = answer.head.substr(answer.head.find("Set-Cookie: ") + 12);
  CHECK(set.find("HttpOnly") != std::string::npos);
  CHECK(set.find("SameSite=Strict") != std::string::npos);
  const auto cookie = "Cookie: other=1; " + set.substr(0, set.find(';')) + "\r\n";
  CHECK(at.ask("GET", "/api/v1/me", "", nullptr, cookie).status == 200);
  CHECK(at.ask("GET", "/api/v1/me", "", nullptr, "Cookie: furrow_session=x\r\n").status == 401);
  CHECK(
    at.ask("POST", "/api/v1/logout", "", nullptr, cookie + "Origin: http://evil.example\r\n").status
    == 403);
  CHECK(
    at.ask("POST", "/api/v1/logout", "", nullptr, cookie + "Origin: http://localhost\r\n").status
    == 200);
  CHECK(at.ask("GET", "/api/v1/me", "", nullptr, cookie).status == 401);
}

TEST_CASE("identities: people change their own password, and the other sessions end") {
  const scratch_folder folder;
  const auto database = "sqlite:" + folder.file("node.db");
  const auto password = init(database);
  const identity_node at{database};
  const auto here = session_of(at, "admin", password);
  const auto there = session_of(at, "admin", password);
  const auto change = [&](const std::string& old, const std::string& fresh) {
    return at.status("PUT", "/api/v1/me/password", here, {{"old", old}, {"new", fresh}});
  };
  CHECK(change("wrong password", "four long words here") == 403);
  CHECK(change(password, "short") == 400);
  CHECK(change(password, "four long words here") == 200);
  CHECK(at.status("GET", "/api/v1/me", here) == 200);
  CHECK(at.status("GET", "/api/v1/me", there) == 401);
  CHECK(at.log_in("admin", password).status == 401);
  CHECK(at.log_in("admin", "four long words here").status == 200);
}

TEST_CASE("identities: a node without anybody is open on loopback, until the first admin is made") {
  const scratch_folder folder;
  const auto database = "sqlite:" + folder.file("node.db");
  const identity_node at{database};
  CHECK(at.status("GET", "/api/v1/users", "") == 200);
  CHECK(at.status("POST", "/api/v1/tokens", "", {{"name", "t"}, {"farm", "north"}}) == 409);
  CHECK(at.status("POST", "/api/v1/users", "", {{"name", "anna"}, {"farm", "north"}}) == 409);
  const auto made =
    at.ask("POST", "/api/v1/users", "", {{"name", "root"}, {"farm", "*"}, {"role", "admin"}});
  REQUIRE(made.status == 201);
  CHECK(at.status("GET", "/api/v1/users", "") == 401);
  CHECK(at.log_in("root", made.body.at("password")).status == 200);
  const auto again = run("furrowd", {"init", "--database", database});
  CHECK(again.exit_code == 1);
  CHECK(again.errors.find("has an admin already") != std::string::npos);
  CHECK(again.out.empty());
}

TEST_CASE("identities: furrow manages users and tokens of a node and of a database alike") {
  const scratch_folder folder;
  const auto database = "sqlite:" + folder.file("node.db");
  const auto password = init(database);
  const identity_node at{database};
  const auto session = session_of(at, "admin", password);
  for (const bool direct : {true, false}) {
    const auto furrow = [&](std::vector<std::string> words) {
      const std::vector<std::string> to =
        direct ? std::vector<std::string>{"--database", database}
               : std::vector<std::string>{"--at", at.url(), "--token", session};
      words.insert(words.end(), to.begin(), to.end());
      return run("furrow", std::move(words));
    };
    const std::string name = direct ? "anna" : "eva";
    const auto made =
      furrow({"user", "add", name, "--farm", "north", "--role", "viewer", "-o", "json"});
    REQUIRE_MESSAGE(made.exit_code == 0, made.errors);
    const std::string secret = json::parse(made.out).at("password");
    CHECK(eventually(in_force, [&] { return at.log_in("north/" + name, secret).status == 200; }));
    CHECK(furrow({"user", "list"}).out.find(name) != std::string::npos);
    CHECK(furrow({"user", "show", "north/" + name}).exit_code == 0);
    CHECK(furrow({"user", "show", "hill/" + name}).exit_code == 4);
    CHECK(furrow({"user", "set", "north/" + name, "--role", "operator"}).exit_code == 0);
    CHECK(furrow({"user", "disable", "north/" + name}).exit_code == 0);
    CHECK(furrow({"user", "password", "north/" + name}).exit_code == 0);
    CHECK(furrow({"user", "remove", "admin"}).exit_code == 1);
    const auto token = furrow({"token", "new", name + "'s", "--farm", "north", "--role", "viewer"});
    REQUIRE_MESSAGE(token.exit_code == 0, token.errors);
    const auto text = token.out.substr(0, token.out.find('\n'));
    CHECK(text.size() == 68);
    CHECK(eventually(in_force, [&] { return at.status("GET", "/api/v1/me", text) == 200; }));
    CHECK(furrow({"token", "list"}).out.find(name + "'s") != std::string::npos);
    CHECK(furrow({"token", "revoke", "north/" + name + "'s"}).exit_code == 0);
    CHECK(eventually(in_force, [&] { return at.status("GET", "/api/v1/me", text) == 401; }));
    CHECK(furrow({"user", "remove", "north/" + name}).exit_code == 0);
    const auto audit = furrow({"audit", "-o", "json"});
    CHECK(audit.exit_code == 0);
    for (const auto* action :
         {"user add", "user change", "user remove", "token new", "token revoke"})
      CHECK_MESSAGE(audit.out.find(action) != std::string::npos, action);
    for (const auto& hidden : {secret, text, std::string{"argon2"}})
      CHECK(audit.out.find(hidden) == std::string::npos);
  }
}

TEST_CASE("identities: a node that others reach needs somebody with access") {
  const scratch_folder folder;
  const auto database = "sqlite:" + folder.file("node.db");
  const auto plain =
    run("furrowd", {"--database", database, "--listen", "0.0.0.0:0", "--http", "127.0.0.1:0"});
  CHECK(plain.exit_code == 2);
  CHECK(plain.errors.find("needs TLS") != std::string::npos);
}
