#include "tests/storage/suite/digest_bed.hpp"

#include "can/dbc/catalogue.hpp"
#include "storage/dbc/signal_rows.hpp"

namespace furrow::tests {

using namespace storage;

namespace {

const can::dbc_file& catalogue() {
  static const auto file =
    can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict).value();
  return file;
}

} // namespace

std::shared_ptr<const can::decode_plan> catalogue_plan() {
  static const auto plan = [] {
    const can::dbc_file* files[] = {&catalogue()};
    return std::make_shared<const can::decode_plan>(*can::decode_plan::compile(files));
  }();
  return plan;
}

plain_digest::plain_digest(store& store)
  : lane_{store.digest()}, ids_{must(answer_of<std::vector<std::int32_t>>([&](auto done) {
      lane_->signal_ids(digest_signals_of(catalogue(), *catalogue_plan()), done);
    }))} {}

std::vector<digest_stream> plain_digest::pending(std::int32_t after) {
  return must(
    answer_of<std::vector<digest_stream>>([&](auto done) { lane_->pending(after, 100, done); }));
}

digest_commit plain_digest::run(const digest_stream& of, std::uint64_t items) {
  can::stream_digest digest{catalogue_plan(), {}};
  if (of.state.empty())
    REQUIRE(of.digested == 0);
  else
    REQUIRE(digest.resume(of.digested, of.state));
  digest.mark_after(mark_after_us);
  const auto up_to = std::min(of.durable, of.digested + items);
  const auto page = must(answer_of<std::vector<digest_page>>([&](auto done) {
                      lane_->read({{of.stream, of.digested, up_to}}, done);
                    }))
                      .at(0);
  for (const auto& run : page.runs)
    digest.take_frames(run.seq_first, run.block, page.to);
  digest.pass(page.to);
  auto rows = digest.take();
  for (auto& row : rows.rollups)
    row.signal = static_cast<std::uint32_t>(number_of(row.signal));
  merge(rows.rollups);
  return {of.stream, of.equipment, of.digested, page.to, digest.save(), std::move(rows)};
}

std::int32_t plain_digest::number_of(std::uint32_t signal) {
  const auto process = can::process_key_of(signal);
  if (!process)
    return ids_[signal];
  const auto [at, made] = process_ids_.try_emplace(signal);
  if (made)
    at->second = must(answer_of<std::vector<std::int32_t>>([&](auto done) {
                   lane_->signal_ids({{can::signal_name(*process), "process data 1"}}, done);
                 }))
                   .at(0);
  return at->second;
}

std::vector<bool> plain_digest::commit(const digest_batch& what) {
  return must(answer_of<std::vector<bool>>(
    [&](auto done) { lane_->commit(std::make_shared<const digest_batch>(what), done); }));
}

bool plain_digest::commit(const digest_commit& what) {
  return commit(digest_batch{what}).at(0);
}

void plain_digest::run_all(std::uint64_t items) {
  for (auto streams = pending(); !streams.empty(); streams = pending())
    for (const auto& one : streams)
      static_cast<void>(commit(run(one, items)));
}

} // namespace furrow::tests
