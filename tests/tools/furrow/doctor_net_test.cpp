// `furrow doctor`: its command line, what it looks at on this machine, and what it makes of a node's answers.
#include "can/text/time.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/cli_world.hpp"
#include "tools/furrow/doctor/configuration.hpp"
#include "tools/furrow/doctor/node_remarks.hpp"
#include "tools/furrow/doctor/this_machine.hpp"

#include <fstream>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using storage::remark;
using storage::remark_level;

namespace {

constexpr std::int64_t day_s = 86'400;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The first row of this check in the JSON of a run.
cli::json row_of(const program_result& result, const std::string& check) {
  const auto rows = cli::json::parse(result.out, nullptr, false);
  REQUIRE_MESSAGE(rows.is_array(), result.out << result.errors);
  for (const auto& row : rows)
    if (row.at("check") == check)
      return row;
  FAIL("no check " << check << " in " << result.out);
  return {};
}

remark only(const std::vector<remark>& all, const std::string& what) {
  for (const auto& one : all)
    if (one.what == what) {
      CHECK(one.next.empty() == (one.level == remark_level::ok));
      return one;
    }
  FAIL("no remark on " << what);
  return {};
}

cli::node_answers sound_answers() {
  cli::node_answers out;
  out.asked_us = 1'800'000'000'000'000;
  out.health = {{"node", "n1"},
                {"version", "0.1.0"},
                {"time", can::text::format_time(out.asked_us + 900'000)},
                {"alarms", cli::json::array()}};
  out.ready = {{"ready", true}, {"reasons", cli::json::array()}};
  out.metrics = "# TYPE x gauge\nprocess_open_fds 60\nprocess_max_fds 65536\n"
                "furrow_certificate_expiry_seconds 0\n";
  out.gateways = {{"connected", {1, 2}}, {"refused", cli::json::array()}};
  out.actors = {{"incomplete", cli::json::array()}};
  return out;
}

} // namespace

TEST_CASE("furrow doctor: without options the node is asked, and a node that is not ready fails") {
  cli_world furrow;
  const auto well = furrow("doctor", "-o", "json");
  CHECK(well.exit_code == 0);
  CHECK(well.errors == "");
  for (const auto* check : {"node", "ready", "node clock", "certificate", "gateways"})
    CHECK(row_of(well, check)["result"] == "ok");
  CHECK(holds(row_of(well, "limits")["found"], "files open"));
  furrow.node.store_up = false;
  const auto away = furrow("doctor", "-o", "json");
  CHECK(away.exit_code == 1);
  CHECK(row_of(away, "ready")["result"] == "failed");
  CHECK(holds(away.errors, " checks failed"));
}

TEST_CASE("furrow doctor: exit codes of the command line") {
  const auto run = [](std::vector<std::string> words) {
    words.insert(words.begin(), "doctor");
    return furrow_with({}, std::move(words));
  };
  CHECK(holds(bad(run({"--at", "http://127.0.0.1:1"}), 3), "cannot connect"));
  CHECK(holds(bad(run({"--database", "sqlite:/no/such.db"}), 3), "there is no such database"));
  CHECK(holds(bad(run({"--database", "mysql://x"}), 1), "not a database URL"));
  CHECK(holds(bad(run({"--nodes", "0"}), 2), "--nodes"));
  CHECK(holds(bad(run({"--foldr", "/tmp"}), 2), "did you mean \"--folder\"?"));
}

TEST_CASE("furrow doctor: this machine's folders, certificates and ports, without a node") {
  const scratch_folder place;
  const auto folder = std::filesystem::path{place.file("x")}.parent_path().string();
  const certificate tls;
  const auto found = furrow_with({}, {"doctor", "--folder", folder, "--cert", tls.cert, "--listen",
                                      "127.0.0.1:0", "-o", "json"});
  CHECK(holds(row_of(found, "fsync")["found"], folder));
  CHECK(holds(row_of(found, "disk")["found"], " are free"));
  CHECK(holds(row_of(found, "certificate")["found"], tls.cert + " ends on 20"));
  CHECK(row_of(found, "port")["found"] == "127.0.0.1:0 is free");
  CHECK(row_of(found, "limits")["found"].get<std::string>().starts_with(
    "a program started from here may open "));
  CHECK(std::filesystem::directory_iterator{folder} == std::filesystem::directory_iterator{});

  cli_world furrow; // something that listens
  const auto address = furrow.front.url().substr(std::string_view{"http://"}.size());
  const auto taken = furrow_with(
    {}, {"doctor", "--listen", address, "--folder", "/no/such", "--cert", "/no.pem", "-o", "json"});
  CHECK(taken.exit_code == 1);
  for (const auto* check : {"port", "fsync", "certificate"}) {
    CHECK(row_of(taken, check)["result"] == "failed");
    CHECK(row_of(taken, check)["next"].is_string());
  }
  const auto node = furrow("doctor", "--at", furrow.front.url(), "--listen", address, "-o", "json");
  CHECK(row_of(node, "port")["result"] == "ok");
}

TEST_CASE("doctor: judges certificates, disks and limits of this machine") {
  using enum remark_level;
  const auto certificate = [](std::int64_t begins_s, std::int64_t ends_s) {
    return cli::remark_on_certificate({"node.pem", "", begins_s, ends_s}, 100 * day_s);
  };
  CHECK(certificate(0, 200 * day_s).level == ok);
  CHECK(certificate(0, 110 * day_s).level == warning);
  CHECK(certificate(0, 110 * day_s).says == "node.pem ends on 1970-04-21, in 10 days");
  CHECK(certificate(0, 99 * day_s).level == failed);
  CHECK(certificate(101 * day_s, 200 * day_s).level == failed);

  cli::folder_facts folder{"/data", "", 1'000, 500, false, 2.5};
  CHECK(only(cli::remarks_on_folder(folder), "fsync").says
        == "/data: the disk saves 4 KiB in 2.5 ms");
  folder.sync_ms = 45;
  CHECK(only(cli::remarks_on_folder(folder), "fsync").level == warning);
  folder.in_memory = true;
  CHECK(holds(only(cli::remarks_on_folder(folder), "fsync").says, "in memory"));
  folder.free_bytes = 10;
  CHECK(only(cli::remarks_on_folder(folder), "disk").level == failed);

  CHECK(cli::remark_on_open_files(65'536, 60, "the node").level == ok);
  CHECK(cli::remark_on_open_files(1'024, 60, "the node").level == warning);
  CHECK(cli::remark_on_machine_clock(true).level == ok);
  CHECK(cli::remark_on_machine_clock(std::nullopt).level == ok);
  CHECK(cli::remark_on_machine_clock(false).level == warning);
  CHECK(cli::remark_on_open_files(65'536, 60'000, "the node").level == failed);
}

TEST_CASE("doctor: finds the certificate that ends first in a file, and a file that has none") {
  const scratch_folder place;
  std::ofstream{place.file("none.pem")} << "not a certificate\n";
  CHECK(cli::look_at_certificate(place.file("none.pem")).fault == "no certificate in PEM");
  const certificate tls;
  const auto found = cli::look_at_certificate(tls.cert);
  CHECK(found.fault.empty());
  CHECK(found.ends_s > found.begins_s);
}

TEST_CASE("doctor: judges what a node answers") {
  using enum remark_level;
  const auto level_of = [](const std::string& what, auto change) {
    auto answers = sound_answers();
    change(answers);
    return only(cli::remarks_on(answers), what).level;
  };
  for (const auto& one : cli::remarks_on(sound_answers()))
    CHECK_MESSAGE(one.level == ok, one.what << ": " << one.says);
  CHECK(level_of("node", [](auto& of) { of.health["version"] = "0.0.9"; }) == warning);
  CHECK(level_of("node clock", [](auto& of) { of.asked_us += 60'000'000; }) == warning);
  CHECK(level_of("node clock", [](auto& of) { of.asked_us -= 2 * day_s * 1'000'000; }) == failed);
  CHECK(level_of("alarm", [](auto& of) { of.health["alarms"] = {"x"}; }) == warning);
  CHECK(
    level_of("limits", [](auto& of) { of.metrics = "\nprocess_open_fds 9\nprocess_max_fds 10\n"; })
    == failed);
  CHECK(level_of("certificate",
                 [](auto& of) { of.metrics = "\nfurrow_certificate_expiry_seconds 1799999999\n"; })
        == failed);
  const auto refuse = [](const std::string& last) {
    return [last](auto& of) {
      of.gateways["refused"] = {{{"last", last}, {"host", "10.0.0.9"}, {"reason", "credentials"}}};
    };
  };
  CHECK(level_of("gateways", refuse("2027-01-15T07:59:00.000000Z")) == warning);
  CHECK(level_of("gateways", refuse("2027-01-14T08:00:00.000000Z")) == ok); // yesterday
  CHECK(level_of("reach",
                 [](auto& of) {
                   of.tried = {{"n2", "n2:7400", "Connection refused"}};
                 })
        == warning);
  CHECK(level_of("reach", [](auto& of) { of.tried = {{"n2", "n2:7400", ""}}; }) == ok);
  CHECK(level_of("link", [](auto& of) { of.actors["incomplete"] = {"n3"}; }) == warning);
  CHECK(level_of("rights", [](auto& of) { of.denied = "not permitted"; }) == warning);
}

TEST_CASE("furrow doctor: tells an address that takes connections from one that does not") {
  cli_world furrow;
  const auto address = furrow.front.url().substr(std::string_view{"http://"}.size());
  CHECK(cli::connect_fault(address, std::chrono::seconds{2}).empty());
  CHECK(holds(cli::connect_fault("127.0.0.1:1", std::chrono::seconds{2}), "refused"));
}

TEST_CASE("furrow doctor: reads from the configuration what to check") {
  cli::configuration_facts found;
  cli::read_settings("node = \"n1\"\nlisten = \"0.0.0.0:7400\"\nhttp = \"0.0.0.0:7480\"\n#link =\n"
                     "tls_cert = \"/etc/furrow/node.pem\"\nlanes = 2\n"
                     "database = \"postgresql://furrow@db/furrow\"\n"
                     "database_password_file = \"/etc/furrow/db.password\"\n",
                     found);
  CHECK(found.addresses == std::vector<std::string>{"0.0.0.0:7400", "0.0.0.0:7480"});
  CHECK(found.certificates == std::vector<std::string>{"/etc/furrow/node.pem"});
  CHECK(found.database == "postgresql://furrow@db/furrow");
  CHECK(found.password_file == "/etc/furrow/db.password");
  cli::configuration_facts hidden;
  cli::read_settings("database = \"postgresql://furrow:***@db/furrow\"\n", hidden);
  CHECK(hidden.database.empty());
}

TEST_CASE("furrow doctor: --config lets furrowd judge the file, and checks what it names") {
  const scratch_folder place;
  const auto file = place.file("furrowd.toml");
  std::ofstream{file} << "listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ndatabase = \"sqlite:"
                      << place.file("none.db") << "\"\n";
  const auto absent = furrow_with({}, {"doctor", "--config", file});
  CHECK(holds(absent.errors, "there is no such database"));
  std::ofstream{file} << "listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n"
                         "database = \"postgresql://furrow:corncockle@127.0.0.1:1/furrow\"\n";
  const auto valid = furrow_with({}, {"doctor", "--config", file, "-o", "json"});
  CHECK(row_of(valid, "configuration")["result"] == "ok");
  CHECK(row_of(valid, "port")["found"] == "127.0.0.1:0 is free");
  CHECK_FALSE(holds(valid.out + valid.errors, "corncockle"));
  std::ofstream{file} << "lanes = 99\n";
  const auto invalid = furrow_with({}, {"doctor", "--config", file, "-o", "json"});
  CHECK(invalid.exit_code == 1);
  CHECK(row_of(invalid, "configuration")["result"] == "failed");
  CHECK(holds(row_of(invalid, "configuration")["found"], "furrowd.toml:1:"));
}
