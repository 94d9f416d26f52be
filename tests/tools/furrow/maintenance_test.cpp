/// `furrow db` on a SQLite file.
#include "storage/migrations/migrations.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <sstream>

using namespace furrow::tests;

namespace {

struct world {
  scratch_folder folder;
  std::string path = folder.file("furrow.db");
  std::string url = "sqlite:" + path;

  void exec(const std::string& sql) const {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    char* why = nullptr;
    sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &why);
    CHECK(std::string{why != nullptr ? why : ""} == "");
    sqlite3_free(why);
    sqlite3_close(db);
  }
};

} // namespace

TEST_CASE("furrow db migrate: stops at --to, and --dry-run changes nothing") {
  const world here;
  CHECK(has(good({"db", "migrate", "--dry-run", "--database", here.url}), "streams_and_blocks"));
  CHECK_FALSE(std::filesystem::exists(here.path));
  CHECK(has(good({"db", "migrate", "--to", "2", "--database", here.url, "-o", "jsonl"}),
            "\"number\":3,\"name\":\"digest\""));
  const auto plan = good({"db", "migrate", "--to", "3", "--dry-run", "--database", here.url});
  std::istringstream lines{plan};
  int row = 0;
  for (std::string line; std::getline(lines, line); ++row) {
    CAPTURE(line);
    CHECK(has(line, row == 0   ? "PLAN"
                    : row <= 2 ? "is applied"
                    : row == 3 ? "would be applied"
                               : "above --to"));
  }
  CHECK(row == 1 + static_cast<int>(furrow::storage::sqlite_migrations().size()));
  CHECK(
    has(good({"db", "migrate", "--to", "3", "--dry-run", "--database", here.url, "-o", "jsonl"}),
        "\"would_apply\":true"));
  CHECK(has(bad({"db", "validate", "--database", here.url}), "checks failed"));
  CHECK(has(bad({"db", "migrate", "--to", "999", "--database", here.url}),
            "there is no migration 999"));
  const auto before = here.folder.file("before.db");
  good({"db", "migrate", "--backup", before, "--database", here.url});
  CHECK(has(good({"db", "validate", "--database", here.url}), "rows of migration"));
  CHECK(
    has(bad({"db", "migrate", "--backup", before, "--database", here.url}), "is there already"));
  CHECK(has(run({"db", "validate", "--database", "sqlite:" + before}).out, "is not applied"));
  CHECK(run({"db", "migrate", "--to", "1"}).exit_code == 2); // of a node it cannot be asked
}

TEST_CASE("furrow db validate: reports what is lost, doubled, missing or changed") {
  const world here;
  good({"db", "migrate", "--database", here.url});
  here.exec(one_machine("", false));
  CHECK(has(good({"db", "validate", "--database", here.url, "-o", "jsonl"}),
            R"({"what":"rows of can_block","says":"1","sound":true})"));
  here.exec("update stream_watermark set seq = 5, sent = 5");
  CHECK(has(run({"db", "validate", "--database", here.url, "-o", "jsonl"}).out,
            R"({"what":"ledger: items lost","says":"3","sound":false})"));
  here.exec("update stream_watermark set seq = 2, sent = 2; drop index can_block_equipment_time");
  CHECK(has(run({"db", "validate", "--database", here.url, "-o", "jsonl"}).out,
            R"({"what":"index can_block_equipment_time","says":"is missing","sound":false})"));
  CHECK(has(bad({"db", "validate", "--database", "sqlite:" + here.folder.file("none.db")}, 3),
            "there is no such database"));
  CHECK_FALSE(std::filesystem::exists(here.folder.file("none.db")));
  const auto folder = std::filesystem::path{here.path}.parent_path().string();
  const auto of_folder = bad({"db", "validate", "--database", "sqlite:" + folder});
  CHECK(has(of_folder, "is a folder"));
  CHECK(of_folder.find(folder) == of_folder.rfind(folder));
}

TEST_CASE("furrow db backup and restore: whole, or not at all") {
  const world here;
  good({"db", "migrate", "--database", here.url});
  here.exec(one_machine("", false));
  const auto file = here.folder.file("saved.db");
  CHECK(has(good({"db", "backup", file, "--database", here.url}), "sqlite 3"));
  CHECK(has(bad({"db", "backup", file, "--database", here.url}), "is there already"));
  const auto second = "sqlite:" + here.folder.file("second.db");
  good({"db", "restore", file, "--database", second});
  CHECK(has(good({"db", "validate", "--database", second, "-o", "jsonl"}),
            R"({"what":"rows of equipment","says":"1","sound":true})"));
  here.exec("insert into equipment (farm_id, name) values (1, 'T2')");
  CHECK(has(bad({"db", "restore", file, "--database", here.url}), "--replace"));
  const auto torn = here.folder.file("torn.db");
  std::filesystem::copy_file(file, torn);
  std::filesystem::resize_file(torn, std::filesystem::file_size(torn) / 2);
  CHECK(has(bad({"db", "restore", torn, "--replace", "--database", here.url}),
            torn.substr(torn.rfind('/') + 1)));
  CHECK(has(good({"db", "validate", "--database", here.url, "-o", "jsonl"}),
            R"({"what":"rows of equipment","says":"2","sound":true})"));
  good({"db", "restore", file, "--replace", "--database", here.url});
  CHECK(has(good({"db", "validate", "--database", here.url, "-o", "jsonl"}),
            R"({"what":"rows of equipment","says":"1","sound":true})"));
}

TEST_CASE("furrow db: accepts a newer migration that only adds, or that removes what this program "
          "does not need") {
  const world here;
  good({"db", "migrate", "--database", here.url});
  const auto newest = furrow::storage::sqlite_migrations().back().number;
  const auto next = std::to_string(newest + 1);
  here.exec("insert into migration (number, name, checksum) values (" + next + ", 'adds', 'x')");
  good({"db", "migrate", "--database", here.url});
  good({"db", "validate", "--database", here.url});
  here.exec("update migration set name = 'contract_" + std::to_string(newest)
            + "_old_column' where number = " + next);
  good({"db", "migrate", "--database", here.url});
  here.exec("update migration set name = 'contract_" + next
            + "_old_column' where number = " + next);
  CHECK(has(bad({"db", "migrate", "--database", here.url}), "newer than this program"));
}

TEST_CASE("furrow db: rejects an invalid database URL before it opens a database") {
  const world here;
  good({"db", "migrate", "--database", here.url});
  for (const auto* url : {"postgres//x", "f1", "", "foo=bar"}) {
    CAPTURE(url);
    CHECK(has(bad({"db", "validate", "--database", url}), "not a database URL"));
    CHECK(has(bad({"db", "copy", "--from", here.url, "--to", url}), "not a database URL"));
    CHECK(
      has(bad({"db", "copy", "--migrate", "--from", here.url, "--to", url}), "not a database URL"));
    CHECK(
      has(bad({"db", "backup", here.folder.file("b"), "--database", url}), "not a database URL"));
  }
}

TEST_CASE("furrow db copy: checks the source before it changes the target") {
  const world here;
  // Nothing listens there: a connection attempt would give another error.
  const std::string target = "postgresql://nobody@127.0.0.1:1/none";
  CHECK(has(bad({"db", "copy", "--migrate", "--from", here.url, "--to", target}, 3),
            "there is no such database"));
  here.exec("create table x (y)");
  CHECK(has(bad({"db", "copy", "--migrate", "--from", here.url, "--to", target}), here.path));
}
