/// The real `furrow` program against the HTTP front on a fake node.
#include "actors/log/levels.hpp"
#include "tests/support/certificate.hpp"
#include "tests/tools/furrow/cli_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::ordered_json;

namespace {

const std::string cli_t1_log = "(1588310400.001000) can0 18FEF100#0102030405060701\n"
                               "(1588310400.002000) can0 123#0102 T\n"
                               "(1588310400.003000) can0 18FEF100#0102030405060703\n";

} // namespace

TEST_CASE("furrow ledger: JSON has the agreed names in the agreed order; the exit code says "
          "whether the ledger is clean") {
  cli_world furrow;
  CHECK(good(furrow("ledger", "T1", "-o", "json"))
        == "[{\"equipment\":\"T1\",\"stream_id\":\"00000000-0000-0000-0000-000000000007\","
           "\"sent\":3,\"durable\":3,\"stored\":3,\"lost\":0,\"doubled\":0,\"farm\":\"default\","
           "\"quarantined\":0,\"dropped\":0,\"lost_at_gateway\":0,\"expired\":0,"
           "\"elsewhere\":0}]\n");
  const auto lossy = furrow("-o", "jsonl", "ledger");
  CHECK(lossy.exit_code == 1);
  CHECK(std::count(lossy.out.begin(), lossy.out.end(), '\n') == 2);
  furrow.node.database.rows[1].lost = 0;
  CHECK(furrow("ledger").exit_code == 0);
  furrow.node.database.rows[1].doubled = 1;
  CHECK(furrow("ledger").exit_code == 1);
}

TEST_CASE("furrow ledger: the table is as wide as its content, with numbers aligned right") {
  cli_world furrow;
  CHECK(good(furrow("ledger", "T1"))
        == "EQUIPMENT  STREAM                                SENT  DURABLE  STORED  LOST  DOUBLED  "
           "QUARANTINED\n"
           "T1         00000000-0000-0000-0000-000000000007     3        3       3     0        0  "
           "          0\n");
}

TEST_CASE("furrow frames: prints the log byte for byte, or filtered") {
  cli_world furrow;
  CHECK(good(furrow("frames", "T1")) == cli_t1_log);
  CHECK(good(furrow("frames", "T1", "-o", "candump", "--can-id", "123"))
        == "(1588310400.002000) can0 123#0102 T\n");
  CHECK(good(furrow("frames", "T1", "--pgn", "0xFEF1", "--from", "2020-05-01T07:20:00.002+02:00"))
        == "(1588310400.003000) can0 18FEF100#0102030405060703\n");
  CHECK(good(furrow("frames", "T1", "--last", "1000")) == cli_t1_log);
  CHECK(cli_t1_log.ends_with(good(furrow("frames", "T1", "--last", "2"))));
  CHECK(good(furrow("frames", "T1", "-o", "trc")).starts_with(";$FILEVERSION=2.1\n"));
  CHECK(good(furrow("frames", "T1", "-o", "asc", "--last", "1")).starts_with("date Fri May 1 "));
  bad(furrow("frames", "T1", "--last", "0"), 2);
  bad(furrow("frames", "T1", "--last", "5", "--pgn", "65265"), 2);
  CHECK(good(furrow("frames", "T1", "--from", "-infinity", "--to", "infinity")) == cli_t1_log);
  const auto lines =
    good(furrow("frames", "T1", "-o", "jsonl", "--to", "2020-05-01T05:20:00.001Z"));
  CHECK(ordered_json::parse(lines)["payload"] == "0102030405060701");
  CHECK(good(furrow("-o", "jsonl", "frames", "T1")).starts_with("{\"seq\":1,"));
  CHECK(ordered_json::parse(good(furrow("frames", "T1", "-o", "json"))).size() == 3);
  bad(furrow("frames"), 2);
  CHECK(bad(furrow("frames", "T9"), 4).find("`furrow equipment`") != std::string::npos);
  CHECK(bad(furrow("frames", "T1", "--from", "noon"), 2).find("--from: \"noon\" is not a time")
        != std::string::npos);
}

TEST_CASE("furrow frames: ends quietly when the reader goes away") {
  cli_world furrow;
  furrow.node.database.frame_count = 1'000'000;
  program_options options{{{"FURROW_AT", furrow.front.url()}}};
  options.out_bytes_max = 100'000;
  const auto cut = furrow_with(options, {"frames", "T1"});
  CHECK(cut.exit_code == 0);
  CHECK(cut.errors == "");
  // The node was not asked for the rest.
  CHECK(furrow.node.database.pages < 125);
}

TEST_CASE("furrow frames: fails on a truncated answer and on a full disk") {
  cli_world furrow;
  furrow.node.database.frame_count = 100'000;
  furrow.node.database.pages_max = 2;
  const auto cut = furrow("frames", "T1");
  CHECK(cut.exit_code == 1);
  CHECK(std::count(cut.out.begin(), cut.out.end(), '\n') == 16'000);
  CHECK(cut.errors.find("cut its answer short after") != std::string::npos);
  furrow.node.database.pages_max = -1;
  const auto full =
    run_program({"/bin/sh", "-c",
                 FURROW_BIN_DIR "/furrow --at " + furrow.front.url() + " frames T1 > /dev/full"});
  CHECK(bad(full, 1).find("No space left on device") != std::string::npos);
}

TEST_CASE("furrow equipment: the fleet, one machine, and watching") {
  cli_world furrow;
  const auto rows = ordered_json::parse(good(furrow("equipment", "-o", "json")));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["state"]["engine_speed_rpm"]["value"] == 1450.5);
  const auto fleet = good(furrow("equipment"));
  CHECK(fleet.find("ENGINE rpm") != std::string::npos);
  CHECK(fleet.find("\nT1    yes        n1 ") != std::string::npos);
  CHECK(fleet.find(" d         5        3     9      1450.5")
        != std::string::npos); // seen so many days ago
  CHECK(fleet.find("\nT2    no         -") != std::string::npos);
  const auto one = good(furrow("equipment", "T1"));
  CHECK(one.find("\nengine_speed_rpm  1450.5  rpm ") != std::string::npos);
  CHECK(one.find("\nFAULTS\nSPN  FMI  MEANING ") != std::string::npos);
  CHECK(one.find("\n110    3  voltage too high      5  active        0  amber_warning slow")
        != std::string::npos);
  CHECK(one.find("\n190    2  erratic or wrong      -  cleared") != std::string::npos);
  CHECK(one.find("\nECUS\nADDRESS  NAME ") != std::string::npos);
  CHECK(one.find("\nIMPLEMENT at 131: ABC, software 1,") != std::string::npos);
  CHECK(one.find("mass per area yield") != std::string::npos);
  CHECK(one.find("1 on, 2 off") != std::string::npos);
  CHECK(one.find("61444") != std::string::npos);
  CHECK(ordered_json::parse(good(furrow("equipment", "T1", "-o", "json")))["name"] == "T1");
  bad(furrow("equipment", "H1"), 4);
  const auto watched =
    good(furrow("equipment", "T1", "--watch=50ms", "--times", "3", "-o", "jsonl"));
  CHECK(std::count(watched.begin(), watched.end(), '\n') == 3);
}

TEST_CASE(
  "furrow equipment: without the database, shows the live machines and why others are missing") {
  cli_world furrow;
  furrow.node.store_up = false;
  furrow.node.database.away = true;
  const auto shown = furrow("equipment");
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.find("1450.5") != std::string::npos);
  CHECK(shown.errors.starts_with("furrow: only live machines are shown: "));
  bad(furrow("ledger"), 1);
}

TEST_CASE("furrow equipment: a name cannot control the terminal") {
  cli_world furrow;
  furrow.node.live[0].peer = "evil\x1b[2Jpeer\n";
  const auto shown = good(furrow("equipment", "T1"));
  CHECK(shown.find("evil?[2Jpeer?") != std::string::npos);
  CHECK(shown.find('\x1b') == std::string::npos);
}

TEST_CASE("furrow nodes: shows the nodes and one of them; a node that is alone has none to steer") {
  cli_world furrow;
  const auto shown = good(furrow("nodes"));
  CHECK(shown.find("NODE") == 0);
  CHECK(shown.find("n1") != std::string::npos);
  CHECK(shown.find("alive") != std::string::npos);
  CHECK(ordered_json::parse(good(furrow("nodes", "show", "n1", "-o", "json")))["state"] == "alive");
  bad(furrow("nodes", "show", "n9"), 4);
  bad(furrow("node", "drain", "n1"), 1);
  bad(furrow("node", "weight", "n1", "10001"), 2);
  bad(furrow("node"), 2);
  bad(furrow("equipment", "move", "T1", "--to", "n2"), 1);
  bad(furrow("equipment", "move", "T1"), 2);
}

TEST_CASE("furrow equipment: sorts the machines, and shows the first of them") {
  cli_world furrow;
  const auto names = [&](auto... options) {
    std::string out;
    const ordered_json rows =
      ordered_json::parse(good(furrow("equipment", "-o", "json", options...)));
    for (const ordered_json& row : rows)
      out += row["name"].get<std::string>() + " ";
    return out;
  };
  CHECK(names() == "T1 T2 ");
  CHECK(names("--sort", "-name") == "T2 T1 ");
  CHECK(names("--sort", "connected", "--limit", "1") == "T2 ");
  CHECK(names("--limit", "1") == "T1 ");
  CHECK(bad(furrow("equipment", "--sort", "colour"), 2).find("use one of name")
        != std::string::npos);
  bad(furrow("equipment", "--limit", "0"), 2);
  bad(furrow("equipment", "T1", "--limit", "1"), 2);
}

TEST_CASE("furrow config show: prints the settings of a node, and where each comes from") {
  config::in_force values;
  values.files = {"/etc/furrow/furrowd.toml"};
  values.settings = {{"lanes", config::layer::file, "/etc/furrow/furrowd.toml:2:9", {"2"}},
                     {"redis", config::layer::flag, "--redis", {"redis://:streng@h"}, true},
                     {"map", config::layer::standard, "", {}, true}};
  values.settings[1].shown = config::hidden;
  const auto board = std::make_shared<config::settings_board>();
  board->show(values);
  http::http_config with;
  with.settings = board;
  cli_world furrow{std::move(with)};
  CHECK(good(furrow("config", "show"))
        == "KEY    VALUE  ORIGIN\n"
           "lanes  2      /etc/furrow/furrowd.toml:2:9\n"
           "redis  \"***\"  --redis\n"
           "map    \"\"     default\n");
  const auto rows = ordered_json::parse(good(furrow("config", "show", "--set", "-o", "json")));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["origin"] == "file");
  CHECK(rows[1]["value"] == "\"***\"");
  bad(furrow("config"), 2);
}

TEST_CASE("furrow actors: shows the tree and one actor, and kills one") {
  cli_world furrow;
  CHECK(good(furrow("actors"))
        == "ACTOR                    ID  STATE    RESTARTS  DETAIL\n"
           "node                      1  running         0\n"
           "|- writer-0               2  running         2  connection lost\n"
           "`- equipment default/T1   3  running         0\n");
  CHECK(good(furrow("actors", "tree")) == good(furrow("actors")));
  CHECK(ordered_json::parse(good(furrow("actors", "show", "2", "-o", "json")))["name"]
        == "writer-0");
  CHECK(good(furrow("actors", "show", "2")).find("\nrestarts   2\n") != std::string::npos);
  bad(furrow("actors", "show", "9"), 4);
  CHECK(good(furrow("actors", "tree", "--node", "n1")).find("n1/2") != std::string::npos);
  bad(furrow("actors", "tree", "--node", "n9"), 4);
  CHECK(good(furrow("actors", "restart", "n1/2")) == "RESTARTED  NAME\n        2  writer-0\n");
  CHECK(furrow.node.restarted == std::vector<std::uint64_t>{2});
  bad(furrow("actors", "kill", "n9/2"), 4);
  CHECK(good(furrow("actors", "kill", "2")) == "KILLED  NAME\n     2  writer-0\n");
  CHECK(furrow.node.killed == std::vector<std::uint64_t>{2});
  bad(furrow("actors", "kill", "2"), 4);
  bad(furrow("actors", "kill", "x"), 2);
  bad(furrow("actors", "kill"), 2);
}

TEST_CASE("furrow db: state and migrations through the node") {
  cli_world furrow;
  CHECK(good(furrow("db", "status"))
        == "fake 1: up, answers in 250 us\n"
           "digest: 1 of 3 streams behind, by 77 items, since 2020-05-01T05:20:00.000000Z\n"
           "NUMBER  NAME    APPLIED  FAULT\n"
           "     1  base    yes      -\n"
           "     2  frames  no       -\n");
  const auto status = ordered_json::parse(good(furrow("db", "status", "-o", "json")));
  CHECK(status["health"]["up"] == true);
  CHECK(good(furrow("db", "migrate")).find("2  frames  yes") != std::string::npos);
  furrow.node.database.migrations[0].fault = "checksum differs";
  CHECK(furrow("db", "status").exit_code == 1);
  furrow.node.database.away = true;
  const auto away = furrow("db", "status");
  CHECK(away.exit_code == 1);
  CHECK(away.out == "fake 1: down: connection refused\n");
}

TEST_CASE("furrow db: asks a database directly, without a node") {
  std::string folder = "/tmp/furrow_cli_XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto url = "sqlite:" + folder + "/furrow.db";
  const auto run = [&](const char* what) {
    return furrow_with({}, {"db", what, "--database", url, "-o", "json"});
  };
  auto rows = ordered_json::parse(good(run("migrate")))["migrations"];
  REQUIRE_FALSE(rows.empty());
  for (const auto& row : rows)
    CHECK(row["applied"] == true);
  const auto status = ordered_json::parse(good(run("status")));
  CHECK(status["health"]["up"] == true);
  CHECK(status["migrations"] == rows);
  CHECK(std::system(("rm -r " + folder).c_str()) == 0);
  const auto gone =
    bad(furrow_with({}, {"db", "migrate", "--database", "postgresql://u:secret@127.0.0.1:1/x"}), 3);
  CHECK(gone.find("secret") == std::string::npos);
  bad(furrow_with({}, {"db", "status", "--database", "host=127.0.0.1 port=1"}), 3);
  bad(furrow_with({}, {"db", "status", "--database", "mysql://x"}), 1);
}

TEST_CASE("furrow report: shows figures, alarms and advice, and no figure that was not measured") {
  cli_world furrow;
  CHECK(good(furrow("report")) == "this database has no pool, and its statements are not timed\n");
  furrow.node.database.measured = busy_activity();
  const auto busy = furrow("report");
  CHECK(busy.exit_code == 1); // alarms
  for (const std::string words :
       {"15 in use, 0 idle, 0 overflow", "3 timed out", "99.00 % succeeded", "--pool-max",
        "raise from 10 to 15", "select '?' from t where a = $1"})
    CHECK_MESSAGE(busy.out.find(words) != std::string::npos, words << " in " << busy.out);
  const auto raw = ordered_json::parse(furrow("report", "-o", "json").out);
  CHECK((raw.is_array() ? raw[0] : raw)["pool"]["timeouts"] == 3);
}

TEST_CASE("furrow health: exit code 0 if ready, 1 if not ready") {
  cli_world furrow;
  CHECK(good(furrow("health")) == "NODE  VERSION  READY  REASONS\nn1    0.1.0    yes    -\n");
  furrow.node.store_up = false;
  const auto not_ready = furrow("health", "-o", "json");
  CHECK(not_ready.exit_code == 1);
  CHECK(ordered_json::parse(not_ready.out)["ready"] == false);
}

TEST_CASE("furrow: usage errors, no connection, not found and time-out have different exit codes") {
  cli_world furrow;
  CHECK(bad(furrow("nonsense"), 2).find("`furrow --help`") != std::string::npos);
  bad(furrow_with({}, {}), 2);
  CHECK(bad(furrow("ledger", "--nonsense"), 2).find("`furrow ledger --help`") != std::string::npos);
  bad(furrow("ledger", "-o", "xml"), 2);
  bad(furrow("--at", "ftp://x", "ledger"), 2);
  bad(furrow("--at", "http://x:99999999", "ledger"), 2);
  const auto closed = bad(furrow_with({}, {"--at", "http://127.0.0.1:1", "ledger"}), 3);
  CHECK(closed.find("cannot connect to http://127.0.0.1:1: Connection refused")
        != std::string::npos);
  bad(furrow_with({}, {"--at", "http://no.such.name.invalid:1", "ledger"}), 3);
  bad(furrow("ledger", "T9"), 4);
  furrow.node.database.silent = true;
  CHECK(bad(furrow("--timeout", "0.2", "ledger"), 5).find("was silent for 0.2 s")
        != std::string::npos);
}

TEST_CASE("furrow: the help has examples, and flags override the environment") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--help"},
                                                {"ledger", "--help"},
                                                {"frames", "--help"},
                                                {"equipment", "-h"},
                                                {"actors", "--help"},
                                                {"db", "migrate", "--help"},
                                                {"token", "new", "--help"}}) {
    const auto help = good(furrow_with({}, words));
    CHECK(help.find(words.size() == 1 ? "Exit codes: 0 ok" : "Examples:") != std::string::npos);
  }
  cli_world furrow;
  const program_options wrong{{{"FURROW_AT", "http://127.0.0.1:1"}}};
  CHECK(good(furrow_with(wrong, {"ledger", "T1", "--at", furrow.front.url()})).find("T1")
        != std::string::npos);
  CHECK(good(furrow_with({}, {"version"})).starts_with("furrow 0."));
}

TEST_CASE("furrow: prints colours only on a terminal, and not with NO_COLOR") {
  cli_world furrow;
  const auto shown = [&](bool terminal, const char* no_color) {
    program_options options{
      {{"FURROW_AT", furrow.front.url()}, {"TERM", "xterm"}, {"NO_COLOR", no_color}}};
    options.terminal = terminal;
    return furrow_with(options, {"ledger"}).out;
  };
  CHECK(shown(true, "").find("\x1b[31m") != std::string::npos); // what is lost is red
  CHECK(shown(true, "1").find('\x1b') == std::string::npos);
  CHECK(shown(false, "").find('\x1b') == std::string::npos);
}

TEST_CASE("furrow token: a node accepts the printed lines") {
  const auto made =
    ordered_json::parse(good(furrow_with({}, {"token", "new", "--role", "viewer", "--farm",
                                              "hi\"ll", "--equipment", "T1", "-o", "json"})));
  CHECK(made["sha256"] == daemon::hash_of_token(made["token"].get<std::string>()));
  const auto printed = furrow_with({}, {"token", "new", "--role", "viewer", "--equipment", "T1"});
  CHECK(printed.exit_code == 0);
  const auto table = daemon::token_table::parse(printed.out, "printed");
  REQUIRE(table);
  const auto token = printed.errors.substr(printed.errors.find("fur_"), 68);
  const auto who = table->find(token);
  REQUIRE(who);
  CHECK(who->role == daemon::role::viewer);
  CHECK(who->covers("T1"));
  CHECK_FALSE(who->covers("T2"));
  CHECK(furrow_with({}, {"token", "new", "--for-file"}).errors.find(token) == std::string::npos);
  bad(furrow_with({}, {"token", "new", "--role", "boss"}), 2);
  bad(furrow_with({}, {"token", "new", "--farm", "a/b"}), 2);
}

TEST_CASE("furrow: takes a token from flag, environment or file; without a token the node says "
          "what to do") {
  http::http_config config;
  config.access = std::make_shared<daemon::authority>(*daemon::token_table::parse(
    "[[token]]\nsha256 = \"" + daemon::hash_of_token("v") + "\"\nrole = \"viewer\"\n", "t"));
  cli_world furrow{config};
  CHECK(bad(furrow("ledger"), 1).find("FURROW_TOKEN") != std::string::npos);
  CHECK(furrow("ledger", "T1", "--token", "v").exit_code == 0);
  CHECK(furrow_with({{{"FURROW_AT", furrow.front.url()}, {"FURROW_TOKEN", "v"}}}, {"ledger", "T1"})
          .exit_code
        == 0);
  const auto path = "/tmp/furrow_token_" + std::to_string(::getpid());
  std::ofstream{path} << "v\n";
  CHECK(furrow("ledger", "T1", "--token-file", path).exit_code == 0);
  CHECK(std::remove(path.c_str()) == 0);
  CHECK(bad(furrow("ledger", "T1", "--token-file", path), 1).find(path) != std::string::npos);
  CHECK(bad(furrow("actors", "kill", "2", "--token", "v"), 1).find("operator or admin")
        != std::string::npos);
}

TEST_CASE("furrow: https needs a trusted certificate authority") {
  const certificate made;
  http::http_config config;
  config.tls = *daemon::server_tls({made.cert, made.key, ""});
  cli_world furrow{config};
  const auto url = furrow.front.url("https");
  CHECK(good(furrow("--at", url, "--ca", made.cert, "frames", "T1")) == cli_t1_log);
  CHECK(bad(furrow("--at", url, "ledger"), 3).find("--ca FILE") != std::string::npos);
  bad(furrow("--at", url, "--ca", "/nowhere.pem", "ledger"), 1);
}

TEST_CASE("furrow completion: the scripts list the commands, and bash accepts them") {
  const auto script = good(furrow_with({}, {"completion", "bash"}));
  const auto completed = run_program(
    {"/bin/bash", "-c",
     script
       + "COMP_WORDS=(furrow db mi); COMP_CWORD=2; _furrow; echo ${COMPREPLY[@]};"
         "COMP_WORDS=(furrow frames T1 --can); COMP_CWORD=3; _furrow; echo ${COMPREPLY[@]}"});
  CHECK(completed.out == "migrate\n--can-id\n");
  CHECK(completed.errors == "");
  CHECK(good(furrow_with({}, {"completion", "zsh"})).find("bashcompinit") != std::string::npos);
  CHECK(good(furrow_with({}, {"completion", "fish"})).find("-a ledger") != std::string::npos);
  bad(furrow_with({}, {"completion", "csh"}), 2);
}

TEST_CASE("furrow log: shows the levels of a node, and sets those of single modules") {
  cli_world furrow;
  CHECK(good(furrow("log", "show")).find("gateway  info") != std::string::npos);
  (void)good(furrow("log", "level", "gateway=debug"));
  (void)good(furrow("log", "level", "store=warn,http=error"));
  CHECK(log::levels() == "info,gateway=debug,store=warn,http=error");
  const auto rows = ordered_json::parse(good(furrow("log", "level", "warn", "-o", "json")));
  CHECK(log::levels() == "warn,gateway=debug,http=error");
  CHECK(rows[0]["module"] == "node");
  CHECK(rows[0]["level"] == "warn");
  CHECK(bad(furrow("log", "level", "gateway=loud"), 1).find("'loud' is not a level")
        != std::string::npos);
  bad(furrow("log", "level"), 2);
  bad(furrow("log"), 2);
  CHECK_FALSE(log::set_levels("info"));
}
