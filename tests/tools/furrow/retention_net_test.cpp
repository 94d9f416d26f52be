// `furrow retention`, `furrow db stats` and `furrow db partitions` on a database of their own.
#include "can/logs/candump.hpp"
#include "tests/storage/suite/retention_bed.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

using namespace furrow::storage;
using namespace furrow::tests;
using json = nlohmann::json;

namespace {

program_result furrow_on(const store_bed& bed, std::vector<std::string> words) {
  words.insert(words.begin(), std::string{FURROW_BIN_DIR} + "/furrow");
  words.insert(words.end(), {"--database", bed.url()});
  return run_program(std::move(words));
}

json parsed(const program_result& result) {
  CAPTURE(result.errors);
  REQUIRE(result.exit_code == 0);
  return json::parse(result.out);
}

} // namespace

TEST_CASE("furrow retention: rules, the preview, and what is removed") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {1'600'000'000'000'000, 1'600'100'000'000'000});
  append_days(*store, "south", "T2", 2, {1'600'000'000'000'000});
  CHECK(parsed(furrow_on(*bed, {"retention", "list", "-o", "json"})).empty());

  const auto asked = furrow_on(*bed, {"retention", "set", "--kind", "frames", "--keep", "90d"});
  CHECK(asked.exit_code == 2);
  CHECK(asked.out.find("north") != std::string::npos); // the preview
  CHECK(asked.errors.find("--yes") != std::string::npos);
  CHECK(parsed(furrow_on(*bed, {"retention", "list", "-o", "json"})).empty());
  const auto set =
    furrow_on(*bed, {"retention", "set", "--kind", "frames", "--keep", "90d", "--yes"});
  CHECK(set.exit_code == 0);
  CHECK(set.errors.find("keep 90 days") != std::string::npos);
  CHECK(furrow_on(*bed,
                  {"retention", "set", "--kind", "frames", "--farm", "south", "--keep", "forever"})
          .exit_code
        == 0);
  const auto rules = parsed(furrow_on(*bed, {"retention", "list", "-o", "json"}));
  REQUIRE(rules.size() == 2);
  CHECK(rules[0] == json{{"farm", nullptr}, {"kind", "frames"}, {"keep_days", 90}});
  CHECK(rules[1] == json{{"farm", "south"}, {"kind", "frames"}, {"keep_days", nullptr}});

  const auto notes = parsed(furrow_on(*bed, {"db", "audit", "-o", "json"}));
  REQUIRE(notes.size() == 2);
  CHECK(notes[1].at("action") == "retention set");
  CHECK(notes[1].at("detail") == "keep 90 days");
  CHECK(notes[1].at("who").get<std::string>().find('@') != std::string::npos);

  const auto preview = parsed(furrow_on(*bed, {"retention", "preview", "-o", "json"}));
  REQUIRE(preview.at("losses").size() == 1);
  CHECK(preview.at("losses")[0].at("farm") == "north");
  CHECK(preview.at("losses")[0].at("items") == 1'200);
  CHECK(preview.at("losses")[0].at("oldest").get<std::string>().starts_with("2020-09-13T12:26:40"));
  CHECK(ledger_of(*store, "north", "T1").expired == 0);

  const auto gone = parsed(furrow_on(*bed, {"retention", "run", "-o", "json"}));
  CHECK(gone.at("frames") == 1'200);
  CHECK(ledger_of(*store, "north", "T1").expired == 1'200);
  CHECK(ledger_of(*store, "south", "T2").stored == 600);
  check_nothing_lost(*store);

  CHECK(furrow_on(*bed, {"retention", "clear", "--kind", "frames", "--farm", "south"}).exit_code
        == 0);
  CHECK(furrow_on(*bed, {"retention", "clear", "--kind", "frames", "--farm", "south"}).exit_code
        == 4);
  const auto unknown =
    furrow_on(*bed, {"retention", "set", "--kind", "frames", "--farm", "x", "--keep", "3d"});
  CHECK(unknown.exit_code == 4);
  CHECK(unknown.errors.find("no farm x") != std::string::npos);
  for (const auto* keep : {"0d", "-1", "40000d", "soon", ""})
    CHECK(furrow_on(*bed, {"retention", "set", "--kind", "frames", "--keep", keep}).exit_code == 2);
  CHECK(furrow_on(*bed, {"retention", "set", "--kind", "x", "--keep", "3d"}).exit_code == 2);
}

TEST_CASE("furrow equipment remove and stream remove: ask, or need --yes") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {1'600'000'000'000'000});
  append_days(*store, "north", "T1", 2, {1'600'000'000'000'000});
  const auto asked = furrow_on(*bed, {"equipment", "remove", "T1"});
  CHECK(asked.exit_code == 2);
  CHECK(asked.errors.find("1200 frames") != std::string::npos);
  CHECK(asked.errors.find("--yes") != std::string::npos);
  const auto id = furrow::can::to_string(stream_id_of(2));
  CHECK(parsed(furrow_on(*bed, {"stream", "remove", "T1", id, "--yes", "-o", "json"})).at("frames")
        == 600);
  CHECK(furrow_on(*bed, {"stream", "remove", "T1", "nonsense", "--yes"}).exit_code == 2);
  CHECK(parsed(furrow_on(*bed, {"equipment", "remove", "T1", "--yes", "-o", "json"})).at("frames")
        == 600);
  CHECK(furrow_on(*bed, {"equipment", "remove", "T9", "--yes"}).exit_code == 4);
  CHECK(parsed(furrow_on(*bed, {"db", "audit", "-o", "json"})).size() == 2);
  check_nothing_lost(*store);
}

TEST_CASE("furrow: FURROW_DATABASE is the default of every command, and --database overrides it") {
  const auto bed = make_bed();
  const auto program = std::string{FURROW_BIN_DIR} + "/furrow";
  program_options elsewhere;
  elsewhere.environment = {{"FURROW_DATABASE", "sqlite:/nowhere/else.db"}};
  program_options here;
  here.environment = {{"FURROW_DATABASE", bed->url()}};

  CHECK(run_program({program, "db", "migrate"}, here).exit_code == 0);
  for (const auto& words : {std::vector<std::string>{"db", "migrate"},
                            {"db", "status"},
                            {"db", "validate"},
                            {"db", "stats"},
                            {"retention", "list"}}) {
    auto line = words;
    line.insert(line.begin(), program);
    CAPTURE(words.back());
    CHECK(run_program(line, here).exit_code == 0);
    CHECK(run_program(line, elsewhere).exit_code != 0);
    line.insert(line.end(), {"--database", bed->url()});
    CHECK(run_program(line, elsewhere).exit_code == 0);
  }
  for (const auto& words : {std::vector<std::string>{"db", "seal", "--all"},
                            {"dbc", "load", "--for", "all", "x.dbc"}}) {
    auto line = words;
    line.insert(line.begin(), program);
    CHECK(run_program(line, here).exit_code == 1); // not for want of an option, which is 2
  }

  // A node on the command line is meant; only a database itself does the rest.
  const auto node = run_program({program, "db", "migrate", "--at", "http://127.0.0.1:1"}, here);
  CHECK(node.exit_code == 3);
  const auto both =
    run_program({program, "db", "migrate", "--dry-run", "--at", "http://127.0.0.1:1"}, here);
  CHECK(both.exit_code == 2);
  CHECK(both.errors.find("only with --database") != std::string::npos);
}

TEST_CASE("furrow dbc check: accepts -o json before the command's name, too") {
  const scratch_folder folder;
  const auto file = folder.write("one.dbc", "VERSION \"\"\nBU_: A\nBO_ 1 M: 8 A\n");
  const auto program = std::string{FURROW_BIN_DIR} + "/furrow";
  const auto before = run_program({program, "-o", "json", "dbc", "check", file});
  CHECK(parsed(before) == parsed(run_program({program, "dbc", "check", file, "-o", "json"})));
  CHECK(run_program({program, "-o", "json", "dbc", "check", file, "-o", "text"}).out
        == run_program({program, "dbc", "check", file}).out);
}

TEST_CASE("furrow db stats: the table has the same figures as the JSON") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {1'600'000'000'000'000});
  append_days(*store, "south", "T2", 2, {1'600'000'000'000'000, 1'600'000'100'000'000});
  const auto stats = parsed(furrow_on(*bed, {"db", "stats", "--top", "1", "-o", "json"}));
  CHECK(stats.at("bytes") > 0);
  REQUIRE(stats.at("tiers").size() == 1);
  CHECK(stats.at("tiers")[0].at("frames") == 1'800);
  CHECK(stats.at("tiers")[0].at("bytes_per_frame") > 10);
  for (const auto& one : stats.at("tables"))
    if (one.at("table") == "equipment") {
      CHECK(one.at("rows") == 2);
      CHECK(one.at("rows_estimated") == false);
    }
  REQUIRE(stats.at("machines").size() == 1);
  CHECK(stats.at("machines")[0].at("equipment") == "T2");
  const auto table = furrow_on(*bed, {"db", "stats"});
  CHECK(table.exit_code == 0);
  for (const auto* word : {"BYTES A FRAME", "can_block", "north", "T2", "1800"})
    CHECK(table.out.find(word) != std::string::npos);
}

TEST_CASE("furrow db partitions: reports that SQLite has no partitions") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto answer = furrow_on(*bed, {"db", "partitions"});
  CHECK(answer.exit_code == 1);
  CHECK(answer.errors.find("SQLite has no partitions") != std::string::npos);
}

TEST_CASE("furrow archive: exports stored frames, continues after an interruption, and prints the "
          "same text") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1,
              {1'600'000'000'000'000, 1'600'100'000'000'000, 1'600'200'000'000'000});
  append_days(*store, "north", "T1", 2, {1'600'300'000'000'000});
  const auto text_of = [&](std::int64_t from_us, std::int64_t to_us) {
    std::string text;
    for (const auto& run : read_all(*store, {"north", "T1", from_us, to_us}))
      for (std::size_t i = 0; i < run.block.size(); ++i)
        if (const auto frame = run.block[i]; frame.time_us >= from_us && frame.time_us <= to_us)
          furrow::can::append_candump(text, frame, "can" + std::to_string(frame.header.bus()));
    return text;
  };
  const scratch_folder folder;
  const auto all = folder.file("all");
  const auto program = std::string{FURROW_BIN_DIR} + "/furrow";
  const auto manifest = parsed(furrow_on(
    *bed, {"archive", "export", "--equipment", "T1", "--farm", "north", all, "-o", "json"}));
  CHECK(manifest.at("complete") == true);
  CHECK(manifest.at("frames") == 2'400);
  CHECK(manifest.at("added") == 2'400);
  REQUIRE(manifest.at("files").size() == 2); // a stream each
  CHECK(manifest.at("files")[0].at("seq_last") == 1'800);
  CHECK(run_program({program, "archive", "check", all}).exit_code == 0);
  const auto text = run_program({program, "archive", "cat", all});
  CHECK(text.exit_code == 0);
  CHECK(text.out == text_of(INT64_MIN, INT64_MAX));

  // As after an interruption behind the first file: only the second is written again.
  const auto second = all + "/" + manifest.at("files")[1].at("file").get<std::string>();
  auto stopped = manifest;
  stopped["complete"] = false;
  stopped["files"].erase(1);
  (void)folder.write("all/manifest.json", stopped.dump());
  std::filesystem::remove(second);
  const auto unfinished = run_program({program, "archive", "check", all});
  CHECK(unfinished.exit_code == 1);
  CHECK(unfinished.errors.find("was not finished") != std::string::npos);
  const auto part_of = make_bed();
  const auto part_store = part_of->open_migrated();
  const auto taken = furrow_on(*part_of, {"archive", "import", all});
  CHECK(taken.exit_code == 0);
  CHECK(taken.errors.find("was not finished") != std::string::npos);
  const auto first = all + "/" + manifest.at("files")[0].at("file").get<std::string>();
  const auto written_at = std::filesystem::last_write_time(first);
  auto again = parsed(furrow_on(
    *bed, {"archive", "export", "--equipment", "T1", "--farm", "north", all, "-o", "json"}));
  CHECK(again.at("added") == 600);
  again["added"] = manifest.at("added");
  CHECK(again == manifest);
  CHECK(std::filesystem::last_write_time(first) == written_at);
  CHECK(std::filesystem::exists(second));

  // A part of the time, frame by frame; another folder for something else.
  const auto part = folder.file("part");
  CHECK(furrow_on(*bed, {"archive", "export", "--equipment", "T1", "--from",
                         "2020-09-14T16:13:20.2Z", "--to", "2020-09-15T19:59:59.999999Z", part})
          .exit_code
        == 0);
  CHECK(run_program({program, "archive", "cat", part}).out
        == text_of(1'600'100'000'200'000, 1'600'200'000'000'000 - 1));
  CHECK(furrow_on(*bed, {"archive", "export", "--equipment", "T1", part}).exit_code == 1);

  // Invalid paths are rejected, and the message contains the path once.
  CHECK(furrow_on(*bed, {"archive", "export", "--equipment", "T1", "--from", "2020-09-15T00:00:00Z",
                         "--to", "2020-09-14T00:00:00Z", part})
          .exit_code
        == 2);
  const auto other_farm = furrow_on(*part_of, {"archive", "import", "--farm", "south", first});
  CHECK(other_farm.exit_code == 2);
  CHECK(other_farm.errors.find("belongs to farm north") != std::string::npos);
  const auto no_archive = all + "/manifest.json";
  CHECK(furrow_on(*part_of, {"archive", "import", no_archive}).errors
        == "furrow: " + no_archive + ": this is not a Furrow archive; nothing was stored\n");

  // Damage is reported.
  {
    std::fstream file{second, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(100);
    file.write("damage", 6);
  }
  const auto checked = run_program({program, "archive", "check", all});
  CHECK(checked.exit_code == 1);
  CHECK(run_program({program, "archive", "check", first}).exit_code == 0);
  CHECK(run_program({program, "archive", "cat", second}).exit_code == 1);
}

TEST_CASE("furrow archive export: adds newer frames to a finished folder, once") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const scratch_folder folder;
  const auto to = folder.file("t1");
  const auto program = std::string{FURROW_BIN_DIR} + "/furrow";
  const std::vector<std::string> command{
    "archive", "export", "--equipment", "T1", "--to", "2020-09-15T00:00:00Z", to, "-o", "json"};
  append_days(*store, "north", "T1", 1, {1'600'000'000'000'000});
  append_days(*store, "north", "T1", 2, {1'600'010'000'000'000});
  const auto first = parsed(furrow_on(*bed, command));
  CHECK(first.at("added") == 1'200);
  const auto idle = parsed(furrow_on(*bed, command));
  CHECK(idle.at("added") == 0);
  CHECK(idle.at("files") == first.at("files"));

  // Later ones, one of an older time, one beyond --to.
  append_days(*store, "north", "T1", 1,
              {1'600'100'000'000'000, 1'599'000'000'000'000, 1'700'000'000'000'000});
  const auto more = parsed(furrow_on(*bed, command));
  CHECK(more.at("added") == 1'200);
  CHECK(more.at("frames") == 2'400);
  CHECK(more.at("complete") == true);
  REQUIRE(more.at("files").size() == 3);
  CHECK(more.at("files")[0] == first.at("files")[0]);
  CHECK(more.at("files")[1].at("seq_first") == 601);
  CHECK(more.at("files")[1].at("seq_last") == 1'800);
  CHECK(more.at("files")[2] == first.at("files")[1]);
  CHECK(run_program({program, "archive", "check", to}).exit_code == 0);
  CHECK(parsed(furrow_on(*bed, command)).at("added") == 0);

  // New frames are added to the existing files.
  const auto text = run_program({program, "archive", "cat", to});
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 2'400);

  // Another database that has a machine of this name.
  const auto other = make_bed();
  const auto other_store = other->open_migrated();
  append_days(*other_store, "north", "T1", 3, {1'600'000'000'000'000});
  const auto refused = furrow_on(*other, command);
  CHECK(refused.exit_code == 1);
  CHECK(refused.errors.find("another database") != std::string::npos);
  CHECK(run_program({program, "archive", "check", to}).exit_code == 0);
}

TEST_CASE("furrow archive export: admits one export at a time into a folder") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {1'600'000'000'000'000});
  const scratch_folder folder;
  const auto to = folder.file("t1");
  REQUIRE(std::filesystem::create_directory(to));
  const int lock = ::open((to + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
  const auto second = furrow_on(*bed, {"archive", "export", "--equipment", "T1", to});
  CHECK(second.exit_code == 1);
  CHECK(second.errors.find("another export is writing into it") != std::string::npos);
  ::close(lock);
  CHECK(furrow_on(*bed, {"archive", "export", "--equipment", "T1", to}).exit_code == 0);
}

TEST_CASE("furrow: a missing file is an error for a query, and is not created") {
  const scratch_folder folder;
  const auto url = "sqlite:" + folder.file("none.db");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"db", "stats"}, {"retention", "list"}, {"retention", "run"}}) {
    auto command = words;
    command.insert(command.end(), {"--database", url});
    CHECK(has(bad(command, 3), "there is no such database"));
  }
  CHECK(
    has(bad({"archive", "export", "--equipment", "T1", "--database", url, folder.file("out")}, 3),
        "there is no such database"));
  CHECK_FALSE(std::filesystem::exists(folder.file("none.db")));
}
