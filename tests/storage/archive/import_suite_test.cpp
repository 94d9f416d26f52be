// Frames that were exported, deleted by retention and imported: the same frames under the same numbers, once.
#include "storage/sealing.hpp"
#include "tests/storage/suite/retention_bed.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <fstream>

#include <nlohmann/json.hpp>

using namespace furrow::storage;
using namespace furrow::tests;
namespace can = furrow::can;

namespace {

constexpr std::int64_t may_us = 1'777'617'000'000'000; // 2026-05-01
using lines = std::vector<std::string>;

lines frames_in(store& store, const std::string& farm = "north") {
  lines out;
  for (const auto& run : read_all(store, {farm, "T1", {}, {}}))
    for (std::size_t i = 0; i < run.block.size(); ++i) {
      const auto frame = run.block[i];
      auto line = std::to_string(run.seq_first + i) + ' ' + std::to_string(frame.time_us) + ' '
                  + std::to_string(frame.header.bits) + ' ';
      line.append(frame.payload().begin(), frame.payload().end());
      out.push_back(std::move(line));
    }
  return out;
}

std::vector<std::int64_t> days(int count, int first = 0) {
  std::vector<std::int64_t> out;
  for (int i = 0; i < count; ++i)
    out.push_back(may_us + (first + i) * day_us);
  return out;
}

/// What PostgreSQL must do before retention can delete frames.
void seal_all(store& store) {
  if (store.capabilities().sealing)
    must(answer_of<seal_outcome>(
      [&](auto done) { store.sealing()->seal({.due_after = {}}, std::move(done)); }));
}

void let_go(store& store, int older_than_day) {
  auto& care = store;
  keep(care, "north", data_kind::frames, 1);
  (void)must(expire(care, may_us + (older_than_day + 1) * day_us));
}

void keep_all(store& store) {
  keep(store, "north", data_kind::frames, std::nullopt);
}

void export_all(const store_bed& bed,
                const std::string& folder,
                std::vector<std::string> more = {}) {
  std::vector<std::string> words{"archive",    "export",  "--equipment", "T1",
                                 "--database", bed.url(), folder};
  words.insert(words.end(), more.begin(), more.end());
  good(std::move(words));
}

struct counts {
  std::uint64_t stored = 0;
  std::uint64_t known = 0;
  std::uint64_t noted = 0;
  friend bool operator==(const counts&, const counts&) = default;
};

counts import_from(const store_bed& bed, std::vector<std::string> paths) {
  std::vector<std::string> words{"archive", "import", "--database", bed.url(), "-o", "json"};
  words.insert(words.end(), paths.begin(), paths.end());
  counts sum;
  for (const auto& row : nlohmann::json::parse(good(std::move(words)))) {
    sum.stored += row.at("stored").get<std::uint64_t>();
    sum.known += row.at("known").get<std::uint64_t>();
    sum.noted += row.at("noted").get<std::uint64_t>();
  }
  return sum;
}

std::string refused(const store_bed& bed, const std::string& path, int exit_code = 1) {
  return bad({"archive", "import", "--database", bed.url(), path}, exit_code);
}

/// Ten days of frames with records in between, of which five days are deleted, and an archive of
/// all.
struct story {
  scratch_folder folder;
  std::unique_ptr<store_bed> bed = make_bed();
  std::unique_ptr<furrow::storage::store> store = bed->open_migrated();
  std::string archive = folder.file("all");
  lines before;

  story() {
    append_days(*store, "north", "T1", 1, days(5));
    auto request = request_for("T1", 1);
    request.farm = "north";
    const auto claimed = claim(*store, request);
    stream_append records;
    records.claim = claimed.claim;
    records.from = claimed.durable_seq;
    records.to = records.sent = records.from + 3;
    for (std::uint64_t i = 1; i <= 3; ++i)
      records.records.push_back({records.from + i, {may_us, 3, "{}"}});
    must(append(*store->open_appender("w1"), {std::move(records)}));
    append_days(*store, "north", "T1", 1, days(5, 5));
    seal_all(*store);
    before = frames_in(*store);
    REQUIRE(before.size() == 6'000);
    export_all(*bed, archive);
  }
};

void check_ledger(store& store, std::uint64_t stored, std::uint64_t expired) {
  const auto row = ledger_of(store, "north", "T1");
  CHECK(row.lost == 0);
  CHECK(row.doubled == 0);
  CHECK(row.stored == stored);
  CHECK(row.expired == expired);
}

} // namespace

TEST_CASE("furrow archive import: restores the frames that retention deleted") {
  story t;
  let_go(*t.store, 5);
  check_ledger(*t.store, 3'003, 3'000);
  CHECK(frames_in(*t.store).size() == 3'000);
  // A rule that would delete it again is detected.
  CHECK(has(refused(*t.bed, t.archive), "would take these away again"));
  check_ledger(*t.store, 3'003, 3'000);
  keep_all(*t.store);
  CHECK(import_from(*t.bed, {t.archive}) == counts{3'000, 3'000, 0});
  check_ledger(*t.store, 6'003, 0);
  CHECK(frames_in(*t.store) == t.before);
  // A second import knows all frames, and doubles none.
  CHECK(import_from(*t.bed, {t.archive}) == counts{0, 6'000, 0});
  check_ledger(*t.store, 6'003, 0);
  // The stream continues from its watermark, and imported frames can expire and be imported again.
  append_days(*t.store, "north", "T1", 1, days(1, 10));
  check_ledger(*t.store, 6'603, 0);
  let_go(*t.store, 2);
  check_ledger(*t.store, 6'603 - 1'200, 1'200);
  keep_all(*t.store);
  CHECK(import_from(*t.bed, {t.archive}) == counts{1'200, 4'800, 0});
  check_ledger(*t.store, 6'603, 0);
  const auto now = frames_in(*t.store);
  REQUIRE(now.size() == 6'600);
  CHECK(lines{now.begin(), now.begin() + 6'000} == t.before);
  good({"db", "validate", "--database", t.bed->url()});
}

TEST_CASE(
  "furrow archive import: resumes after a kill at any step, and nothing is lost or doubled") {
  story t;
  for (const std::string at : {"return.stored:1", "return.stored:2", "return.committed:1",
                               "return.committed:2", "return.stored:4"}) {
    CAPTURE(at);
    let_go(*t.store, 5);
    keep_all(*t.store);
    const auto dead = run_program(
      {FURROW_BIN_DIR "/furrow", "archive", "import", t.archive, "--database", t.bed->url()},
      {{{"FURROW_FAILPOINT", at + ":abort"}}});
    CHECK(dead.exit_code == 99);
    const auto row = ledger_of(*t.store, "north", "T1");
    CHECK(row.lost == 0);
    CHECK(row.doubled == 0);
    CHECK(row.stored + row.expired == 6'003);
    (void)import_from(*t.bed, {t.archive});
    check_ledger(*t.store, 6'003, 0);
    CHECK(frames_in(*t.store) == t.before);
  }
}

TEST_CASE("furrow archive import: fills a database without the stream, in any order") {
  story t;
  // Two exports by time, the later one first.
  const auto early = t.folder.file("early");
  const auto late = t.folder.file("late");
  export_all(*t.bed, early, {"--to", "2026-05-04T00:00:00Z"});
  export_all(*t.bed, late, {"--from", "2026-05-04T00:00:00.000001Z"});
  const auto other = make_bed();
  const auto there = other->open_migrated();
  CHECK(import_from(*other, {late}) == counts{4'200, 0, 1'803});
  check_ledger(*there, 4'200, 1'803);
  CHECK(import_from(*other, {early, late}) == counts{1'800, 4'200, 0});
  check_ledger(*there, 6'000, 3); // no archive has the records
  CHECK(frames_in(*there) == t.before);
  // Its gateway continues after the import; from then on an import only fills holes.
  auto request = request_for("T1", 1);
  request.farm = "north";
  const auto claimed = claim(*there, request);
  CHECK(claimed.durable_seq == 6'003);
  append_days(*t.store, "north", "T1", 1, days(1, 10));
  const auto more = t.folder.file("more");
  export_all(*t.bed, more);
  CHECK(has(refused(*other, more), "what follows is its gateway's to send"));
  check_ledger(*there, 6'000, 3);
  must(append(*there->open_appender("w0"),
              {append_of(claimed.claim, 6'003, mixed_block(77, 50, may_us))}));
  check_ledger(*there, 6'050, 3);
  good({"db", "validate", "--database", other->url()});
}

TEST_CASE("furrow archive import: rejects frames that contradict the database, in one line") {
  story t;
  const auto other = make_bed();
  const auto there = other->open_migrated();
  // The same stream with other frames.
  append_days(*there, "north", "T1", 1, days(10, 1));
  append_days(*there, "north", "T1", 1, days(1, 20));
  CHECK(has(refused(*other, t.archive), "is another frame here than in the archive"));
  check_ledger(*there, 6'600, 0);
  // A record where the archive has a frame.
  const auto third = make_bed();
  const auto records = third->open_migrated();
  auto request = request_for("T1", 1);
  request.farm = "north";
  const auto claimed = claim(*records, request).claim;
  stream_append one;
  one.claim = claimed;
  one.to = one.sent = 1;
  one.records.push_back({1, {may_us, 3, "{}"}});
  must(append(*records->open_appender("w0"), {std::move(one)}));
  CHECK(has(refused(*third, t.archive), "item 1 is not a frame here"));
}

TEST_CASE("furrow archive import: damaged files and invalid arguments change nothing") {
  story t;
  let_go(*t.store, 5);
  keep_all(*t.store);
  std::string name;
  {
    std::ifstream in{t.archive + "/manifest.json"};
    name = t.archive + "/" + nlohmann::json::parse(in).at("files")[0].at("file").get<std::string>();
  }
  const auto copy = t.folder.file("torn.furrow");
  std::filesystem::copy_file(name, copy);
  std::filesystem::resize_file(copy, std::filesystem::file_size(copy) - 20);
  CHECK(has(refused(*t.bed, copy), "nothing was stored"));
  {
    std::fstream file{name, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(200);
    file.write("damage", 6);
  }
  CHECK(has(refused(*t.bed, t.archive), "nothing was stored"));
  CHECK(has(refused(*t.bed, t.folder.file("none"), 1), "none"));
  CHECK(has(bad({"archive", "import", "--database", t.bed->url()}, 2), "PATH is required"));
  CHECK(has(bad({"archive", "import", copy, "--database", "sqlite:/nowhere/x.db"}, 1),
            "nothing was stored"));
  check_ledger(*t.store, 3'003, 3'000);
}
