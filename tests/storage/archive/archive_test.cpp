// The content of an archive file reads back unchanged, and other files are rejected.
#include "storage/archive/file.hpp"
#include "tests/storage/suite/store_bed.hpp"
#include "tests/support/scratch_folder.hpp"

#include <fstream>
#include <iterator>
#include <random>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t start_us = 1'700'000'000'000'000;

/// Blocks with holes between their numbers, as records leave them.
std::vector<frame_run> some_runs(unsigned seed, unsigned count) {
  std::mt19937 random{seed};
  std::vector<frame_run> runs;
  std::uint64_t seq = 1 + random() % 1'000;
  auto time_us = start_us;
  for (unsigned i = 0; i < count; ++i) {
    runs.push_back({seq, mixed_block(seed + i, 1 + random() % 400, time_us)});
    seq += runs.back().block.size() + random() % 3;
    time_us += 1'000'000;
  }
  return runs;
}

std::string piece_of(const sealed_chunk& chunk) {
  std::string text;
  append_chunk(text, chunk);
  return text;
}

/// Compares frame by frame: blocks may be divided differently.
void check_same(const std::vector<frame_run>& left, const std::vector<frame_run>& right) {
  const auto lines = [](const std::vector<frame_run>& runs) {
    std::vector<std::string> out;
    for (const auto& run : runs)
      for (std::size_t i = 0; i < run.block.size(); ++i) {
        const auto frame = run.block[i];
        std::string line = std::to_string(run.seq_first + i) + ' ' + std::to_string(frame.time_us)
                           + ' ' + std::to_string(frame.header.bits) + ' ';
        line.append(frame.payload().begin(), frame.payload().end());
        out.push_back(std::move(line));
      }
    return out;
  };
  CHECK(lines(left) == lines(right));
}

archive_head some_head() {
  return {"north", "T1", stream_id_of(7), {{0, "can0"}, {2, "isobus"}}};
}

std::string bytes_of(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

} // namespace

TEST_CASE("archive: chunks of any content read back unchanged") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    const auto runs = some_runs(seed, 1 + seed % 9);
    REQUIRE(chunk_runs(runs) == runs.size());
    const auto piece = piece_of(seal(runs));
    REQUIRE(static_cast<std::uint8_t>(piece[0]) == 1);
    const auto back = read_chunk(std::string_view{piece}.substr(piece_head_bytes));
    REQUIRE(back);
    check_same(*back, runs);
  }
}

TEST_CASE("archive: cut, lengthened or changed bytes never give inconsistent frames") {
  std::mt19937 random{5};
  const auto runs = some_runs(3, 4);
  const auto whole = piece_of(seal(runs)).substr(piece_head_bytes);
  for (std::size_t cut = 0; cut < whole.size(); cut += 1 + random() % 37)
    CHECK_FALSE(read_chunk(std::string_view{whole}.substr(0, cut)));
  CHECK_FALSE(read_chunk(whole + 'x'));
  for (unsigned round = 0; round < 20'000; ++round) {
    auto changed = whole;
    for (unsigned i = 0; i <= round % 3; ++i)
      changed[random()
              % (round % 2 == 0 ? std::min<std::size_t>(changed.size(), 400) : changed.size())] =
        static_cast<char>(random());
    const auto back = read_chunk(changed);
    if (!back)
      continue;
    for (const auto& run : *back)
      if (run.block.structural_fault() != nullptr || run.block.empty()) {
        CAPTURE(round);
        REQUIRE(run.block.structural_fault() == nullptr);
      }
  }
}

TEST_CASE("archive: heads read back, and an invalid head differs from an incomplete one") {
  std::string text;
  append_head(text, some_head());
  std::size_t used = 0;
  bool wrong = true;
  const auto head = read_head(text + "more", used, wrong);
  REQUIRE(head);
  CHECK(*head == some_head());
  CHECK(used == text.size());
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CHECK_FALSE(read_head(std::string_view{text}.substr(0, cut), used, wrong));
    CHECK_FALSE(wrong);
  }
  CHECK_FALSE(read_head("furrowB1........", used, wrong));
  CHECK(wrong);
}

TEST_CASE("archive: a file gets its name only when complete, and reads back") {
  const scratch_folder folder;
  const auto path = folder.file("one.furrow");
  const auto first = some_runs(1, 5);
  auto second = some_runs(2, 3);
  for (auto& run : second)
    run.seq_first += 1'000'000;
  archive_facts written;
  {
    auto writer = must(archive_writer::create(path, some_head()));
    must(writer->add(seal(first)));
    CHECK_FALSE(std::filesystem::exists(path));
    must(writer->add(seal(second)));
    written = must(writer->finish());
  }
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
  std::vector<frame_run> runs;
  const auto read = must(read_archive(path, [&](const auto& head, const auto& part) {
    CHECK(head == some_head());
    runs.insert(runs.end(), part.begin(), part.end());
    return true;
  }));
  auto all = first;
  all.insert(all.end(), second.begin(), second.end());
  check_same(runs, all);
  CHECK(read.sha256 == written.sha256);
  CHECK(read.sha256.size() == 64);
  CHECK(read.bytes == std::filesystem::file_size(path));
  CHECK(read.totals == written.totals);
  CHECK(read.seq_first == written.seq_first);
  CHECK(read.seq_last == written.seq_last);
  CHECK(read.time_first_us == written.time_first_us);
  CHECK(read.time_last_us == written.time_last_us);

  { // an unfinished file leaves nothing
    auto writer = must(archive_writer::create(folder.file("two.furrow"), some_head()));
    must(writer->add(seal(first)));
  }
  CHECK_FALSE(std::filesystem::exists(folder.file("two.furrow")));
  CHECK_FALSE(std::filesystem::exists(folder.file("two.furrow.part")));
}

TEST_CASE("archive: rejects a damaged file in one line that names it") {
  const scratch_folder folder;
  const auto path = folder.file("one.furrow");
  auto writer = must(archive_writer::create(path, some_head()));
  must(writer->add(seal(some_runs(1, 5))));
  must(writer->finish());
  const auto whole = bytes_of(path);
  const auto verdict = [&](const std::string& bytes) {
    return read_archive(folder.write("bad.furrow", bytes),
                        [](const auto& /*head*/, const auto& /*runs*/) { return true; });
  };
  REQUIRE(verdict(whole));
  std::mt19937 random{9};
  for (std::size_t cut = 0; cut < whole.size(); cut += 1 + random() % 99)
    CHECK_FALSE(verdict(whole.substr(0, cut)));
  CHECK_FALSE(verdict(whole + whole));
  CHECK_FALSE(verdict(whole + "x"));
  for (int round = 0; round < 300; ++round) {
    auto changed = whole;
    changed[random() % changed.size()] ^= static_cast<char>(1U << random() % 8);
    const auto answer = verdict(changed);
    if (answer) // a bit that zstd ignores
      CHECK(answer->sha256 != must(verdict(whole)).sha256);
    else
      CHECK(answer.error().detail.find("bad.furrow: ") != std::string::npos);
  }
  CHECK(verdict("no archive").code() == errc::reject_row);
}
