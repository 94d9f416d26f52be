#include "tests/storage/suite/retention_bed.hpp"

#include "storage/partitions.hpp"
#include "storage/retention.hpp"

namespace furrow::tests {

using namespace storage;

std::uint64_t append_days(store& store,
                          const std::string& farm,
                          const std::string& equipment,
                          unsigned stream,
                          const std::vector<std::int64_t>& times_us) {
  auto request = request_for(equipment, stream);
  request.farm = farm;
  const auto claimed = claim(store, request);
  const auto lane = store.open_appender("w0");
  auto seq = claimed.durable_seq;
  append_batch batch;
  for (const auto time_us : times_us) {
    auto block = mixed_block(static_cast<unsigned>(stream * 1'000 + seq), 600, time_us);
    const auto frames = block.size();
    batch.push_back(append_of(claimed.claim, seq, std::move(block)));
    seq += frames;
  }
  must(append(*lane, std::move(batch)));
  return seq;
}

ledger_row ledger_of(store& store, const std::string& farm, const std::string& equipment) {
  const auto rows = must(answer_of<std::vector<ledger_row>>(
    [&](auto done) { store.read_ledger(farm, equipment, done); }));
  REQUIRE(rows.size() == 1);
  return rows[0];
}

void keep(storage::store& care,
          const std::string& farm,
          data_kind kind,
          std::optional<std::uint32_t> days) {
  must(answer_of<done>([&](auto done) {
    care.retention()->set_retention({farm, kind, days}, done);
  }));
}

storage::result<expire_outcome>
expire(storage::store& care, std::int64_t at_us, std::uint32_t steps_max) {
  expire_request request;
  request.at_us = at_us;
  request.steps_max = steps_max;
  return answer_of<expire_outcome>([&](auto done) { care.retention()->expire(request, done); });
}

storage::result<partition_outcome> keep_partitions(storage::store& care, std::int64_t at_us) {
  return answer_of<partition_outcome>(
    [&](auto done) { care.partitions()->keep_partitions(at_us, done); });
}

void check_nothing_lost(store& store) {
  const auto rows =
    must(answer_of<std::vector<ledger_row>>([&](auto done) { store.read_ledger("", "", done); }));
  CHECK_FALSE(rows.empty());
  for (const auto& row : rows) {
    CHECK(row.lost == 0);
    CHECK(row.doubled == 0);
    CHECK(row.stored + row.expired + row.dropped + row.lost_at_gateway == row.durable);
  }
}

} // namespace furrow::tests
