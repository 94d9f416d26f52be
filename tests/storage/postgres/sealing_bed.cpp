#include "tests/storage/postgres/sealing_bed.hpp"

#include "can/logs/bus_table.hpp"
#include "can/logs/log_format.hpp"
#include "storage/sealing.hpp"
#include "tests/support/data.hpp"

#include <algorithm>

namespace furrow::tests {

using namespace storage;

std::vector<can::frame_block> blocks_of_log(const std::filesystem::path& path) {
  constexpr std::size_t frames_a_block = 1'000;
  const auto text = read_file(path);
  can::log_reader reader;
  can::log_line line;
  can::log_payload payload;
  can::bus_table buses;
  std::vector<can::frame_block> blocks(1);
  reader.feed(text);
  for (int pass = 0; pass < 2; ++pass) {
    while (reader.next(line, payload)) {
      if (line.kind != can::line_kind::frame)
        continue;
      auto bits = line.header.bits;
      bits |= std::uint64_t{buses.bus_of(line.interface).value_or(0)} << 32U;
      if (blocks.back().size() < frames_a_block
          && blocks.back().push(line.time_us, {bits}, payload.data()))
        continue;
      REQUIRE(blocks.emplace_back().push(line.time_us, {bits}, payload.data()));
    }
    reader.finish();
  }
  if (blocks.back().empty())
    blocks.pop_back();
  return blocks;
}

std::uint64_t append_blocks(store& store,
                            const std::string& equipment,
                            unsigned number,
                            const std::vector<can::frame_block>& blocks) {
  const auto claimed = claim(store, request_for(equipment, number));
  const auto lane = store.open_appender("w0");
  auto seq = claimed.durable_seq;
  append_batch batch;
  for (const auto& block : blocks) {
    batch.push_back(append_of(claimed.claim, seq, block));
    seq += block.size();
  }
  REQUIRE(append(*lane, std::move(batch)));
  return seq;
}

storage::result<seal_outcome> seal(store& store, seal_request request) {
  return answer_of<seal_outcome>(
    [&](auto done) { store.sealing()->seal(std::move(request), done); });
}

std::string
frames_digest(postgres_bed& bed, const std::string& equipment, const std::string& filter) {
  return bed.value(
    "select count(*) || ' ' || md5(coalesce(string_agg(f.text, ';' order by f.text), "
    "'')) from (select concat_ws(',', seq, extract(epoch from time) * 1000000, bus, "
    "can_id, extended, dlc, payload) as text from furrow.frames('"
    + equipment + "', " + (filter.empty() ? "'-infinity', 'infinity'" : filter) + ")) f");
}

void check_same_runs(const std::vector<frame_run>& left, const std::vector<frame_run>& right) {
  struct frame {
    const frame_run* run;
    std::size_t at;
  };
  const auto frames_of = [](const std::vector<frame_run>& runs) {
    std::vector<frame> out;
    for (const auto& run : runs)
      for (std::size_t i = 0; i < run.block.size(); ++i)
        out.push_back({&run, i});
    return out;
  };
  const auto lefts = frames_of(left);
  const auto rights = frames_of(right);
  REQUIRE(lefts.size() == rights.size());
  for (std::size_t i = 0; i < lefts.size(); ++i) {
    const auto [a, at] = lefts[i];
    const auto [b, bt] = rights[i];
    const bool same = a->seq_first + at == b->seq_first + bt
                      && a->block.time_us(at) == b->block.time_us(bt)
                      && a->block.header(at) == b->block.header(bt)
                      && std::ranges::equal(a->block[at].payload(), b->block[bt].payload());
    if (!same) {
      CAPTURE(i);
      REQUIRE(same);
    }
  }
}

void append_half_sealed(storage::store& store, const std::vector<can::frame_block>& blocks) {
  const auto half = blocks.size() / 2 + 1;
  append_blocks(store, "T1", 1,
                {blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(half)});
  must(seal(store));
  if (half < blocks.size())
    append_blocks(store, "T1", 1,
                  {blocks.begin() + static_cast<std::ptrdiff_t>(half), blocks.end()});
}

} // namespace furrow::tests
