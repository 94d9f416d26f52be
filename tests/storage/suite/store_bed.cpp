#include "tests/storage/suite/store_bed.hpp"

#include "storage/frames.hpp"

#include <algorithm>
#include <array>

namespace furrow::tests {

using namespace storage;

std::unique_ptr<store> store_bed::open() const {
  store_options options;
  options.url = url();
  return must(open_store(options));
}

std::unique_ptr<store> store_bed::open_migrated() const {
  auto opened = open();
  must(answer_of<std::vector<migration_row>>([&](auto done) { opened->migrate(done); }));
  return opened;
}

can::stream_id stream_id_of(unsigned number) {
  can::stream_id id{};
  for (unsigned i = 0; i < 4; ++i)
    id[15 - i] = static_cast<std::uint8_t>(number >> 8 * i);
  id[0] = 0xA5;
  return id;
}

claim_request
request_for(const std::string& equipment, unsigned stream, std::vector<can::run_mark> runs) {
  return {"default", equipment, stream_id_of(stream), std::nullopt, std::move(runs)};
}

claim_outcome claim(store& store, const claim_request& request) {
  auto outcomes =
    must(answer_of<std::vector<claim_outcome>>([&](auto done) { store.claim({request}, done); }));
  REQUIRE(outcomes.size() == 1);
  return outcomes[0];
}

storage::result<append_outcome> append(appender& lane, append_batch batch) {
  return answer_of<append_outcome>(
    [&](auto done) { lane.append(std::make_shared<const append_batch>(std::move(batch)), done); });
}

std::vector<ledger_row> ledger(store& store, const std::string& equipment) {
  return must(
    answer_of<std::vector<ledger_row>>([&](auto done) { store.read_ledger("", equipment, done); }));
}

std::vector<frame_run> read_all(store& store, const frames_query& query) {
  std::vector<frame_run> runs;
  std::optional<frames_cursor> cursor{std::in_place};
  while (cursor) {
    auto page = must(answer_of<frames_page>(
      [&](auto done) { store.frames()->read_frames(query, *cursor, done); }));
    std::move(page.runs.begin(), page.runs.end(), std::back_inserter(runs));
    cursor = page.next;
  }
  return runs;
}

can::frame_block mixed_block(unsigned seed, std::size_t count, std::int64_t time_us) {
  std::mt19937 random{seed};
  can::frame_block block;
  std::array<std::uint8_t, can::xl_bytes_max> payload{};
  constexpr std::array<std::uint16_t, 5> fd_lengths{0, 8, 12, 48, 64};
  while (block.size() < count) {
    can::header_parts parts;
    parts.bus = static_cast<std::uint8_t>(random() % 3);
    parts.extended = random() % 4 != 0;
    parts.id = parts.extended ? 0x0CF00400 + random() % 8 * 0x100 : random() % 0x20;
    const auto kind = random() % 20;
    parts.length = static_cast<std::uint16_t>(random() % 9);
    if (kind == 0) {
      parts.kind = can::frame_kind::fd;
      parts.length = fd_lengths[random() % fd_lengths.size()];
      parts.nibble = 4;
    } else if (kind == 1) {
      parts = {.id = 5, .length = 100, .kind = can::frame_kind::xl};
    } else if (kind == 2) {
      parts.remote = true;
    } else if (kind == 3) {
      parts = {.id = 4, .error = true, .length = 8};
    } else if (kind == 4) {
      parts.length = 8;
      parts.nibble = 12;
    }
    for (std::size_t i = 0; i < parts.length; ++i)
      payload[i] = static_cast<std::uint8_t>(random());
    REQUIRE(block.push(time_us, can::pack(parts), payload.data()));
    time_us += static_cast<std::int64_t>(random() % 3'000) - 300;
  }
  return block;
}

stream_append append_of(const stream_claim& claim, std::uint64_t from, can::frame_block block) {
  stream_append out;
  out.claim = claim;
  out.from = from;
  out.to = from + block.size();
  out.sent = out.to;
  out.frames.push_back({from + 1, std::move(block)});
  return out;
}

void check_same_frames(const can::frame_block& stored, const can::frame_block& given) {
  REQUIRE(stored.size() == given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto left = stored[i];
    const auto right = given[i];
    REQUIRE(left.time_us == right.time_us);
    REQUIRE(left.header == right.header);
    REQUIRE(std::ranges::equal(left.payload(), right.payload()));
  }
}

} // namespace furrow::tests
