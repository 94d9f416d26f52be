#include "tools/furrowd/forward/relay_items.hpp"

#include "proto/wire.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace furrow::daemon {

relay_items::relay_items(storage::forward_head head, byte_rate& rate, events on)
  : head_{std::move(head)}, rate_{rate}, on_{std::move(on)} {}

void relay_items::grow(std::uint64_t last) {
  head_.last = std::max(head_.last, last);
}

void relay_items::renew(storage::forward_head head) {
  const auto last = std::max(head_.last, head.last);
  head_ = std::move(head);
  head_.last = last;
}

edge::stream_state relay_items::state() const {
  edge::stream_state state;
  state.stream_id = head_.id;
  state.first_seq = 1; // what is gone is told so
  state.last_seq = head_.last;
  state.acked_seq = acked_;
  state.runs = head_.runs;
  state.buses = head_.buses;
  return state;
}

void relay_items::take(storage::forward_page page) {
  const auto expected = window_.empty() ? asked_after_ + 1 : window_.back().seq_last() + 1;
  if (!asked_ || page.groups.empty() || page.groups.front().first != expected)
    return;
  asked_ = false;
  for (auto& group : page.groups) {
    const auto count = std::visit([](const auto& items) { return items.size(); }, group.items);
    auto bytes = std::make_shared<const std::string>(proto::encode_items(group.items));
    bytes_ += bytes->size();
    window_.push_back({group.first, static_cast<std::uint32_t>(count), std::move(bytes)});
  }
  ask_for_more();
}

void relay_items::ask(std::uint64_t after) {
  if (asked_ && asked_after_ == after)
    return;
  asked_ = true;
  asked_after_ = after;
  on_.needs(after);
}

/// The next page is on its way while this one is sent.
void relay_items::ask_for_more() {
  if (window_.empty() || bytes_ >= window_low || window_.back().seq_last() >= head_.last)
    return;
  ask(window_.back().seq_last());
}

void relay_items::drop_before(std::uint64_t from) {
  while (!window_.empty() && window_.front().seq_last() < from) {
    bytes_ -= window_.front().bytes->size();
    window_.pop_front();
  }
}

bool relay_items::ready(std::uint64_t from) {
  if (!window_.empty() && from < window_.front().seq_first) {
    window_.clear(); // a rewind to items that have been sent
    bytes_ = 0;
  }
  drop_before(from);
  if (window_.empty()) {
    ask(from - 1);
    return false;
  }
  ask_for_more();
  const auto now = std::chrono::steady_clock::now();
  if (rate_.open(now))
    return true;
  on_.held(rate_.wait(now));
  return false;
}

edge::result<std::vector<edge::item_block>>
relay_items::read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) {
  drop_before(from);
  std::vector<edge::item_block> out;
  std::size_t bytes = 0;
  for (const auto& block : window_) {
    if (!out.empty() && (bytes + block.bytes->size() > bytes_max || out.size() >= blocks_max))
      break;
    bytes += block.bytes->size();
    out.push_back(block);
  }
  return out;
}

void relay_items::note_sent(std::size_t bytes) {
  if (!rate_.limited())
    return;
  rate_.take(bytes, std::chrono::steady_clock::now());
  taken_seen_ += bytes;
}

void relay_items::note_sampled(std::size_t bytes) {
  if (rate_.limited())
    rate_.take_sample(bytes, std::chrono::steady_clock::now(), turn_);
}

void relay_items::begin_samples() {
  newest_.begin();
  taken_seen_ = rate_.taken();
}

std::size_t relay_items::sent_by_others() {
  return static_cast<std::size_t>(rate_.taken() - std::exchange(taken_seen_, rate_.taken()));
}

bool relay_items::sample_ready() {
  if (newest_.is_reading())
    return false; // a slow read must not hold up the other lines
  const auto now = std::chrono::steady_clock::now();
  if (!rate_.open_for_sample(now, watched_, turn_))
    return false; // what is read now would be old when it may go
  std::optional<std::uint64_t> wanted;
  const bool ready = newest_.ready(head_.last, now, wanted);
  if (wanted)
    on_.needs_newest(*wanted);
  return ready;
}

can::frame_block relay_items::sample(std::uint64_t from, std::size_t bytes_max) {
  auto frames = newest_.give(from, std::min(bytes_max, rate_.sample_bytes_max(watched_)));
  if (frames.empty())
    rate_.pass_sample(turn_);
  return frames;
}

void relay_items::take_newest(std::uint64_t after, const storage::forward_page& page) {
  if (const auto next = newest_.take(after, page, std::chrono::steady_clock::now()))
    on_.needs_newest(*next);
}

edge::result<done> relay_items::welcomed(std::uint64_t resume_from, std::uint64_t run) {
  acked_ = resume_from - 1;
  on_.acked(acked_, run, true);
  return done{};
}

void relay_items::acknowledge(std::uint64_t durable_seq) {
  if (durable_seq <= acked_)
    return;
  acked_ = durable_seq;
  on_.acked(acked_, 0, false);
}

void relay_items::rewind(std::uint64_t from_seq) {
  if (from_seq > acked_)
    return;
  acked_ = from_seq - 1;
  on_.acked(acked_, 0, false);
}

edge::result<done> relay_items::fork(std::uint64_t fork_seq, std::uint64_t /*durable_seq*/) {
  return edge::failure{edge::errc::foreign,
                       "head office has other items of this stream from number "
                         + std::to_string(fork_seq)
                         + " on: the gateway has sent them to head office itself, or from a copy "
                           "of its spool"};
}

} // namespace furrow::daemon
