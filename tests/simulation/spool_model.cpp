#include "tests/simulation/spool_model.hpp"

#include "proto/wire.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace furrow::simulation {

namespace {

constexpr std::uint16_t record_kind_unknown = 0x4000; // no table of its own
constexpr std::size_t items_max = 24;                 // of a block

proto::item_group group_of(std::span<const item_code> codes, std::uint64_t seq, bool as_records) {
  if (as_records) {
    std::vector<can::record> records;
    for (const auto code : codes)
      records.push_back(
        {static_cast<std::int64_t>(1'000 * seq++), record_kind_unknown, record_body(code)});
    return records;
  }
  can::frame_block block;
  for (const auto code : codes) {
    std::uint8_t payload[8];
    std::memcpy(payload, &code, sizeof payload);
    (void)block.push(static_cast<std::int64_t>(1'000 * seq++),
                     can::pack({.id = 0x18FF1234, .extended = true, .length = 8}), payload);
  }
  return block;
}

} // namespace

std::string record_body(item_code code) {
  return R"({"code":")" + std::to_string(code) + R"("})";
}

item_code code_in_body(const std::string& body) {
  const auto at = body.find(":\"");
  return at == std::string::npos ? 0 : std::strtoull(body.c_str() + at + 2, nullptr, 10);
}

spool_model::spool_model(std::uint64_t gateway, oracle& truth, dice& chance, ack_check check)
  : gateway_{gateway}, truth_{truth}, chance_{chance}, check_{std::move(check)} {
  new_stream();
  disk_ = memory_;
}

void spool_model::new_stream() {
  memory_ = {};
  const std::uint64_t bits[2] = {chance_.next(), chance_.next()};
  std::memcpy(memory_.stream.data(), bits, memory_.stream.size());
}

void spool_model::open() {
  memory_ = disk_;
  memory_.runs.push_back({chance_.next() >> 1U, last_seq() + 1});
  disk_ = memory_;
}

void spool_model::number(std::uint32_t count, bool as_records) {
  std::vector<item_code> codes;
  for (std::uint32_t i = 0; i < count; ++i)
    codes.push_back(gateway_ << 32U | ++items_);
  add(codes, as_records);
}

void spool_model::add(std::span<const item_code> codes, bool as_records) {
  while (!codes.empty()) {
    const auto part = codes.first(std::min(codes.size(), items_max));
    codes = codes.subspan(part.size());
    const auto first = last_seq() + 1;
    auto bytes = proto::encode_items(group_of(part, first, as_records));
    memory_.blocks.push_back({first, static_cast<std::uint32_t>(part.size()),
                              std::make_shared<const std::string>(std::move(bytes))});
    for (const auto code : part) {
      memory_.codes.push_back(code);
      truth_.numbered(memory_.stream, last_seq(), code);
    }
  }
}

edge::stream_state spool_model::state() const {
  return {memory_.stream, 1, last_seq(), memory_.acked, memory_.runs, {}};
}

edge::result<std::vector<edge::item_block>>
spool_model::read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) {
  std::vector<edge::item_block> out;
  auto at = std::lower_bound(
    memory_.blocks.begin(), memory_.blocks.end(), from,
    [](const edge::item_block& block, std::uint64_t seq) { return block.seq_last() < seq; });
  for (std::size_t bytes = 0;
       at != memory_.blocks.end() && bytes < bytes_max && out.size() < blocks_max; ++at) {
    out.push_back(*at);
    bytes += at->bytes->size();
  }
  return out;
}

void spool_model::now_acked(std::uint64_t seq) {
  const auto before = std::exchange(memory_.acked, std::min(seq, last_seq()));
  if (memory_.acked > before)
    check_(*this, before, memory_.acked);
}

edge::result<done> spool_model::welcomed(std::uint64_t resume_from, std::uint64_t run) {
  memory_.acked = std::min(memory_.acked, resume_from - 1);
  now_acked(resume_from - 1);
  const auto known = std::find_if(memory_.runs.begin(), memory_.runs.end(),
                                  [run](const can::run_mark& one) { return one.run == run; });
  if (known != memory_.runs.end())
    memory_.runs.erase(memory_.runs.begin(), known);
  return done{};
}

void spool_model::acknowledge(std::uint64_t durable_seq) {
  now_acked(std::max(memory_.acked, durable_seq));
}

void spool_model::rewind(std::uint64_t from_seq) {
  memory_.acked = std::min(memory_.acked, from_seq - 1);
}

edge::result<done> spool_model::fork(std::uint64_t fork_seq, std::uint64_t durable_seq) {
  ++forks_;
  const auto old = std::exchange(memory_, {});
  new_stream();
  const auto known = std::max(old.acked, durable_seq);
  std::vector<item_code> codes;
  for (std::uint64_t seq = 1; seq <= old.codes.size(); ++seq)
    if (seq >= fork_seq || seq > known)
      codes.push_back(old.codes[seq - 1]);
  memory_.runs.push_back({chance_.next() >> 1U, 1});
  add(codes, false);
  disk_ = memory_;
  return done{};
}

} // namespace furrow::simulation
