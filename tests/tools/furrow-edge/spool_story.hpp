/// A spool that is opened, filled, copied and looked at.
#pragma once

#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/spool/spool.hpp"

#include <doctest/doctest.h>

#include <sqlite3.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

/// A spool of one machine in a folder of its own, and the frames that it was given.
struct spool_story {
  scratch_folder folder;
  edge::spool_options options{.path = folder.file("t1.spool"), .equipment = "T1"};
  std::chrono::system_clock::time_point now{std::chrono::seconds{1'700'000'000}};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> damage;
  std::unique_ptr<edge::spool> open_spool;
  std::uint64_t given = 0; // frames appended so far; numbered_frames continues from here

  edge::spool& reopen() {
    open_spool.reset();
    auto opened = edge::spool::open(
      options, [this](auto first, auto count) { damage.emplace_back(first, count); },
      [this] { return now; });
    if (!opened)
      FAIL(opened.error().detail);
    open_spool = std::move(*opened);
    return *open_spool;
  }

  edge::result<done> try_append(std::size_t count, edge::source_row* progress = nullptr) {
    const std::vector<edge::encoded_group> groups{encoded(numbered_frames(given + 1, count))};
    auto ok = open_spool->append(groups, {}, progress);
    given += ok ? count : 0;
    return ok;
  }
  void append(std::size_t count) { REQUIRE(try_append(count)); }

  /// All that is there from `from` on: {number in the stream, number that the frame tells}.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> read_all(std::uint64_t from) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
    for (auto next = from; next <= open_spool->last_seq();) {
      const auto blocks = open_spool->read(next, 1U << 18U, 64);
      REQUIRE(blocks);
      REQUIRE_FALSE(blocks->empty());
      for (const auto& block : *blocks) {
        REQUIRE(block.seq_first <= next);
        const auto group = decoded(block);
        for (std::uint32_t i = 0; i < block.count; ++i) {
          const auto* frames = std::get_if<can::frame_block>(&group);
          out.emplace_back(block.seq_first + i, frames != nullptr ? frames->header(i).id() : 0);
        }
        next = block.seq_last() + 1;
      }
    }
    return out;
  }

  void sql(const std::string& statement) {
    open_spool.reset();
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(options.path.c_str(), &database) == SQLITE_OK);
    const auto code = sqlite3_exec(database, statement.c_str(), nullptr, nullptr, nullptr);
    CHECK_MESSAGE(code == SQLITE_OK, sqlite3_errmsg(database));
    sqlite3_close(database);
  }

  void copy_to(const std::string& name) const {
    for (const auto* ending : {"", "-wal"})
      if (std::filesystem::exists(options.path + ending))
        std::filesystem::copy_file(options.path + ending, folder.file(name) + ending);
  }

  void maintain_until_quiet() {
    for (int step = 0; step < 10'000; ++step) {
      const auto more = open_spool->maintain();
      REQUIRE(more);
      if (!*more)
        return;
    }
    FAIL("maintenance never ends");
  }
};

} // namespace furrow::tests
