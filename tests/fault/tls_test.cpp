/// Goal: the same guarantees hold with TLS on both listeners, certificates of gateways, and tokens.
/// Method: the kill story over mutual TLS. Then gateways without a certificate or token each get one line that says
///   what is missing. Then certificates that name farm and machine take the place of tokens.
#include "tests/fault/kill_stories.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/cluster_authority.hpp"
#include "tests/support/data.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

/// A certificate for everyone, and a token for each role.
struct guarded_node {
  certificate made;
  int count = 0; // of tokens; the members below make some
  std::string tokens = (made.folder / "tokens.toml").string();
  std::string gateway = token({"--role", "gateway"});
  std::string one_machine = token({"--role", "gateway", "--equipment", "other"});
  std::string viewer =
    token({"--role", "viewer", "--farm", "*"}); // sees refusals of unknown farms too

  std::string token(std::vector<std::string> flags) {
    const auto name = (made.folder / ("token" + std::to_string(++count))).string();
    flags.insert(flags.begin(), {"token", "new", "-o", "json"});
    child_process child{FURROW_BIN_DIR "/furrow", flags, name};
    REQUIRE(child.wait(10s) == 0);
    const auto parts = nlohmann::json::parse(read_file(name));
    std::ofstream file{tokens, std::ios::app};
    file << "[[token]]\nsha256 = " << parts.at("sha256") << "\nfarm = " << parts.at("farm")
         << "\nrole = " << parts.at("role") << "\n";
    if (!parts.at("equipment").empty())
      file << "equipment = " << parts.at("equipment").dump() << "\n";
    std::ofstream{name, std::ios::trunc} << parts.at("token").get<std::string>() << "\n";
    return name;
  }

  [[nodiscard]] way_in way() const {
    return {{"--ca", made.cert, "--cert", made.cert, "--key", made.key, "--token-file", gateway},
            "https",
            {"--ca", made.cert, "--token-file", viewer, "--farm", "default"}};
  }
  [[nodiscard]] std::vector<std::string> flags() const {
    return {"--tls-cert",      made.cert, "--tls-key", made.key,
            "--tls-client-ca", made.cert, "--tokens",  tokens};
  }
};

} // namespace

TEST_CASE("fault, tls: kill -9 of both over mutual TLS, and nothing is lost or doubled") {
  const guarded_node guard;
  rig where{"sqlite", guard.way()};
  where.always(guard.flags());
  replay_with_kills(where, "tls", {.node = true, .edge = true}, 7, 5);
}

TEST_CASE("fault, tls: a rejected gateway reports what is missing, and keeps its frames") {
  const guarded_node guard;
  rig where{"sqlite", guard.way()};
  where.always(guard.flags());
  where.start_node();
  const certificate stranger;
  struct lack {
    std::string name;
    std::vector<std::string> flags;
    std::string word;
  };
  const std::vector<lack> lacks{
    {"plain", {"--token-file", guard.gateway}, "TLS"},
    {"no-certificate", {"--ca", guard.made.cert, "--token-file", guard.gateway}, "certificate"},
    {"wrong-authority",
     {"--ca", stranger.cert, "--cert", guard.made.cert, "--key", guard.made.key, "--token-file",
      guard.gateway},
     "certificate"},
    {"stranger",
     {"--ca", guard.made.cert, "--cert", stranger.cert, "--key", stranger.key, "--token-file",
      guard.gateway},
     "unknown ca"},
    {"no-token",
     {"--ca", guard.made.cert, "--cert", guard.made.cert, "--key", guard.made.key},
     "needs a token"},
    {"not-its-token",
     {"--ca", guard.made.cert, "--cert", guard.made.cert, "--key", guard.made.key, "--token-file",
      guard.one_machine},
     "token"},
  };
  const auto log = where.folder() / "one.log";
  std::ofstream{log} << "(0000000001.000000) can0 0CF00400#FFFFFF6813FFFFFF\n";
  for (const auto& one : lacks) {
    CAPTURE(one.name);
    const auto output = (where.folder() / (one.name + ".out")).string();
    std::vector<std::string> arguments{"run",
                                       "--node",
                                       where.gateway(),
                                       "--equipment",
                                       one.name,
                                       "--spool",
                                       where.spool(one.name).string(),
                                       "--from",
                                       log.string(),
                                       "--until-durable",
                                       "--timeout",
                                       "3"};
    arguments.insert(arguments.end(), one.flags.begin(), one.flags.end());
    child_process edge{FURROW_BIN_DIR "/furrow-edge", arguments, output};
    const auto code = edge.wait(20s);
    const auto said = read_file(output);
    CAPTURE(said);
    CHECK(code.value_or(-1) > 0);
    CHECK(said.find(one.word) != std::string::npos);
    // With the right credentials the same spool is sent.
    where.start_edge(one.name, log);
    CHECK(where.edge_end(20s) == 0);
    check_whole(where, one.name, log);
  }
  // The node knows the reason of each.
  int code = -1;
  const auto refused =
    nlohmann::json::parse(where.furrow({"gateways", "--failed", "-o", "json"}, code));
  CHECK(code == 0);
  std::set<std::string> reasons;
  for (const auto& row : refused)
    reasons.insert(row.at("reason").get<std::string>());
  CHECK(reasons
        == std::set<std::string>{"tls_mismatch", "no_certificate", "node_not_trusted",
                                 "unknown_authority", "no_token", "other_machine"});
  CHECK(where.node_output().find("rejected (unknown_authority): the certificate of the gateway is "
                                 "not of an authority in --tls-client-ca")
        != std::string::npos);
}

TEST_CASE("fault, tls: a node with an expired certificate says so, and one of a gateway is named") {
  const certificate expired{-1};
  const certificate valid;
  const auto authorities = (valid.folder / "both.pem").string();
  std::ofstream{authorities} << read_file(valid.cert) << read_file(expired.cert);
  rig where{"sqlite", {{}, "https", {"--ca", expired.cert}}};
  where.always({"--tls-cert", valid.cert, "--tls-key", valid.key, "--tls-client-ca", authorities});
  where.start_node();
  CHECK(eventually(10s, [&] { // two days are left
    return where.node_output().find(
             "alarm certificate: the TLS certificate of this node expires in 2 days")
           != std::string::npos;
  }));
  const auto log = where.folder() / "one.log";
  std::ofstream{log} << "(0000000001.000000) can0 0CF00400#FFFFFF6813FFFFFF\n";
  child_process edge{FURROW_BIN_DIR "/furrow-edge",
                     {"run", "--node", where.gateway(), "--equipment", "T1", "--spool",
                      where.spool("T1").string(), "--from", log.string(), "--until-durable",
                      "--timeout", "2", "--ca", valid.cert, "--cert", expired.cert, "--key",
                      expired.key},
                     (where.folder() / "edge.out").string()};
  CHECK(edge.wait(20s).value_or(-1) > 0);
  CHECK_MESSAGE(where.node_output().find(
                  "rejected (certificate_expired): the certificate of the gateway has expired")
                  != std::string::npos,
                where.node_output());
  where.kill_node(SIGTERM);
  where.always({"--tls-cert", expired.cert, "--tls-key", expired.key});
  where.start_node();
  CHECK(eventually(10s, [&] {
    return where.node_output().find(
             "alarm certificate: the TLS certificate of this node expired at 20")
           != std::string::npos;
  }));
  where.kill_node(SIGTERM);
}

TEST_CASE(
  "fault, tls: the certificate of a gateway decides its farm and machine, and what is not of "
  "that farm is refused") {
  const cluster_authority authority;
  const auto own = authority.issue_for("DNS:localhost,IP:127.0.0.1", "serverAuth");
  guarded_node guard; // for its tokens
  const auto of_hill = guard.token({"--role", "gateway", "--farm", "hill"});
  rig where{"sqlite", {{}, "https", {"--ca", authority.cert(), "--token-file", guard.viewer}}};
  where.always({"--tls-cert", own.cert, "--tls-key", own.key, "--tls-client-ca", authority.cert(),
                "--tokens", guard.tokens});
  where.start_node();
  const auto log = where.folder() / "one.log";
  std::ofstream{log} << "(0000000001.000000) can0 0CF00400#FFFFFF6813FFFFFF\n";
  struct sent {
    int code = -1;
    std::string said;
  };
  const auto send = [&](const std::string& machine, const std::string& spool,
                        const std::string& names, const std::string& token = {}) {
    const auto made = authority.issue_for(names);
    const auto output = (where.folder() / "edge.out").string();
    std::filesystem::remove(output);
    std::vector<std::string> arguments{"run",
                                       "--node",
                                       where.gateway(),
                                       "--equipment",
                                       machine,
                                       "--spool",
                                       where.spool(spool).string(),
                                       "--from",
                                       log.string(),
                                       "--ca",
                                       authority.cert(),
                                       "--cert",
                                       made.cert,
                                       "--key",
                                       made.key,
                                       "--until-durable",
                                       "--timeout",
                                       "3"};
    if (!token.empty())
      arguments.insert(arguments.end(), {"--token-file", token});
    child_process edge{FURROW_BIN_DIR "/furrow-edge", arguments, output};
    const auto code = edge.wait(20s).value_or(-1);
    return sent{code, read_file(output)};
  };
  const auto stored = [&](const std::string& farm) {
    int code = -1;
    const auto said = where.furrow({"ledger", "--farm", farm, "-o", "json"}, code);
    REQUIRE_MESSAGE(code == 0, said);
    std::string rows;
    for (const auto& row : nlohmann::json::parse(said))
      rows += row.at("equipment").get<std::string>() + "="
              + std::to_string(row.at("stored").get<int>()) + " ";
    return rows;
  };
  const auto accepted = [&](const sent& one) { CHECK_MESSAGE(one.code == 0, one.said); };
  const auto refused = [&](const sent& one, const std::string& why) {
    CHECK_MESSAGE(one.code > 0, one.said);
    CHECK_MESSAGE(one.said.find(why) != std::string::npos, one.said);
  };

  // Without a token, the certificate says whose frames they are.
  accepted(send("T1", "north", "URI:furrow:north/T1"));
  accepted(send("T1", "hill", "URI:furrow:hill/T1"));
  accepted(send("T 7", "any", "URI:furrow:north/*"));
  accepted(send("T2", "both", "URI:furrow:hill/T2", of_hill)); // token and certificate agree
  CHECK(stored("north") == "T 7=1 T1=1 ");
  CHECK(stored("hill") == "T1=1 T2=1 ");

  refused(send("T2", "other-machine", "URI:furrow:north/T1"), "not for equipment T2");
  refused(send("T3", "token-of-hill", "URI:furrow:north/T3", of_hill), "different farms");
  refused(send("T1", "two-farms", "URI:furrow:north/T1,URI:furrow:hill/T1"), "not sound");
  refused(send("T1", "no-machine", "URI:furrow:north"), "not sound");
  refused(send("T1", "nameless", "DNS:t1.example"), "needs a token");
  // The spool of north's gateway, with more frames and hill's certificate: the node takes it for hill's, and north stays
  // as it is.
  std::ofstream{log, std::ios::app} << "(0000000002.000000) can0 0CF00400#FFFFFF6813FFFFFF\n";
  refused(send("T1", "north", "URI:furrow:hill/T1"), "one.log already");
  CHECK(where.node_output().find("hill/T1: rejected (known_file)") != std::string::npos);
  CHECK(stored("north") == "T 7=1 T1=1 ");

  // Each farm sees its own refusals.
  const auto mismatches = [&](const std::string& farm) {
    int code = -1;
    const auto said = where.furrow({"gateways", "--failed", "--farm", farm, "-o", "json"}, code);
    REQUIRE_MESSAGE(code == 0, said);
    std::string machines;
    for (const auto& row : nlohmann::json::parse(said))
      if (row.at("reason") == "certificate_mismatch" && row.at("farm") == farm)
        machines += row.at("equipment").get<std::string>() + " ";
    return machines;
  };
  const auto in_north = mismatches("north");
  CHECK_MESSAGE((in_north == "T1 T2 " || in_north == "T2 T1 "), in_north);
  CHECK(mismatches("hill") == "T3 ");
}
