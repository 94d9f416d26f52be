#include "tests/storage/suite/resuming_writer.hpp"

#include "tests/support/eventually.hpp"

#include <algorithm>
#include <optional>

namespace furrow::tests {

using namespace storage;

namespace {

using clock = std::chrono::steady_clock;

/// Claims until the database grants it: a database that is away answers retry_later.
claim_outcome claim_patiently(store& store, clock::time_point deadline) {
  std::optional<storage::result<std::vector<claim_outcome>>> outcome;
  (void)eventually(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()),
                   [&] {
                     outcome = answer_of<std::vector<claim_outcome>>(
                       [&](auto done) { store.claim({request_for("T1", 1)}, done); });
                     return *outcome || outcome->code() != errc::retry_later;
                   });
  return must(std::move(*outcome)).front();
}

} // namespace

can::frame_block block_after(std::uint64_t seq) {
  return mixed_block(static_cast<unsigned>(seq), block_frames,
                     1'700'000'000'000'000 + static_cast<std::int64_t>(seq) * 1'000);
}

writer_report write_until(store& store,
                          std::uint64_t total,
                          const std::function<void(std::uint64_t)>& acked,
                          bool stop_when_fenced) {
  const auto deadline = clock::now() + patience;
  writer_report report;
  const auto lane = store.open_appender("w0");
  auto claimed = claim_patiently(store, deadline);
  report.durable = claimed.durable_seq;
  while (report.durable < total) {
    const auto outcome =
      append(*lane, {append_of(claimed.claim, report.durable, block_after(report.durable))});
    if (outcome && outcome->fenced.empty()) {
      report.durable += block_frames;
      acked(report.durable);
      continue;
    }
    if (outcome) {
      ++report.fenced;
      if (stop_when_fenced)
        return report;
    } else {
      ++report.doubts;
      if ((outcome.code() != errc::in_doubt && outcome.code() != errc::retry_later)
          || clock::now() > deadline)
        throw std::runtime_error{outcome.error().detail};
    }
    claimed = claim_patiently(store, deadline);
    report.durable = claimed.durable_seq;
  }
  return report;
}

void check_written(store& store, std::uint64_t total) {
  const auto rows = ledger(store, "T1");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].durable == total);
  CHECK(rows[0].stored == total);
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
  std::uint64_t seq = 0;
  for (const auto& run : read_all(store, {"default", "T1", std::nullopt, std::nullopt})) {
    REQUIRE(run.seq_first == seq + 1);
    check_same_frames(run.block, block_after(seq));
    seq += run.block.size();
  }
  CHECK(seq == total);
}

} // namespace furrow::tests
