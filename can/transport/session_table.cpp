#include "can/transport/session_table.hpp"

#include <algorithm>

namespace furrow::can {

namespace {

/// Limit of the buffer that a closed session keeps for the next session of its slot, so that a steady
/// bus allocates nothing.
constexpr std::size_t spare_bytes_max = 256;

std::uint64_t apart_us(std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  return a >= b ? x - y : y - x;
}

bool is_over(const transport_session& session, std::int64_t now_us) {
  return apart_us(now_us, session.last_us) > static_cast<std::uint64_t>(session.timeout_us);
}

} // namespace

bool packet_window::has(std::uint32_t packet) const {
  if (packet < next_)
    return true;
  return reaches(packet) && (ahead_[packet % packets_max / 64] >> (packet % 64) & 1U) != 0;
}

void packet_window::mark(std::uint32_t packet) {
  if (packet < next_)
    return;
  ahead_[packet % packets_max / 64] |= std::uint64_t{1} << (packet % 64);
  for (;;) {
    auto& word = ahead_[next_ % packets_max / 64];
    const auto bit = std::uint64_t{1} << (next_ % 64);
    if ((word & bit) == 0)
      return;
    word &= ~bit;
    ++next_;
  }
}

std::size_t session_table::home_of(std::uint64_t key) const {
  return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> 32U) & (buckets_.size() - 1);
}

/// The bucket with the key, or the free bucket for it.
std::size_t session_table::bucket_of(std::uint64_t key) const {
  auto at = home_of(key);
  while (buckets_[at] != 0 && slots_[buckets_[at] - 1].key != key)
    at = (at + 1) & (buckets_.size() - 1);
  return at;
}

void session_table::rehash() {
  buckets_.assign(std::max<std::size_t>(16, buckets_.size() * 2), 0);
  for (auto slot = oldest_; slot != none; slot = slots_[slot].newer_)
    buckets_[bucket_of(slots_[slot].key)] = slot + 1;
}

void session_table::unlink(transport_session& session) {
  (session.older_ == none ? oldest_ : slots_[session.older_].newer_) = session.newer_;
  (session.newer_ == none ? newest_ : slots_[session.newer_].older_) = session.older_;
}

void session_table::link_newest(transport_session& session) {
  session.older_ = newest_;
  session.newer_ = none;
  (newest_ == none ? oldest_ : slots_[newest_].newer_) = session.slot_;
  newest_ = session.slot_;
}

transport_session* session_table::find(std::uint64_t key, std::int64_t now_us) {
  if (size_ == 0)
    return nullptr;
  const auto bucket = buckets_[bucket_of(key)];
  if (bucket == 0)
    return nullptr;
  auto& session = slots_[bucket - 1];
  if (!is_over(session, now_us))
    return &session;
  end_silent(session);
  return nullptr;
}

transport_session*
session_table::open(std::uint64_t key, std::int64_t now_us, std::int64_t timeout_us) {
  if (auto* same = find(key, now_us))
    close(*same);
  if (size_ >= limits_.sessions_max && !evict_oldest(nullptr, now_us))
    return nullptr;
  if ((size_ + 1) * 2 > buckets_.size())
    rehash();
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back().slot_ = free_.back();
  }
  auto& session = slots_[free_.back()];
  free_.pop_back();
  session.key = key;
  session.last_us = now_us;
  session.timeout_us = timeout_us;
  link_newest(session);
  buckets_[bucket_of(key)] = session.slot_ + 1;
  ++size_;
  return &session;
}

void session_table::touch(transport_session& session, std::int64_t now_us) {
  session.last_us = now_us;
  if (newest_ == session.slot_)
    return;
  unlink(session);
  link_newest(session);
}

void session_table::close(transport_session& session) {
  auto hole = bucket_of(session.key);
  // Entries that were placed after this bucket move up, so that no search stops at the gap.
  for (auto at = (hole + 1) & (buckets_.size() - 1); buckets_[at] != 0;
       at = (at + 1) & (buckets_.size() - 1)) {
    const auto home = home_of(slots_[buckets_[at] - 1].key);
    const auto mask = buckets_.size() - 1;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      buckets_[hole] = buckets_[at];
      hole = at;
    }
  }
  buckets_[hole] = 0;
  unlink(session);
  --size_;
  auto spare = std::move(session.data);
  const auto slot = session.slot_;
  session = transport_session{};
  session.slot_ = slot;
  if (spare.capacity() <= spare_bytes_max && size_ < 16) {
    spare.clear();
    session.data = std::move(spare);
  } else {
    buffer_bytes_ -= spare.capacity();
  }
  free_.push_back(slot);
}

void session_table::end_silent(transport_session& session) {
  if (!session.delivered)
    ++timed_out_;
  close(session);
}

bool session_table::evict_oldest(const transport_session* keep, std::int64_t now_us) {
  if (oldest_ == none)
    return false;
  auto& out = slots_[oldest_];
  if (&out == keep)
    return false;
  if (is_over(out, now_us)) {
    end_silent(out);
    return true;
  }
  if (!out.delivered && apart_us(now_us, out.last_us) < static_cast<std::uint64_t>(quiet_us))
    return false;
  if (!out.delivered)
    ++evicted_;
  close(out);
  return true;
}

bool session_table::grow(transport_session& session, std::size_t bytes, std::int64_t now_us) {
  if (bytes <= session.data.size())
    return true;
  if (bytes > session.data.capacity()) {
    // Doubling, but not beyond what the message needs.
    const auto held = session.data.capacity();
    const auto wanted = std::max(bytes, std::min<std::size_t>(held * 2, session.bytes));
    while (buffer_bytes_ - held + wanted > limits_.memory_bytes_max)
      if (!evict_oldest(&session, now_us))
        return false;
    session.data.reserve(wanted);
    buffer_bytes_ = buffer_bytes_ - held + session.data.capacity();
  }
  session.data.resize(bytes);
  return true;
}

void session_table::take(transport_session& session, std::vector<std::uint8_t>& out) {
  const auto before = session.data.capacity();
  out.swap(session.data);
  session.data.clear();
  buffer_bytes_ = buffer_bytes_ - before + session.data.capacity();
}

void session_table::expire(std::int64_t now_us) {
  while (oldest_ != none && is_over(slots_[oldest_], now_us))
    end_silent(slots_[oldest_]);
}

void packet_window::save(state_writer& out) const {
  out.number(next_);
  for (const auto word : ahead_)
    out.number(word);
}

void packet_window::restore(state_reader& from) {
  next_ = from.number<std::uint32_t>();
  for (auto& word : ahead_)
    word = from.number<std::uint64_t>();
}

void session_table::save(state_writer& out) const {
  out.number(static_cast<std::uint32_t>(size_));
  for (auto slot = oldest_; slot != none; slot = slots_[slot].newer_) {
    const auto& session = slots_[slot];
    out.number(session.key);
    out.number(session.last_us);
    out.number(session.timeout_us);
    // The last number: packets_offered in the lowest byte, above it the next sequence number, 0 for
    // none.
    const auto sequence = session.packet_next == transport_session::no_packet
                            ? 0
                            : session.packet_next - session.packet_base + 1;
    for (const auto number : {session.pgn, session.bytes, session.packets, session.packet_base,
                              session.packets_offered | sequence << 8U})
      out.number(number);
    out.number(session.delivered);
    session.window.save(out);
    out.bytes(session.data);
  }
}

void session_table::restore(state_reader& from) {
  const auto count = from.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && !from.failed(); ++i) {
    const auto key = from.number<std::uint64_t>();
    const auto last_us = from.number<std::int64_t>();
    const auto timeout_us = from.number<std::int64_t>();
    auto* session = open(key, last_us, timeout_us);
    if (session == nullptr)
      return from.fail();
    for (auto* number : {&session->pgn, &session->bytes, &session->packets, &session->packet_base,
                         &session->packets_offered})
      *number = from.number<std::uint32_t>();
    const auto sequence = session->packets_offered >> 8U;
    session->packets_offered &= 0xFFU;
    session->packet_next =
      sequence == 0 ? transport_session::no_packet : session->packet_base + sequence - 1;
    session->delivered = from.number<bool>();
    session->window.restore(from);
    const auto data = from.bytes();
    // The window marks received bytes; none may be beyond the buffer.
    if (session->packets > 0xFFFFFFU || !grow(*session, data.size(), last_us))
      return from.fail();
    std::copy(data.begin(), data.end(), session->data.begin());
  }
}

} // namespace furrow::can
