#include "can/live/stream_digest.hpp"

#include "can/frame/identifier.hpp"
#include "can/live/meaning.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace furrow::can {

namespace {

constexpr transport_limits limits{256, 256U << 10U};
constexpr std::uint8_t state_version = 2;
constexpr std::uint8_t version_without_faults = 1;

/// The times that PostgreSQL and 64 bits of microseconds can hold, less a minute at each end.
constexpr std::int64_t time_us_min = -210'866'803'200'000'000;
constexpr std::int64_t time_us_max = 9'000'000'000'000'000'000;

/// FNV-1a: detects state that a disk or a person has changed.
std::uint64_t checksum(std::span<const std::uint8_t> bytes) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const auto byte : bytes)
    hash = (hash ^ byte) * 0x100000001B3U;
  return hash;
}

} // namespace

stream_digest::stream_digest(std::shared_ptr<const decode_plan> plan, telemetry_settings settings)
  : plan_{std::move(plan)}, whole_{limits}, sampler_{settings}, sums_{*plan_},
    values_(plan_->signals_max()) {}

bool stream_digest::resume(std::uint64_t seq, std::span<const std::uint8_t> state) {
  seq_ = seq;
  state_reader reader{state};
  const auto version = reader.number<std::uint8_t>();
  const auto sum = reader.number<std::uint64_t>();
  const auto held = reader.bytes();
  const bool known = version == state_version || version == version_without_faults;
  if (!known || reader.failed() || !reader.empty() || checksum(held) != sum)
    return false;
  state_reader from{held};
  reassembler whole{limits};
  live_state live;
  whole.restore(from);
  restore(live, from);
  fault_log faults;
  if (version != version_without_faults)
    faults.restore(from);
  if (from.failed() || !from.empty())
    return false;
  whole_ = std::move(whole);
  live_ = live;
  faults_ = std::move(faults);
  return true;
}

std::vector<std::uint8_t> stream_digest::save() const {
  state_writer inner;
  whole_.save(inner);
  can::save(live_, inner);
  faults_.save(inner);
  const auto held = inner.take();
  state_writer out;
  out.number(state_version);
  out.number(checksum(held));
  out.bytes(held);
  return out.take();
}

void stream_digest::take_frames(std::uint64_t seq_first,
                                const frame_block& block,
                                std::uint64_t seq_last) {
  known_.clear();
  for (const auto bits : block.headers)
    known_.push_back(plan_->find(frame_header{bits}));
  const auto end =
    seq_last < seq_first ? 0 : std::min<std::uint64_t>(block.size(), seq_last - seq_first + 1);
  for (std::uint64_t i = seq_ < seq_first ? 0 : seq_ - seq_first + 1; i < end; ++i) {
    seq_ = seq_first + i;
    const auto frame = block[i];
    if (frame.time_us < time_us_min || frame.time_us > time_us_max)
      ++out_of_time_;
    else
      take_frame(frame, known_[block.header_index[i]]);
  }
}

void stream_digest::mark(std::int64_t time_us) {
  if (mark_.frames++ == 0) {
    mark_.first = seq_;
    mark_.earliest_us = mark_.latest_us = time_us;
  }
  mark_.last = seq_;
  mark_.earliest_us = std::min(mark_.earliest_us, time_us);
  mark_.latest_us = std::max(mark_.latest_us, time_us);
}

void stream_digest::take_frame(const frame_view& frame, const plan_message* known) {
  if (frame.time_us > mark_.after_us)
    mark(frame.time_us);
  sampler_.before(live_, frame.time_us);
  const auto pgn = pgn_of(frame.header.id());
  std::optional<assembled_message> message;
  if (!frame.header.extended() || !is_extended_transport(pgn))
    message = whole_.feed(frame);
  if (message) {
    live_.update(*message);
    faults_.update(*message, seq_);
  }
  sampler_.after(frame.time_us, seq_);
  if (own_ != nullptr)
    own_->take(frame, message ? &*message : nullptr);
  const auto meant = meaning_of(*plan_, known, frame, message ? &*message : nullptr);
  if (meant.message != nullptr)
    sum_up(*meant.message, frame.time_us, meant.data);
}

void stream_digest::sum_up(const plan_message& message,
                           std::int64_t time_us,
                           std::span<const std::uint8_t> data) {
  if (message.pgn == pgn_process_data) { // each element and DDI is a signal of its own
    if (const auto process = parse_process_data(data); process && process->carries_value())
      sums_.add(*process, time_us);
    return;
  }
  const auto count = plan_->decode(message, data, values_);
  for (std::size_t i = 0; i < count; ++i)
    if (const auto& one = values_[i];
        one.state == signal_state::value && std::isfinite(one.physical))
      sums_.add(one.signal, time_us, one.physical);
}

digest_rows stream_digest::take() {
  digest_rows rows{sums_.take(), sampler_.take(live_), faults_.take(), {}};
  if (mark_.frames != 0)
    rows.marks.push_back(std::exchange(mark_, clock_mark{.after_us = mark_.after_us}));
  return rows;
}

} // namespace furrow::can
