/// Goal: a site that forwards its store loses and doubles nothing, whatever happens to the line and to both ends.
/// Method: a site on SQLite and head office on PostgreSQL, with a proxy as the line between them. Head office's export
///   must be the log, byte for byte, and both ledgers must be clean.
#include "tests/fault/rig.hpp"
#include "tests/support/data.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

pg_cluster& head_office_server() {
  static pg_cluster one;
  return one;
}

/// Tokens of head office: one for the site, one for its people, one for a gateway of another farm.
struct office_tokens {
  std::filesystem::path folder;
  std::string file = (folder / "tokens.toml").string();
  std::string relay = made("relay", "north");
  std::string admin = made("admin", "north");
  std::string other = made("relay", "south");

  std::string made(const std::string& role, const std::string& farm) {
    const auto name = (folder / (role + farm + ".token")).string();
    child_process child{FURROW_BIN_DIR "/furrow",
                        {"token", "new", "-o", "json", "--role", role, "--farm", farm},
                        name};
    REQUIRE(child.wait(10s) == 0);
    const auto parts = nlohmann::json::parse(read_file(name));
    std::ofstream{file, std::ios::app} << "[[token]]\nsha256 = " << parts.at("sha256")
                                       << "\nfarm = " << parts.at("farm")
                                       << "\nrole = " << parts.at("role") << "\n";
    std::ofstream{name, std::ios::trunc} << parts.at("token").get<std::string>() << "\n";
    return name;
  }
};

std::filesystem::path token_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "furrow-site-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  return name;
}

/// A site, head office, and the line between them.
struct two_places {
  std::string database; // of head office
  office_tokens tokens{token_folder()};
  rig office;
  rig site;
  std::unique_ptr<tcp_proxy> line;

  two_places(const std::string& name, std::string site_database)
    : database{name}, office{head_office_server().make_database(name),
                             {{}, "http", {"--token-file", tokens.admin}}},
      site{std::move(site_database)} {
    office.always({"--tokens", tokens.file});
    office.start_node();
    const auto& at = office.gateway();
    line = std::make_unique<tcp_proxy>(
      static_cast<std::uint16_t>(std::stoi(at.substr(at.rfind(':') + 1))));
    site.always(flags(tokens.relay));
  }
  two_places(const two_places&) = delete;
  two_places& operator=(const two_places&) = delete;
  ~two_places() {
    std::error_code ignored; // a folder of a test
    std::filesystem::remove_all(tokens.folder, ignored);
  }

  [[nodiscard]] std::vector<std::string> flags(const std::string& token) const {
    return {"--forward", line->address(), "--forward-token-file", token};
  }

  /// Items that are durable at head office.
  [[nodiscard]] std::uint64_t arrived() const {
    return std::stoull(head_office_server().value(
      "select coalesce(sum(seq), 0)::text from furrow.stream_watermark", database));
  }
  /// Conversations of the site with head office that are welcomed; nothing while the site does not answer.
  [[nodiscard]] std::optional<std::uint64_t> lines() const {
    const auto answer = node_program::http_get(node_program::port_of(site.http()), "/api/v1/site");
    const auto body = nlohmann::json::parse(answer.body, nullptr, false);
    return body.is_object() ? std::optional{body.at("lines").get<std::uint64_t>()} : std::nullopt;
  }
  /// Of `furrow site status`, what waits for head office; nothing while the site does not answer.
  std::optional<std::uint64_t> waiting() {
    int code = 0;
    const auto rows =
      nlohmann::json::parse(site.furrow({"site", "status", "-o", "json"}, code), nullptr, false);
    if (!rows.is_array())
      return std::nullopt;
    std::uint64_t sum = 0;
    for (const auto& row : rows)
      sum += row.at("waiting").get<std::uint64_t>();
    return sum;
  }
};

/// How long both ends are apart: by hand, FURROW_LINE_CUT_SECONDS=600.
std::chrono::seconds length_of_cut() {
  const char* given = ::getenv("FURROW_LINE_CUT_SECONDS");
  return std::chrono::seconds{given == nullptr ? 0 : ::strtoul(given, nullptr, 10)};
}

void check_whole(rig& where, const std::string& machine, std::uint64_t items) {
  const auto row = where.ledger(machine);
  CHECK(row.durable == items);
  CHECK(row.stored == items);
  CHECK(row.lost == 0);
  CHECK(row.doubled == 0);
}

/// Frames of ten identifiers, 10 ms apart; every tenth is an engine speed, which grows by one.
std::filesystem::path
speed_log(const std::filesystem::path& file, std::int64_t begin_us, int frames, int first_rpm) {
  constexpr int bus_ids = 10;
  constexpr int rpm_steps = 1'000; // then it begins again
  std::ofstream out{file};
  for (int i = 0; i < frames; ++i) {
    const auto time_us = begin_us + std::int64_t{i} * 10'000;
    char line[80];
    const auto at = std::snprintf(line, sizeof line, "(%lld.%06lld) can0 ",
                                  static_cast<long long>(time_us / 1'000'000), // as printf wants it
                                  static_cast<long long>(time_us % 1'000'000));
    const auto raw = static_cast<unsigned>(first_rpm + i / bus_ids % rpm_steps) * 8U;
    if (i % bus_ids == 0)
      std::snprintf(line + at, sizeof line - static_cast<std::size_t>(at),
                    "0CF00400#FFFFFF%02X%02XFFFFFF", raw & 0xFFU, raw >> 8U);
    else
      std::snprintf(line + at, sizeof line - static_cast<std::size_t>(at),
                    "18FF%02X00#%08XFFFFFFFF", static_cast<unsigned>(i % bus_ids),
                    static_cast<unsigned>(i));
    out << line << "\n";
  }
  return file;
}

/// The engine speed of T1 that head office shows, 0 if there is none; nothing if the answer has no state of the machine.
std::optional<double> speed_shown(const two_places& places, const std::string& token) {
  const auto answer =
    node_program::http_ask(node_program::port_of(places.office.http()), "GET",
                           "/api/v1/equipment/T1", "Authorization: Bearer " + token + "\r\n");
  const auto machine = nlohmann::json::parse(answer.body, nullptr, false);
  if (!machine.is_object() || !machine.contains("state") || !machine.at("state").is_object())
    return std::nullopt;
  const auto& speed = machine.at("state").at("engine_speed_rpm");
  return speed.is_object() && speed.at("value").is_number() ? speed.at("value").get<double>() : 0.0;
}

} // namespace

TEST_CASE(
  "site: the line is cut and both ends are killed, and head office has the log byte for byte") {
  two_places places{"site_kills", "sqlite"};
  const auto log = long_log(places.site.folder(), 400'000);
  if (!log)
    return; // the captures are not here
  const auto items = lines_of(*log);
  places.line->trickle(5'000); // 500 KB/s: it takes some seconds
  places.site.start_node();
  places.site.start_edge("T1", *log);
  REQUIRE(eventually(30s, [&] { return places.arrived() > 0; }));
  places.line->hold_both(); // a line that is silent, not closed
  REQUIRE(eventually(30s, [&] { return places.waiting().value_or(0) > 0; }));
  places.site.kill_node();
  places.site.start_node();
  places.office.kill_node();
  std::this_thread::sleep_for(length_of_cut());
  places.line->heal();
  places.line->trickle(5'000);
  places.line->reset();
  const auto before = places.arrived();
  places.office.start_node();
  REQUIRE(eventually(30s, [&] { return places.arrived() > before; }));
  REQUIRE(places.arrived() < items); // the next cut hits items on their way
  places.line->reset();
  places.site.kill_node();
  places.site.start_node();
  REQUIRE(places.site.edge_end(120s) == 0);
  places.office.kill_node();
  places.office.start_node();
  places.line->heal();
  REQUIRE(eventually(120s, [&] { return places.arrived() == items; }));
  CHECK(places.office.difference("T1", *log) == "");
  check_whole(places.office, "T1", items);
  check_whole(places.site, "T1", items);
  CHECK(eventually(10s, [&] { return places.waiting() == 0U; }));
  // The same stream, by its own id and with the same buses: a gateway could go on at head office.
  int code = 0;
  const auto at_site =
    nlohmann::json::parse(places.site.furrow({"ledger", "T1", "-o", "json"}, code));
  const auto at_office =
    nlohmann::json::parse(places.office.furrow({"ledger", "T1", "-o", "json"}, code));
  CHECK(at_site.at(0).at("stream_id") == at_office.at(0).at("stream_id"));
  CHECK(at_office.at(0).at("farm") == "north");
  // People at head office see that it does not come from the machine itself.
  const auto there =
    nlohmann::json::parse(places.office.furrow({"equipment", "T1", "-o", "json"}, code));
  CHECK(there.at("relayed") == true);
  CHECK(there.at("as_of") == there.at("last_frame"));
  // They see it also while the line is away.
  places.site.kill_node();
  CHECK(eventually(20s, [&] {
    const auto row = nlohmann::json::parse(
      places.office.furrow({"equipment", "T1", "-o", "json"}, code), nullptr, false);
    return row.is_object() && row.at("connected") == false && row.at("relayed") == true
           && row.at("as_of") == row.at("last_frame");
  }));
  CHECK(places.office.furrow({"equipment"}, code).find("no, by site") != std::string::npos);
}

TEST_CASE("site: head office loses what it acked, also of a machine that is parked, and gets it "
          "again while the site runs on") {
  two_places places{"site_restore", head_office_server().make_database("site_of_restore")};
  const auto log = long_log(places.site.folder(), 30'000);
  if (!log)
    return; // the captures are not here
  const auto items = lines_of(*log);
  places.site.start_node();
  for (const char* machine : {"T1", "T2"}) {
    places.site.start_edge(machine, *log);
    REQUIRE(places.site.edge_end(120s) == 0);
  }
  REQUIRE(eventually(60s, [&] { return places.arrived() == 2 * items; }));
  // Both machines are parked: nobody asks head office about them any more.
  REQUIRE(eventually(90s, [&] { return places.lines() == 0; }));
  // Restored from a backup of before the first frame.
  places.office.kill_node();
  head_office_server().exec(
    "truncate furrow.can_block, furrow.can_chunk, furrow.can_segment, furrow.seal, "
    "furrow.stream_watermark, furrow.stream_run, furrow.digest, furrow.telemetry, "
    "furrow.rollup, furrow.equipment_state, furrow.bus",
    "site_restore");
  places.office.start_node();
  CHECK(places.waiting() == 0U); // as the site knows
  // T2 sends one more item. T1 stays parked.
  const auto more = places.site.folder() / "more.log";
  std::ofstream{more} << "(1547753500.000000) can0 18F00400#F07D7DE02E00FF7D\n";
  places.site.start_edge("T2", more);
  REQUIRE(places.site.edge_end(60s) == 0);
  CHECK(eventually(60s, [&] { return places.arrived() == 2 * items + 1; }));
  CHECK(places.office.difference("T1", *log) == "");
  check_whole(places.office, "T1", items);
  check_whole(places.office, "T2", items + 1);
  CHECK(places.site.node_output().find("all streams are checked again") != std::string::npos);
}

TEST_CASE("site: records, a rejected line and frames that expired before they were forwarded are "
          "counted at head office as at the site") {
  two_places places{"site_kinds", "sqlite"};
  const auto database = "sqlite:" + (places.site.folder() / "furrow.db").string();
  constexpr std::uint64_t old_frames = 1'500;
  constexpr std::uint64_t new_frames = 500;
  // `furrow retention run` counts from the clock.
  const std::int64_t yesterday = std::chrono::duration_cast<std::chrono::seconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count()
                                 - 86'400;
  const auto log = places.site.folder() / "two_times.log";
  {
    std::ofstream out{log};
    const auto write = [&](std::int64_t second, std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i)
        out << "(" << second + static_cast<std::int64_t>(i / 100) << "." << 100'000 + i % 100
            << ") can0 18F00400#F07D7DE02E00FF7D\n";
    };
    write(yesterday - 20 * 86'400, old_frames);
    write(yesterday, new_frames);
  }
  const auto records = places.site.folder() / "records.jsonl";
  constexpr std::uint64_t record_count = 3;
  {
    std::ofstream out{records};
    for (std::uint64_t i = 0; i < record_count; ++i)
      out << R"({"kind":"yield","time":)" << yesterday + static_cast<std::int64_t>(i)
          << R"(,"mass_flow_kgps":7.2,"width_m":6,"speed_mps":2})"
          << "\n";
    out << R"({"kind":"yield","time":"no time"})"
        << "\n";
  }
  // The site has no head office yet, and retention runs.
  places.site.always({});
  places.site.start_node();
  child_process edge{FURROW_BIN_DIR "/furrow-edge",
                     {"run", "--node", places.site.gateway(), "--equipment", "T1", "--spool",
                      places.site.spool("T1").string(), "--from", log.string(), "--records",
                      records.string(), "--until-durable", "--timeout", "60"},
                     (places.site.folder() / "edge.out").string()};
  REQUIRE(edge.wait(60s));
  places.site.kill_node(SIGTERM);
  int code = 0;
  places.site.furrow(
    {"retention", "set", "--kind", "frames", "--keep", "10d", "--yes", "--database", database},
    code);
  REQUIRE(code == 0);
  const auto ran = places.site.furrow({"retention", "run", "--database", database}, code);
  INFO(ran);
  REQUIRE(code == 0);
  places.site.always(places.flags(places.tokens.relay));
  places.site.start_node();
  constexpr auto items = old_frames + new_frames + record_count + 1;
  REQUIRE(eventually(60s, [&] { return places.arrived() == items; }));
  const auto counted = [&](rig& where) {
    const auto rows = nlohmann::json::parse(where.furrow({"ledger", "T1", "-o", "json"}, code));
    REQUIRE(rows.size() == 1);
    nlohmann::json out;
    for (const char* key :
         {"stream_id", "durable", "stored", "quarantined", "expired", "dropped", "lost", "doubled"})
      out[key] = rows.at(0).at(key);
    return out;
  };
  const auto there = counted(places.office);
  CHECK(there == counted(places.site));
  CHECK(there.at("durable") == items);
  CHECK(there.at("stored") == new_frames + record_count + 1); // also what is in quarantine
  CHECK(there.at("quarantined") == 1);
  CHECK(there.at("expired") == old_frames);
  CHECK(there.at("lost") == 0);
  CHECK(there.at("doubled") == 0);
  const auto rows_there = [&](const std::vector<std::string>& question) {
    return nlohmann::json::parse(places.office.furrow(question, code)).size();
  };
  CHECK(rows_there({"records", "T1", "--kind", "yield", "-o", "json"}) == record_count);
  CHECK(rows_there({"quarantine", "list", "T1", "-o", "json"}) == 1);
}

TEST_CASE("site: a token of another farm, or none, forwards nothing there, and the site says why") {
  two_places places{"site_tokens", "sqlite"};
  const auto log = long_log(places.site.folder(), 2'000);
  if (!log)
    return; // the captures are not here
  const auto wrong = (places.tokens.folder / "wrong.token").string();
  std::ofstream{wrong} << "no such token\n";
  places.site.always(places.flags(wrong));
  places.site.start_node();
  places.site.start_edge("T1", *log);
  REQUIRE(places.site.edge_end(60s) == 0); // the site is durable by itself
  CHECK(eventually(20s, [&] {
    return places.site.node_output().find("does not know this token") != std::string::npos;
  }));
  places.site.kill_node();
  places.site.always(places.flags(places.tokens.other));
  places.site.start_node();
  REQUIRE(eventually(60s, [&] { return places.arrived() == lines_of(*log); }));
  int code = 0;
  places.office.furrow({"ledger", "T1", "-o", "json"}, code);
  CHECK(code != 0); // the farm north has no such machine: it is of the farm south
  CHECK(head_office_server().value("select farm from furrow.ledger", "site_tokens") == "south");
  // A relay may send, and read nothing.
  child_process asks{
    FURROW_BIN_DIR "/furrow",
    {"--at", "http://" + places.office.http(), "--token-file", places.tokens.relay, "ledger"},
    (places.tokens.folder / "asks").string()};
  CHECK(asks.wait(20s).value_or(0) != 0);
}

TEST_CASE(
  "site: with a backlog on a limited line, a machine that is watched at head office is live "
  "within seconds of its welcome, and everything is stored once") {
  using steady = std::chrono::steady_clock;
  constexpr std::uint64_t rate = 20'000; // bytes/s
  constexpr int backlog_frames = 150'000;
  constexpr int live_frames = 6'500; // 65 s: longer than the waits below, and the watching
  constexpr int first_live_rpm = 2'000;
  constexpr auto watched_for = 15s;
  two_places places{"site_live", "sqlite"};
  auto flags = places.flags(places.tokens.relay);
  const auto limited = [&] {
    auto all = flags;
    all.insert(all.end(), {"--forward-rate", std::to_string(rate)});
    return all;
  }();
  std::ifstream secret{places.tokens.admin};
  std::string token;
  std::getline(secret, token);

  places.line->hold_both(); // for hours
  places.site.always(limited);
  places.site.start_node();
  const auto now_us = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
  };
  const auto old_log =
    speed_log(places.site.folder() / "backlog.log", now_us() - 3'600'000'000, backlog_frames, 800);
  places.site.start_edge("T1", old_log);
  REQUIRE(places.site.edge_end(60s) == 0);
  const auto live_log =
    speed_log(places.site.folder() / "live.log", now_us(), live_frames, first_live_rpm);
  places.site.start_edge("T1", live_log, "1x");
  const auto live_begins = steady::now();
  REQUIRE(eventually(20s, [&] { return places.waiting().value_or(0) > backlog_frames + 100; }));
  CHECK(places.arrived() == 0);

  places.line->reset();
  places.line->heal();
  REQUIRE(eventually(25s, [&] { return places.lines() == 1U; }));
  const auto welcomed = steady::now();
  const auto passed_before = places.line->passed(tcp_proxy::way::to_target);
  const auto ms_since = [](steady::time_point from) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - from).count();
  };
  std::int64_t live_after = -1;
  std::vector<std::int64_t> ages;
  double shown = 0;
  int updates = 0;
  while (steady::now() - welcomed < watched_for) {
    const auto shown_now = speed_shown(places, token);
    if (!shown_now) { // it is busy
      pause_a_little();
      continue;
    }
    const auto rpm = *shown_now;
    if (rpm >= first_live_rpm) {
      if (live_after < 0)
        live_after = ms_since(welcomed);
      CHECK(rpm >= shown); // the view never goes back
      updates += rpm > shown ? 1 : 0;
      shown = rpm;
      // The log begins after the program: the true age is less.
      ages.push_back(ms_since(live_begins) - static_cast<std::int64_t>(rpm - first_live_rpm) * 100);
    } else {
      CHECK(live_after < 0);
    }
    pause_a_little();
  }
  const auto passed = places.line->passed(tcp_proxy::way::to_target) - passed_before;
  const auto watched_ms = static_cast<std::uint64_t>(ms_since(welcomed));
  const auto arrived = places.arrived();
  std::sort(ages.begin(), ages.end());
  MESSAGE("live " << live_after << " ms after the welcome, 2'000 expected; " << updates
                  << " new values in " << watched_ms << " ms; age at most "
                  << (ages.empty() ? -1 : ages.back()) << " ms, median "
                  << (ages.empty() ? -1 : ages[ages.size() / 2]) << " ms, 3'000 expected; "
                  << arrived << " items of the backlog in " << passed << " bytes");
  CHECK(live_after >= 0);
  // A busy machine takes longer than what is expected; without samples the machine is never live here.
  CHECK(live_after <= 4'000);
  CHECK(updates >= 5);
  CHECK((!ages.empty() && ages[ages.size() / 2] <= 5'000));
  CHECK(arrived > 5'000);
  CHECK(arrived < backlog_frames); // it is still on its way
  // Samples count in the rate: a second at once, and a second of debt.
  CHECK(passed * 1'000 <= rate * (watched_ms + 3'000));
  CHECK(passed * 1'000 >= rate * watched_ms / 3);

  REQUIRE(places.site.edge_end(90s) == 0);
  places.site.kill_node();
  places.site.always(std::move(flags)); // without a limit
  places.site.start_node();
  constexpr std::uint64_t items = backlog_frames + live_frames;
  REQUIRE(eventually(120s, [&] { return places.arrived() == items; }));
  CHECK(eventually(
    10s, [&] { return speed_shown(places, token) == first_live_rpm + (live_frames - 1) / 10; }));
  const auto both = places.site.folder() / "both.log";
  std::ofstream{both, std::ios::binary} << read_file(old_log.string())
                                        << read_file(live_log.string());
  CHECK(places.office.difference("T1", both) == "");
  check_whole(places.office, "T1", items);
  check_whole(places.site, "T1", items);
}
