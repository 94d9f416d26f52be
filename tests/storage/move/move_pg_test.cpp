// Moves a SQLite database to PostgreSQL: completely or not at all, and a node there continues all streams.
#include "storage/dbc/dbc_files.hpp"
#include "storage/maintenance.hpp"
#include "storage/move/database_move.hpp"
#include "tests/storage/move/move_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/eventually.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <csignal>
#include <filesystem>

#include <nlohmann/json.hpp>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::string fresh(const std::string& name, bool migrated = true) {
  const auto url = copy_cluster().make_database(name);
  if (migrated)
    good({"db", "migrate", "--database", url});
  return url;
}

nlohmann::json
copied(const sqlite_bed& bed, const std::string& url, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"db", "copy", "--from", bed.url(), "--to", url, "-o", "json"};
  words.insert(words.end(), more.begin(), more.end());
  return nlohmann::json::parse(good(std::move(words)));
}

std::string refused(const sqlite_bed& bed, const std::string& url, int exit_code = 1) {
  return bad({"db", "copy", "--from", bed.url(), "--to", url}, exit_code);
}

std::string rows_in(const std::string& name) {
  return copy_cluster().value("select (select count(*) from furrow.farm) + (select count(*) from "
                              "furrow.can_block) + (select count(*) from furrow.stream)",
                              name);
}

/// The server has noticed that the killed copy is gone: its transaction and locks have ended.
bool left_alone(const std::string& name) {
  return eventually(std::chrono::seconds{60}, [&] {
    return copy_cluster().value("select count(*) from pg_stat_activity where datname = '" + name
                                  + "' and application_name like 'furrow/%'",
                                name)
           == "0";
  });
}

} // namespace

TEST_CASE("furrow db copy: both stores answer every query alike") {
  sqlite_bed bed;
  fill_with_everything(bed);
  const auto url = fresh("everything");
  const auto answer = copied(bed, url);
  CHECK(answer.at("copied") == true);
  CHECK(answer.at("frames") == 400 + 401 + 900 + 403 + 404 + 405 + 600);
  CHECK(answer.at("streams") == 4); // including the records' stream
  CHECK(answer.at("quarantined") == 0);
  const auto from = everything_in(*bed.open());
  const auto to = everything_in(*open_url(url));
  CHECK(from.size() > 3'700);
  check_same_lines(from, to);
  for (const auto* table :
       {"stream_run", "stream_watermark", "bus", "expired", "record_batch", "digest",
        "rollup_definition", "telemetry", "telemetry_10s", "telemetry_1m"})
    CHECK(
      bed.value(std::string{"select count(*) from "} + table)
      == copy_cluster().value(std::string{"select count(*) from furrow."} + table, "everything"));
  CHECK(bed.value("select hex(state) from digest order by stream limit 1")
        == copy_cluster().value("select upper(encode(state, 'hex')) from furrow.digest order by "
                                "stream limit 1",
                                "everything"));
  good({"db", "validate", "--database", url});
}

TEST_CASE("furrow db copy: streams, digest and keys continue from their place") {
  sqlite_bed bed;
  fill_with_everything(bed);
  const auto url = fresh("goes_on");
  copied(bed, url);
  const auto store = open_url(url);
  const auto before = ledger(*store, "T1");
  const auto durable = before[0].durable;
  // The gateway connects with its old runs and one more.
  const auto runs =
    std::vector<furrow::can::run_mark>{{0xFEDC'BA98'7654'3210, 1}, {77, 10}, {78, durable + 1}};
  const auto claimed = claim(*store, request_for("T1", copied_stream, runs));
  CHECK(claimed.durable_seq == durable);
  CHECK_FALSE(claimed.fork_seq);
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(claimed.claim, durable, mixed_block(9, 500))}));
  // New rows get numbers after the moved ones.
  (void)claim(*store, request_for("T2", 9));
  // A moved key of a batch is known.
  record_batch batch{"default", "station", "key é 1", {}};
  batch.records = {record_at(1, 0x4001, sensor_body), record_at(2, 0x4002, R"({"width_m":900})"),
                   record_at(3, 0x4004, fault_body)};
  CHECK(must(insert(*store, batch)).repeated);
  batch.key = "key 2";
  CHECK_FALSE(must(insert(*store, batch)).repeated);
  plain_digest digest{*store};
  REQUIRE(digest.pending().size() == 2);
  digest.run_all();
  CHECK(digest.pending().empty());
  CHECK(copy_cluster().value("select count(*) from (select from furrow.rollup_definition group by "
                             "signal having count(*) > 1) r",
                             "goes_on")
        == "0");
  const auto frames = frames_in(*store, "default", "T1");
  good({"db", "seal", "--all", "--database", url});
  CHECK(copy_cluster().value("select count(*) from furrow.can_block", "goes_on") == "0");
  CHECK(copy_cluster().value("select count(*) from furrow.can_segment_default where time_first > "
                             "'2026-01-01'",
                             "goes_on")
        == "0"); // the copy made partitions for them
  check_same_lines(frames, frames_in(*store, "default", "T1"));
  for (const auto& row : ledger(*store)) {
    CHECK(row.lost == 0);
    CHECK(row.doubled == 0);
  }
  // The target has other data now, so a second move is refused.
  CHECK(has(refused(bed, url), "a move needs an empty database"));
}

// Symptom: after a move SQL did not know the signals of one's own DBC file until `furrow dbc activate` was called.
TEST_CASE("furrow db copy: DBC files that were active are active, for nodes and for SQL") {
  sqlite_bed bed;
  const auto load_one = [](store& into, const std::string& name, const std::string& unit) {
    const dbc_upload file{name, "all",
                          "VERSION \"\"\n\nBU_: ECU\n\nBO_ 256 TANK_" + unit
                            + ": 8 ECU\n SG_ level : 0|8@1+ (1,0) [0|255] \"" + unit
                            + "\" Vector__XXX\n"};
    return must(answer_of<dbc_load_outcome>(
      [&](auto done) { into.dbc()->load(file, {"me"}, std::move(done)); }));
  };
  {
    const auto store = bed.open_migrated();
    static_cast<void>(claim(*store, request_for("T1", 1)));
    for (const auto* unit : {"l", "gal"}) // the older one stays, inactive
      static_cast<void>(load_one(*store, "tank.dbc", unit));
    static_cast<void>(load_one(*store, "other.dbc", "kg"));
  }
  const auto url = fresh("with_dbc");
  copied(bed, url);
  const auto in_target = [](const std::string& sql) {
    return copy_cluster().value(sql, "with_dbc");
  };
  const auto there = open_url(url);
  const auto active = must(answer_of<std::optional<active_dbc>>(
    [&](auto done) { there->dbc()->read_active("", std::move(done)); }));
  REQUIRE(active);
  CHECK(active->files.size() == 2);
  CHECK(in_target("select string_agg(m.name, ' ' order by m.name) from furrow.dbc d join "
                  "furrow.definition_message m on m.version = d.version")
        == "TANK_gal TANK_kg");
  CHECK(in_target("select count(*) from furrow.dbc d join furrow.definition_set s on s.version = "
                  "d.version and s.sha256 = d.sha256")
        == "2");
  CHECK(in_target("select count(*) from furrow.signal('T1', 'TANK_gal.level', '-infinity', "
                  "'infinity')")
        == "0");                                 // known to SQL
  CHECK(copied(bed, url).at("copied") == false); // the same command again finds both sides alike
  CHECK(in_target("select count(*) from furrow.definition_set") == "3"); // with the catalogue
}

TEST_CASE("furrow db copy: quarantines items that PostgreSQL cannot store, with the reason") {
  sqlite_bed bed;
  std::int64_t ancient_us = -220'000'000'000'000'000; // 5000 BC
  {
    const auto store = bed.open_migrated();
    const auto claimed = claim(*store, request_for("T1", 1)).claim;
    const auto lane = store->open_appender("w0");
    auto part = append_of(claimed, 0, mixed_block(1, 40, ancient_us));
    part.frames.push_back({41, mixed_block(2, 60)});
    // A clock that is set while a block fills gives times on both sides of PostgreSQL's earliest.
    furrow::can::frame_block both;
    const std::uint8_t byte = 7;
    const auto header = furrow::can::pack({.id = 5, .length = 1});
    for (const auto off : {-2, -1, 0, 1})
      REQUIRE(both.push(-210'866'803'200'000'000 + off * std::int64_t{1'000'000}, header, &byte));
    part.frames.push_back({101, both});
    part.records = {{105, {ancient_us, 3, R"({"old":1})"}},
                    {106, record_at(1, 3, R"({"nul":"\u0000"})")},
                    {107, record_at(1, 3, R"({"half":"\ud800"})")},
                    {108, record_at(1, 3, R"({"whole":"\ud83d\ude9c","n":1e99})")},
                    {109, record_at(1, 3, R"({"n":1e400000})")}};
    part.to = part.sent = 109;
    REQUIRE(append(*lane, {std::move(part)}));
  }
  const auto url = fresh("undated");
  const auto answer = copied(bed, url);
  CHECK(answer.at("quarantined") == 40 + 2 + 4);
  CHECK(answer.at("frames") == 60 + 2);
  const auto store = open_url(url);
  const auto row = ledger(*store, "T1").at(0);
  CHECK(row.durable == 109);
  CHECK(row.lost == 0);
  CHECK(row.doubled == 0);
  CHECK(row.quarantined == 46);
  CHECK(row.stored == 109);
  std::map<std::uint64_t, std::string> reasons;
  for (const auto& item : quarantined(*store))
    reasons[item.id.seq] = item.reason;
  CHECK(has(reasons[1], "time before"));
  CHECK(has(reasons[102], "time before"));
  CHECK(reasons.count(103) == 0);
  CHECK(has(reasons[106], "Unicode"));
  CHECK(reasons.count(108) == 0);
  CHECK(
    copy_cluster().value("select body->>'whole' from furrow.item_record where seq = 108", "undated")
    == "🚜");
  CHECK(copied(bed, url).at("copied") == false);
}

TEST_CASE("furrow db copy: a second run compares both sides, and says so") {
  sqlite_bed bed;
  fill_with_everything(bed);
  const auto url = fresh("again");
  const auto first = copied(bed, url);
  const auto second = copied(bed, url);
  CHECK(first.at("copied") == true);
  CHECK(second.at("copied") == false);
  CHECK(first.at("tables") == second.at("tables"));
  copy_cluster().exec("update furrow.can_block set payload[7] = payload[7] + 1 where seq_first = 1",
                      "again");
  CHECK(has(refused(bed, url), "nothing was changed"));
}

TEST_CASE("furrow db copy: detects a target that stores other values than it was sent") {
  sqlite_bed bed;
  fill_with_everything(bed);
  const auto url = fresh("changes");
  const auto change = [](const std::string& table, const std::string& what) {
    copy_cluster().exec(
      "drop trigger if exists change on furrow.fault; drop trigger if exists change "
      "on furrow.can_block; create or replace function public.change() returns "
      "trigger language plpgsql as $$ begin "
        + what + " return new; end $$; create trigger change before insert on furrow." + table
        + " for each row execute function public.change()",
      "changes");
  };
  change("fault", "new.fmi := 3;");
  CHECK(has(refused(bed, url), "fault: the two databases are not the same"));
  change("can_block", "new.payload[2] := new.payload[2] + 1;");
  CHECK(has(refused(bed, url), "can_block of stream 1: the two databases are not the same"));
  change("can_block", "new.time_first := new.time_first - interval '1 s';");
  CHECK(has(refused(bed, url), "its columns do not agree"));
  change("can_block", "if new.seq_first = 1 then return null; end if;");
  CHECK(has(refused(bed, url), "rows of 8"));
  CHECK(rows_in("changes") == "0");
}

TEST_CASE("furrow db copy: a kill at any step leaves nothing, and the next run moves all") {
  sqlite_bed bed;
  fill_with_everything(bed);
  const auto before = everything_in(*bed.open());
  unsigned number = 0;
  for (const std::string at : {"copy.block:2", "copy.block:8", "copy.table:1", "copy.table:9",
                               "copy.table:20", "copy.checked:1"}) {
    CAPTURE(at);
    const auto name = "killed" + std::to_string(++number);
    const auto url = fresh(name);
    const auto dead =
      run_program({FURROW_BIN_DIR "/furrow", "db", "copy", "--from", bed.url(), "--to", url},
                  {{{"FURROW_FAILPOINT", at + ":abort"}}});
    CHECK(dead.exit_code == 99);
    REQUIRE(left_alone(name));
    CHECK(rows_in(name) == "0");
    CHECK(copied(bed, url).at("copied") == true);
    check_same_lines(before, everything_in(*open_url(url)));
  }
  // After the commit, the next run only compares.
  const auto url = fresh("killed_late");
  const auto late =
    run_program({FURROW_BIN_DIR "/furrow", "db", "copy", "--from", bed.url(), "--to", url},
                {{{"FURROW_FAILPOINT", "copy.committed:1:abort"}}});
  CHECK(late.exit_code == 99);
  CHECK(copied(bed, url).at("copied") == false);
  check_same_lines(before, everything_in(*open_url(url)));
}

TEST_CASE("furrow db copy: kill -9 in the middle leaves a server session behind, and the next run "
          "moves all") {
  sqlite_bed bed;
  fill_with_everything(bed);
  const auto url = fresh("kill9");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("FURROW_FAILPOINT", "copy.block:5:stop", 1);
    ::execl(FURROW_BIN_DIR "/furrow", "furrow", "db", "copy", "--from", bed.url().c_str(), "--to",
            url.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
  REQUIRE(WIFSTOPPED(status));
  // No other session sees part of it, and no second copy can begin.
  CHECK(rows_in("kill9") == "0");
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(left_alone("kill9"));
  CHECK(copied(bed, url).at("copied") == true);
  check_same_lines(everything_in(*bed.open()), everything_in(*open_url(url)));
}

TEST_CASE("furrow db copy: rejects an unfit source or target in one line, and changes nothing") {
  sqlite_bed bed;
  {
    const auto store = bed.open_migrated();
    (void)claim(*store, request_for("T1", 1));
  }
  const auto plain = fresh("plain", false);
  CHECK(has(refused(bed, plain), "--migrate applies it first"));
  CHECK(copy_cluster().value("select to_regnamespace('furrow') is null", "plain") == "t");
  const auto held = fresh("held");
  copy_cluster().exec("insert into furrow.farm (name) values ('other')", "held");
  CHECK(has(refused(bed, held), "1 rows of farm"));
  CHECK(has(bad({"db", "copy", "--from", "sqlite:/nowhere/x.db", "--to", held}, 3),
            "no such database"));
  CHECK(has(bad({"db", "copy", "--from", held, "--to", held}, 2), "between two PostgreSQL"));
  CHECK(has(bad({"db", "copy", "--from", bed.url(), "--to", bed.url()}, 2), "must be PostgreSQL"));
  CHECK(has(bad({"db", "copy", "--from", bed.url()}, 2), "--to is required"));
  CHECK(refused(bed, "postgresql://127.0.0.1:1/none", 3) != "");
  const auto empty = fresh("open_yet");
  {
    // Stands for a node that still has the file open.
    const auto user = bed.open();
    (void)ledger(*user);
    CHECK(has(refused(bed, empty), "has it open: stop it first (a node?)"));
  }
  bed.tamper("insert into migration (number, name, checksum) values (999, 'adds', 'x')");
  CHECK(has(refused(bed, empty), "does not know what it added"));
  bed.tamper("delete from migration where number > 7");
  CHECK(has(refused(bed, empty), "is not applied"));
  CHECK(rows_in("open_yet") == "0");
  CHECK(copy_cluster().value("select count(*) from furrow.farm", "held") == "1");
}

TEST_CASE("furrow db copy: detects a writer during the copy, and commits nothing") {
  sqlite_bed bed;
  fill_with_everything(bed);
  const auto url = fresh("written");
  store_options options;
  options.url = url;
  bool wrote = false;
  const auto moved = copy_database(bed.file(), options, [&](const copy_progress& now) {
    if (now.checking && !std::exchange(wrote, true)) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::execl(FURROW_BIN_DIR "/furrow", "furrow", "retention", "set", "--database",
                bed.url().c_str(), "--kind", "records", "--keep", "9d", "--yes", nullptr);
        ::_exit(127);
      }
      int status = 0;
      ::waitpid(child, &status, 0);
      wrote = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
  });
  REQUIRE(wrote);
  REQUIRE_FALSE(moved);
  CHECK(has(moved.error().detail, "has written to it meanwhile"));
  CHECK(rows_in("written") == "0");
  CHECK(copied(bed, url).at("copied") == true);
}

TEST_CASE("furrow db copy: --migrate creates the schema first; an empty database moves too") {
  sqlite_bed bed;
  (void)bed.open_migrated();
  const auto url = fresh("bare", false);
  const auto answer = copied(bed, url, {"--migrate"});
  CHECK(answer.at("copied") == true);
  CHECK(answer.at("rows") == 0);
  const auto store = open_url(url);
  CHECK(claim(*store, request_for("T1", 1)).durable_seq == 0);
}
