// `furrow export` that is interrupted: what is left, and that --resume gives the same file as one run.
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

namespace can = furrow::can;
namespace fs = std::filesystem;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// Engine speed and wheel speed, each second time at the same moment, a number of 64 bits, and a broadcast over five
/// frames now and then.
can::frame_block long_block(std::size_t count, std::int64_t time_us) {
  can::frame_block block;
  bool fits = true;
  for (std::size_t i = 0; block.size() + 7 < count; ++i) {
    const auto at_us = time_us + static_cast<std::int64_t>(i / 2) * 20'000;
    const auto put = [&](const char* text) {
      quoted_frame frame{text, at_us};
      if (frame.data[3] == 0) {
        frame.data[3] = static_cast<std::uint8_t>(i);
        frame.data[4] = static_cast<std::uint8_t>(i >> 8U & 0x3FU);
      }
      fits = fits && block.push(frame.time_us, frame.header, frame.data.data());
    };
    put(i % 3 == 0 ? "0CF00400#FFFFFF0000FFFFFF" : "18FEF100#FF0014FFFFFFFFFF");
    if (i % 2 == 0)
      put("124#FD00000000000020");
    if (i % 50 == 0) {
      put("18ECFF00#200A0002FFCAFE00");
      put("18EBFF00#0110FF6E00000564");
      put("0CF00400#FFFFFF0000FFFFFF");
      put("18EBFF00#02000301FFFFFFFF");
    }
  }
  REQUIRE(fits);
  return block;
}

/// A machine with some 320,000 frames: two pages of SQLite's store. The tests share it.
const store_bed& long_bed() {
  static const auto bed = make_bed();
  static const auto opened = bed->open_migrated();
  auto& store = *opened;
  static bool filled = false;
  if (std::exchange(filled, true))
    return *bed;
  const auto claimed = claim(store, request_for("T1", 1)).claim;
  const auto lane = store.open_appender("w0");
  std::uint64_t seq = 0;
  for (int i = 0; i < 8; ++i) {
    auto block = long_block(40'000, record_start_us + i * std::int64_t{400'000'000});
    const auto count = block.size();
    REQUIRE(append(*lane, {append_of(claimed, seq, std::move(block))}));
    seq += count;
  }
  const scratch_folder folder;
  const auto dbc =
    folder.write("big.dbc", "BO_ 292 BIG: 8 X\n SG_ serial : 0|64@1+ (1,0) [0|0] \"\" X\n");
  good({"dbc", "load", dbc, "--for", "T1", "--database", bed->url()});
  plain_digest{store}.run_all();
  return *bed;
}

std::string content(const std::string& name) {
  std::string out(fs::file_size(name), '\0');
  std::ifstream{name, std::ios::binary}.read(out.data(), static_cast<std::streamsize>(out.size()));
  return out;
}

std::vector<std::string> export_words(const store_bed& bed, std::vector<std::string> words) {
  words.insert(words.begin(), "export");
  words.insert(words.end(), {"--database", bed.url(), "--equipment", "T1"});
  return words;
}

/// Runs it with a limit for the size of files, as on a full disk.
program_result on_full_disk(const std::vector<std::string>& words, int kilobytes) {
  std::vector<std::string> all{"/bin/bash", "-c",
                               "trap '' XFSZ; ulimit -f " + std::to_string(kilobytes)
                                 + "; exec \"$0\" \"$@\"",
                               FURROW_BIN_DIR "/furrow"};
  all.insert(all.end(), words.begin(), words.end());
  return run_program(std::move(all));
}

bool in_one_line(const std::string& errors, const std::string& part) {
  return std::count(errors.begin(), errors.end(), '\n') == 1 && has(errors, part);
}

/// Interrupts the export as on a full disk, goes on, and compares with an export in one go.
void check_resumed(const store_bed& bed, const std::vector<std::string>& kind, const char* ending) {
  CAPTURE(kind[0]);
  CAPTURE(ending);
  const scratch_folder folder;
  const auto whole = folder.file(std::string{"whole."} + ending);
  const auto parts = folder.file(std::string{"parts."} + ending);
  auto words = export_words(bed, kind);
  words.push_back("-o");
  words.push_back(whole);
  REQUIRE(run(words).exit_code == 0);
  words.back() = parts;
  const auto cut = on_full_disk(words, 4'000);
  CHECK(cut.exit_code == 1);
  CHECK(in_one_line(cut.errors, "go on with the same command and --resume"));
  CHECK_FALSE(fs::exists(parts));
  CHECK(fs::file_size(parts + ".part") == 4'096'000);
  CHECK(in_one_line(run(words).errors, "--resume goes on with it, --force begins again"));
  words.push_back("--resume");
  const auto resumed = run(words);
  CAPTURE(resumed.errors);
  CHECK(resumed.exit_code == 0);
  CHECK(content(parts) == content(whole));
  CHECK_FALSE(fs::exists(parts + ".part"));
  CHECK_FALSE(fs::exists(parts + ".part.position"));
}

} // namespace

TEST_CASE("furrow export: a full disk leaves a part, and --resume gives the same file") {
  const auto& bed = long_bed();
  check_resumed(bed, {"signals", "--signals", "EEC1.*,DM1.*"}, "csv");
  check_resumed(bed, {"signals", "--wide", "--signals", "EEC1.engine_speed,CCVS1.*,BIG.serial"},
                "jsonl");
  check_resumed(bed, {"frames"}, "csv");
}

TEST_CASE("furrow export: Ctrl-C ends it with a part that goes on") {
  const auto& bed = long_bed();
  const scratch_folder folder;
  const auto whole = folder.file("whole.csv");
  const auto parts = folder.file("parts.csv");
  auto words = export_words(bed, {"signals", "-o", whole});
  REQUIRE(run(words).exit_code == 0);
  words[3] = parts;
  auto all = words;
  all.insert(all.begin(), FURROW_BIN_DIR "/furrow");
  std::vector<char*> raw;
  for (auto& word : all)
    raw.push_back(word.data());
  raw.push_back(nullptr);
  const auto child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC),
           STDERR_FILENO); // what it says there is not for the log
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  const auto began = [&] {
    std::error_code none;
    const auto bytes = fs::file_size(parts + ".part", none);
    return !none && bytes > 0;
  };
  for (int i = 0; i < 6'000 && !began(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK_FALSE(fs::exists(parts));
  words.push_back("--resume");
  CHECK(run(words).exit_code == 0);
  CHECK(content(parts) == content(whole));
}

TEST_CASE("furrow export: refuses what it should not touch, and says what to do") {
  const auto& bed = long_bed();
  const scratch_folder folder;
  const auto file = folder.write("t1.csv", "precious");
  const auto words = [&](std::vector<std::string> more) {
    return export_words(bed, std::move(more));
  };
  CHECK(has(bad(words({"telemetry", "-o", file})), "is there already; --force replaces it"));
  CHECK(content(file) == "precious");
  CHECK(has(bad(words({"telemetry", "-o", folder.file("t1.xls")}), 2), ".csv, .jsonl or .parquet"));
  CHECK(has(bad(words({"telemetry", "-o", "-"}), 2), "add --format"));
  CHECK(has(bad(words({"telemetry", "-o", folder.file("no/t1.csv")})), "No such file"));
  CHECK(has(bad(words({"signals", "--signals", "EEC1.engine_sped", "-o", folder.file("a.csv")}), 4),
            "did you mean \"EEC1.engine_speed\"?"));
  CHECK(has(bad(words({"signals", "--signals", "XYZ*", "-o", folder.file("a.csv")}), 4), "XYZ*"));
  CHECK(has(bad({"export", "frames", "--database", bed.url(), "--equipment", "T9", "-o",
                 folder.file("a.csv")},
                4),
            "no equipment T9"));
  CHECK(has(
    bad(words({"frames", "--from", "2026-05-02", "--to", "2026-05-01", "-o", folder.file("a.csv")}),
        2),
    "is after --to"));
  CHECK(run(words({"telemetry", "-o", file, "--resume", "--force"})).exit_code == 2);
  CHECK(run(words({"signals", "--wide", "--long", "-o", file})).exit_code == 2);

  // An export of something else is not gone on with.
  const auto part = folder.file("b.csv");
  CHECK(on_full_disk(words({"frames", "-o", part}), 4'000).exit_code == 1);
  CHECK(has(bad(words({"frames", "--to", "2026-05-01T06:40:00Z", "-o", part, "--resume"})),
            "holds another selection"));
  CHECK(run(words({"frames", "--to", "2026-05-01T06:31:00Z", "-o", part, "--force"})).exit_code
        == 0);

  const auto out = run(words({"telemetry", "-o", "-", "--format", "jsonl"}));
  CHECK(out.exit_code == 0);
  CHECK(out.errors == "");
  CHECK(has(out.out, R"({"time":"2026-05-01T06:30:00.000000Z","mode":)"));
}
